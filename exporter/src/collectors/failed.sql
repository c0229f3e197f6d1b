-- What one target could not do, the newest first: the exporter writes the target's server_id in the place of -1. The text
-- is the target's own, and may hold names and paths. Rights: SELECT on sysdownloadlist, systargetservers and sysjobs.
SELECT TOP (20) CAST(NULL AS tinyint) AS [set:failed],
       CAST(d.instance_id AS nvarchar(11)) AS instance_id,
       CAST(d.operation_code AS tinyint) AS operation_code,
       CAST(COALESCE(j.name, d.deleted_object_name) AS nvarchar(128)) AS job_name,
       CAST(d.date_posted AS datetime) AS date_posted,
       CAST(d.error_message AS nvarchar(1024)) AS error_message
FROM msdb.dbo.sysdownloadlist AS d
INNER JOIN msdb.dbo.systargetservers AS t ON UPPER(t.server_name) = UPPER(d.target_server)
LEFT JOIN msdb.dbo.sysjobs AS j ON j.job_id = d.object_id
WHERE t.server_id = -1 AND d.error_message IS NOT NULL
ORDER BY d.instance_id DESC;
