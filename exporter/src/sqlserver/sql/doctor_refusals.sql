-- Errors of connections, refused logins among them: about the last 1,000 records. The view is documented as not
-- supported, so nothing but this report may lean on it.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(0 AS tinyint) AS [set:doctor_refusals],
       CAST(b.record AS nvarchar(3072)) AS record
FROM sys.dm_os_ring_buffers AS b
WHERE b.ring_buffer_type = N'RING_BUFFER_CONNECTIVITY' AND b.record LIKE N'%<RecordType>Error</RecordType>%';
