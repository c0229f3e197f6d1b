-- Whether SQL Server Agent runs (status 4). Found by its file: servicename is translated.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER SECURITY STATE.
SELECT CAST(NULL AS tinyint) AS [set:agent],
       CAST(s.status AS int) AS status
FROM sys.dm_server_services AS s
WHERE UPPER(s.filename) LIKE N'%SQLAGENT%';
