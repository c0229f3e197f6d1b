-- Whether the operator exists without which sp_enlist_tsx refuses (14363). Rights: SELECT on sysoperators(name).
SELECT CAST(NULL AS tinyint) AS [set:operator],
       CAST(o.name AS nvarchar(128)) AS operator_name
FROM msdb.dbo.sysoperators AS o
WHERE o.name = N'MSXOperator';
