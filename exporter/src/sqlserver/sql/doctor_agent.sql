-- The account of SQL Server Agent, with which a target logs in at its master unless a credential says otherwise.
-- Found by its file: servicename is translated.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER SECURITY STATE.
SELECT CAST(NULL AS tinyint) AS [set:doctor_agent],
       CAST(s.status AS int) AS status,
       CAST(s.service_account AS nvarchar(256)) AS service_account
FROM sys.dm_server_services AS s
WHERE UPPER(s.filename) LIKE N'%SQLAGENT%';
