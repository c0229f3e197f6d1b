-- Once for each connection: what this server is, and what this login may read of it. Rights: none.
-- NULL from HAS_PERMS_BY_NAME: the object is not there, or nothing of it may be seen.
SELECT CAST(0 AS tinyint) AS [set:capabilities],
       CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name,
       CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS product_version,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       CAST(CONNECTIONPROPERTY('auth_scheme') AS nvarchar(40)) AS auth_scheme,
       CAST(DB_ID(N'msdb') AS int) AS msdb_id,
       CAST(HAS_DBACCESS(N'msdb') AS int) AS msdb_access,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.systargetservers', N'OBJECT', N'SELECT') AS int) AS may_systargetservers,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.systargetservergroups', N'OBJECT', N'SELECT') AS int) AS may_systargetservergroups,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.systargetservergroupmembers', N'OBJECT', N'SELECT') AS int) AS may_systargetservergroupmembers,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.sysdownloadlist', N'OBJECT', N'SELECT') AS int) AS may_sysdownloadlist,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.sysjobs', N'OBJECT', N'SELECT') AS int) AS may_sysjobs,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.sysjobservers', N'OBJECT', N'SELECT') AS int) AS may_sysjobservers,
       CAST(HAS_PERMS_BY_NAME(N'msdb.dbo.sysoperators', N'OBJECT', N'SELECT', N'name', N'COLUMN') AS int) AS may_sysoperators_name,
       CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER STATE') AS int) AS may_server_state,
       CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER SECURITY STATE') AS int) AS may_server_security_state,
       CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER PERFORMANCE STATE') AS int) AS may_server_performance_state;
