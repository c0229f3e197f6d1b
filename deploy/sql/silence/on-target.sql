-- Why is it silent? For the target, as sysadmin. It reads, and at the end it asks the Agent for a poll. Nothing is stopped
-- or restarted.
DECLARE @since datetime = DATEADD(minute, -1446, GETDATE());
DECLARE @master nvarchar(256), @option int;
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'SOFTWARE\Microsoft\MSSQLServer\SQLServerAgent',
     N'MSXServerName', @master OUTPUT, N'no_output';
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'SOFTWARE\Microsoft\MSSQLServer\SQLServerAgent',
     N'MsxEncryptChannelOptions', @option OUTPUT, N'no_output';
-- 1. Is it this server, under this name, with this master? A missing option means 2: the certificate is checked.
SELECT @@SERVERNAME AS this_server, N'SQL01\PAYROLL' AS enlisted_as, @master AS its_master, N'MSX01' AS this_master,
       ISNULL(@option, 2) AS encrypt_option, SERVERPROPERTY('ProductVersion') AS version;
-- 2. Does its Agent run, and does it start with the machine? On a cluster, of this node alone.
SELECT servicename, status_desc, startup_type_desc, service_account, last_startup_time
FROM sys.dm_server_services;
-- 3. As whom it logs in: no row means by Windows, as the account of the service.
EXEC msdb.dbo.sp_msx_get_account;
-- 4. Everything in the Agent's log since shortly before it fell silent, the newest first.
EXEC master.dbo.xp_readerrorlog 0, 2, NULL, NULL, @since, NULL, N'desc';
-- 5. A poll now. Error 22022 means that the Agent does not run.
EXEC msdb.dbo.sp_sqlagent_notify @op_type = N'P';
