-- Takes away what the login of msx_exporter was given. Run as a member of sysadmin, on the master, after the
-- exporter was stopped: a login that is connected cannot be dropped.
-- For SQL Server 2012, 2014, 2016, 2017 and 2019.
-- Put the real name in the place of DOMAIN\account throughout.

USE msdb;
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.systargetservers FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.systargetservergroups FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.systargetservergroupmembers FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.sysdownloadlist FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.sysjobs FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.sysjobservers FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE SELECT ON dbo.sysoperators (name) FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL REVOKE VIEW DEFINITION FROM [DOMAIN\account];
IF USER_ID(N'DOMAIN\account') IS NOT NULL DROP USER [DOMAIN\account];
USE master;
IF SUSER_ID(N'DOMAIN\account') IS NOT NULL REVOKE VIEW SERVER STATE FROM [DOMAIN\account];
-- Only where nothing else on this server uses this login:
-- IF SUSER_ID(N'DOMAIN\account') IS NOT NULL DROP LOGIN [DOMAIN\account];
