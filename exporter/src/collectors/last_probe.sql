-- How long ago any target last polled, with a row here or without one, while the plan of the procedure is cached. NULL
-- where it is not, and where the login may not see the procedure: that takes VIEW DEFINITION on the database.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(NULL AS tinyint) AS [set:last_probe],
       CAST(MIN(DATEDIFF(second, s.last_execution_time, GETDATE())) AS int) AS age_seconds
FROM sys.dm_exec_procedure_stats AS s
WHERE s.database_id = DB_ID(N'msdb') AND s.object_id = OBJECT_ID(N'msdb.dbo.sp_sqlagent_probe_msx');
