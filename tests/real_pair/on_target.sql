-- What a real target writes while it cannot poll. Only reads and prints. Names that this instance knows are masked.
SET NOCOUNT ON;
DECLARE @master nvarchar(256), @option int, @account nvarchar(256);
DECLARE @log TABLE (at datetime, kind nvarchar(50), text nvarchar(max));
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'SOFTWARE\Microsoft\MSSQLServer\SQLServerAgent',
     N'MSXServerName', @master OUTPUT, N'no_output';
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'SOFTWARE\Microsoft\MSSQLServer\SQLServerAgent',
     N'MsxEncryptChannelOptions', @option OUTPUT, N'no_output';
SELECT @account = service_account FROM sys.dm_server_services WHERE UPPER(filename) LIKE N'%SQLAGENT%';
PRINT N'1. The server and its Agent';
SELECT SERVERPROPERTY('ProductVersion') AS version, LEFT(@@VERSION, 30) AS product, @option AS encrypt_option,
       CASE WHEN @master IS NULL THEN N'none'
            ELSE CASE WHEN @master LIKE N'%.%' THEN N'full name' ELSE N'short name' END
                 + CASE WHEN @master LIKE N'%\%' THEN N', instance' ELSE N'' END
                 + CASE WHEN @master LIKE N'%,%' THEN N', port' ELSE N'' END END AS master_is_written_as,
       CASE WHEN @account LIKE N'NT SERVICE\%' OR @account LIKE N'NT AUTHORITY\%' OR @account = N'LocalSystem' THEN @account
            WHEN @account LIKE N'%$' THEN N'a managed service account' ELSE N'an account' END AS agent_runs_as;
PRINT N'2. The newest lines of the Agent''s log';
INSERT INTO @log EXEC master.dbo.xp_readerrorlog 0, 2, NULL, NULL, NULL, NULL, N'desc';
SELECT TOP (300) DATEDIFF(second, at, GETDATE()) AS age_seconds, kind,
       REPLACE(REPLACE(REPLACE(text, ISNULL(@master, N'?'), N'M'), ISNULL(@@SERVERNAME, N'?'), N'T'), ISNULL(@account, N'?'), N'ACCOUNT') AS text
FROM @log
ORDER BY at DESC;
