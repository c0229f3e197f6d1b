-- Memberships in target server groups. Rights: SELECT on systargetservergroups and systargetservergroupmembers.
SELECT CAST(NULL AS tinyint) AS [set:groups],
       CAST(m.server_id AS int) AS server_id,
       CAST(g.name AS nvarchar(128)) AS group_name
FROM msdb.dbo.systargetservergroupmembers AS m
INNER JOIN msdb.dbo.systargetservergroups AS g ON g.servergroup_id = m.servergroup_id;
