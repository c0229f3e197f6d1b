-- The last outcome of each job on each target; server_id 0 is the master's own copy. Rights: SELECT on sysjobservers.
SELECT CAST(NULL AS tinyint) AS [set:job_targets],
       CAST(s.job_id AS uniqueidentifier) AS job_id,
       CAST(s.server_id AS int) AS server_id,
       CAST(s.last_run_outcome AS tinyint) AS last_run_outcome,
       CAST(s.last_run_date AS int) AS last_run_date,
       CAST(s.last_run_time AS int) AS last_run_time,
       CAST(s.last_run_duration AS int) AS last_run_duration
FROM msdb.dbo.sysjobservers AS s
WHERE s.server_id <> 0;
