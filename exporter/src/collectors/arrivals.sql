-- Connections that the server refused or ended, a record a row: about the last 1,000 (RING_BUFFER_CONNECTIVITY). The view is
-- documented as not supported, so nothing but the search for the reason of a silence leans on it. The stack of calls at the
-- end of a record is left out. Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(NULL AS tinyint) AS [set:arrivals],
       CAST(i.ms_ticks - b.timestamp AS bigint) AS age_ms,
       CAST(i.ms_ticks - i.sqlserver_start_time_ms_ticks AS bigint) AS up_ms,
       CAST(LEFT(b.record, ISNULL(NULLIF(CHARINDEX(N'<Stack', b.record), 0) - 1, 3072)) AS nvarchar(3072)) AS record
FROM sys.dm_os_ring_buffers AS b
CROSS JOIN sys.dm_os_sys_info AS i
WHERE b.ring_buffer_type = N'RING_BUFFER_CONNECTIVITY'
ORDER BY b.timestamp DESC;
