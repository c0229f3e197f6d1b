-- Takes away what the login of msx_exporter was given. Run as a member of sysadmin, on the master, after the
-- exporter was stopped: a login that is connected cannot be dropped.
-- For SQL Server 2012, 2014, 2016, 2017 and 2019.
-- Put the real name in the place of DOMAIN\group throughout.

USE msdb;
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.systargetservers FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.systargetservergroups FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.systargetservergroupmembers FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.sysdownloadlist FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.sysjobs FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.sysjobservers FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE SELECT ON dbo.sysoperators (name) FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL REVOKE VIEW DEFINITION FROM [DOMAIN\group];
IF USER_ID(N'DOMAIN\group') IS NOT NULL DROP USER [DOMAIN\group];
USE master;
IF SUSER_ID(N'DOMAIN\group') IS NOT NULL REVOKE VIEW SERVER STATE FROM [DOMAIN\group];
-- Only where nothing else on this server uses this login:
-- IF SUSER_ID(N'DOMAIN\group') IS NOT NULL DROP LOGIN [DOMAIN\group];
