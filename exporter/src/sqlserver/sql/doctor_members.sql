-- Who may log in as a target: sp_enlist_tsx and polling need this role, or sysadmin.
-- Rights: VIEW DEFINITION on the database.
SELECT CAST(NULL AS tinyint) AS [set:doctor_members],
       CAST(m.name AS nvarchar(128)) AS member_name,
       CAST(m.type_desc AS nvarchar(60)) AS member_type
FROM msdb.sys.database_role_members AS r
INNER JOIN msdb.sys.database_principals AS g ON g.principal_id = r.role_principal_id
INNER JOIN msdb.sys.database_principals AS m ON m.principal_id = r.member_principal_id
WHERE g.name = N'TargetServersRole';
