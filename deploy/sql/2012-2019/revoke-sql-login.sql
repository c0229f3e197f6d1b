-- Takes away what the login of msx_exporter was given. Run as a member of sysadmin, on the master, after the
-- exporter was stopped: a login that is connected cannot be dropped.
-- For SQL Server 2012, 2014, 2016, 2017 and 2019.

USE msdb;
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.systargetservers FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.systargetservergroups FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.systargetservergroupmembers FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.sysdownloadlist FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.sysjobs FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.sysjobservers FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE SELECT ON dbo.sysoperators (name) FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL REVOKE VIEW DEFINITION FROM [msx_exporter];
IF USER_ID(N'msx_exporter') IS NOT NULL DROP USER [msx_exporter];
USE master;
IF SUSER_ID(N'msx_exporter') IS NOT NULL REVOKE VIEW SERVER STATE FROM [msx_exporter];
IF SUSER_ID(N'msx_exporter') IS NOT NULL DROP LOGIN [msx_exporter];
