-- The enlisted targets. server_id 0 stands for the master itself. Who enlisted one is shown of silent targets alone, so it is not
-- sent of those that polled within three intervals. Rights: SELECT on systargetservers.
SELECT CAST(NULL AS tinyint) AS [set:targets],
       CAST(t.server_id AS int) AS server_id,
       CAST(t.server_name AS nvarchar(128)) AS server_name,
       CAST(t.location AS nvarchar(200)) AS location,
       CAST(t.time_zone_adjustment AS int) AS time_zone_adjustment,
       CAST(t.enlist_date AS datetime) AS enlist_date,
       CAST(t.last_poll_date AS datetime) AS last_poll_date,
       CAST(t.status AS int) AS status,
       CAST(t.local_time_at_last_poll AS datetime) AS local_time_at_last_poll,
       CAST(t.poll_interval AS int) AS poll_interval,
       CAST(CASE WHEN t.poll_interval < 1 OR t.poll_interval > 86400 OR t.last_poll_date > GETDATE() THEN t.enlisted_by_nt_user
                 WHEN t.last_poll_date > DATEADD(second, -3 * t.poll_interval, GETDATE()) THEN NULL
                 ELSE t.enlisted_by_nt_user END AS nvarchar(100)) AS enlisted_by
FROM msdb.dbo.systargetservers AS t
WHERE t.server_id <> 0;
