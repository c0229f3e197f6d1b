-- Whether a poll can be written: it updates a row of msdb. The counter says how full the log is at its present size.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(NULL AS tinyint) AS [set:master_state],
       CAST(d.is_read_only AS int) AS is_read_only,
       CAST(d.log_reuse_wait_desc AS nvarchar(60)) AS log_waits_for,
       CAST(c.cntr_value AS bigint) AS log_used_percent
FROM sys.databases AS d
LEFT JOIN sys.dm_os_performance_counters AS c
       ON c.instance_name = d.name AND c.counter_name = N'Percent Log Used'
WHERE d.name = N'msdb';
