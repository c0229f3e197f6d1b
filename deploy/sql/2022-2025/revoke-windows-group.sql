-- Takes away what the login of msx_exporter was given. Run as a member of sysadmin, on the master, after the
-- exporter was stopped: a login that is connected cannot be dropped.
-- For SQL Server 2022 and 2025.
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
IF SUSER_ID(N'DOMAIN\group') IS NOT NULL REVOKE VIEW SERVER SECURITY STATE FROM [DOMAIN\group];
IF SUSER_ID(N'DOMAIN\group') IS NOT NULL REVOKE VIEW SERVER PERFORMANCE STATE FROM [DOMAIN\group];
-- Only where nothing else on this server uses this login:
-- IF SUSER_ID(N'DOMAIN\group') IS NOT NULL DROP LOGIN [DOMAIN\group];
