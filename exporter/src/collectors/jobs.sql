-- Jobs that have a target besides the master itself. Read from the table: sysjobs_view hides what others own.
-- Rights: SELECT on sysjobs and sysjobservers.
SELECT CAST(NULL AS tinyint) AS [set:jobs],
       CAST(j.job_id AS uniqueidentifier) AS job_id,
       CAST(j.name AS nvarchar(128)) AS job_name,
       CAST(j.enabled AS tinyint) AS enabled
FROM msdb.dbo.sysjobs AS j
WHERE EXISTS (SELECT 1 FROM msdb.dbo.sysjobservers AS s WHERE s.job_id = j.job_id AND s.server_id <> 0);
