-- Sessions that hold up the polls: they hold a lock on the table of targets, other requests wait for them, and they
-- themselves wait for none. A reading at SNAPSHOT waits for no lock and would look healthy.
-- Rights: SELECT on systargetservers; VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(NULL AS tinyint) AS [set:blockers],
       CAST(l.request_session_id AS int) AS session_id,
       CAST(COUNT(DISTINCT r.session_id) AS int) AS waiting
FROM sys.dm_tran_locks AS l
INNER JOIN sys.dm_exec_requests AS r ON r.blocking_session_id = l.request_session_id
WHERE l.resource_type = N'OBJECT'
  AND l.resource_database_id = DB_ID(N'msdb')
  AND l.resource_associated_entity_id = OBJECT_ID(N'msdb.dbo.systargetservers')
  AND l.request_status = N'GRANT'
  AND l.request_mode NOT IN (N'IS', N'Sch-S')
  AND NOT EXISTS (SELECT 1
                  FROM sys.dm_exec_requests AS w
                  WHERE w.session_id = l.request_session_id AND w.blocking_session_id <> 0)
GROUP BY l.request_session_id;
