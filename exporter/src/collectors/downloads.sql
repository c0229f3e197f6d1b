-- What waits and what failed, one row for each name in the download list. Rows with an error are never pending,
-- whatever their status; any text but NULL blocks, an empty one too. The texts are those of SQL Server's messages
-- (14200 to 14600) and of the page "Troubleshoot multiserver jobs that use proxies". In any other language the number of
-- the message decides, as "Msg 229" or behind its SQLSTATE: "[SQLSTATE 42000] (Fehler 229)". What none fits is "other".
-- NULL for none where a column is one of many: a null costs a bit on the wire, and a zero five bytes.
-- Rights: SELECT on sysdownloadlist.
SELECT CAST(NULL AS tinyint) AS [set:downloads],
       CAST(r.target_server AS nvarchar(128)) AS target_server,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 1 THEN 1 ELSE 0 END), 0) AS int) AS pending_insert,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 2 THEN 1 ELSE 0 END), 0) AS int) AS pending_update,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 3 THEN 1 ELSE 0 END), 0) AS int) AS pending_delete,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 4 THEN 1 ELSE 0 END), 0) AS int) AS pending_start,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 5 THEN 1 ELSE 0 END), 0) AS int) AS pending_stop,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 6 THEN 1 ELSE 0 END), 0) AS int) AS pending_re_enlist,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 7 THEN 1 ELSE 0 END), 0) AS int) AS pending_defect,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 8 THEN 1 ELSE 0 END), 0) AS int) AS pending_sync_time,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code = 9 THEN 1 ELSE 0 END), 0) AS int) AS pending_set_poll,
       CAST(NULLIF(SUM(CASE WHEN r.status = 0 AND r.error_class = 0 AND r.operation_code NOT IN (1, 2, 3, 4, 5, 6, 7, 8, 9) THEN 1 ELSE 0 END), 0) AS int) AS pending_other,
       CAST(MIN(CASE WHEN r.status = 0 AND r.error_class = 0 THEN r.date_posted END) AS datetime) AS oldest_pending,
       CAST(SUM(CASE WHEN r.status = 0 AND r.operation_code = 7 THEN 1 ELSE 0 END) AS int) AS defect_waiting,
       CAST(SUM(CASE WHEN r.status = 0 AND r.operation_code <> 7 THEN 1 ELSE 0 END) AS int) AS other_waiting,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 1 THEN 1 ELSE 0 END), 0) AS int) AS errors_proxy_disabled,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 2 THEN 1 ELSE 0 END), 0) AS int) AS errors_proxy_missing,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 3 THEN 1 ELSE 0 END), 0) AS int) AS errors_permission,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 4 THEN 1 ELSE 0 END), 0) AS int) AS errors_object_exists,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 5 THEN 1 ELSE 0 END), 0) AS int) AS errors_subsystem,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 6 THEN 1 ELSE 0 END), 0) AS int) AS errors_version,
       CAST(NULLIF(SUM(CASE WHEN r.error_class = 7 THEN 1 ELSE 0 END), 0) AS int) AS errors_other
FROM (
    SELECT d.target_server,
           d.operation_code,
           d.status,
           d.date_posted,
           CASE
               WHEN d.error_message IS NULL THEN 0
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%proxy matching is disabled%' THEN 1
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%proxy not found%' THEN 2
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%proxy%does not exist%' THEN 2
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%@proxy_name%' AND (d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 14262[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 14262)%') THEN 2
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 229[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 229)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 230[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 230)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 262[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 262)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 297[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 297)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 300[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 300)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 916[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 916)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 15247[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 15247)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 18456[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 18456)%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 2714[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 2714)%' THEN 4
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 14261[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 14261)%' THEN 4
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 14234[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 14234)%' THEN 5
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 14306[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 14306)%' THEN 6
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%Msg 14541[^0-9]%' OR d.error_message COLLATE Latin1_General_CI_AS LIKE N'%SQLSTATE%(% 14541)%' THEN 6
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%permission%' THEN 3
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%already exists%' THEN 4
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%subsystem%' THEN 5
               WHEN d.error_message COLLATE Latin1_General_CI_AS LIKE N'%version%' THEN 6
               ELSE 7
           END AS error_class
    FROM msdb.dbo.sysdownloadlist AS d
    WHERE d.status = 0 OR d.error_message IS NOT NULL
) AS r
GROUP BY r.target_server;
