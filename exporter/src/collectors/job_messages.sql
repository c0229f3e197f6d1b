-- What the last run of each job on one target said, those that did not succeed first: the exporter writes the target's
-- server_id in the place of -1. Rights: SELECT on sysjobservers.
SELECT TOP (200) CAST(NULL AS tinyint) AS [set:job_messages],
       CAST(s.job_id AS uniqueidentifier) AS job_id,
       CAST(s.last_outcome_message AS nvarchar(1024)) AS message
FROM msdb.dbo.sysjobservers AS s
WHERE s.server_id = -1 AND s.last_run_date <> 0
ORDER BY CASE WHEN s.last_run_outcome = 1 THEN 1 ELSE 0 END, s.job_id;
