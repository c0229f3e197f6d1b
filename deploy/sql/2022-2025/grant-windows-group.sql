-- Rights of msx_exporter on the master. Run as a member of sysadmin, on the master.
-- Nothing here lets the login change anything.
-- For SQL Server 2022 and 2025.

-- Block 1, core: the tables that the collectors targets, downloads and jobs read.
USE master;
-- Put the real name in the place of DOMAIN\group throughout.
IF SUSER_ID(N'DOMAIN\group') IS NULL
    CREATE LOGIN [DOMAIN\group] FROM WINDOWS WITH DEFAULT_DATABASE = master;
USE msdb;
IF USER_ID(N'DOMAIN\group') IS NULL CREATE USER [DOMAIN\group] FOR LOGIN [DOMAIN\group];
GRANT SELECT ON dbo.systargetservers TO [DOMAIN\group];
GRANT SELECT ON dbo.systargetservergroups TO [DOMAIN\group];
GRANT SELECT ON dbo.systargetservergroupmembers TO [DOMAIN\group];
GRANT SELECT ON dbo.sysdownloadlist TO [DOMAIN\group];
GRANT SELECT ON dbo.sysjobs TO [DOMAIN\group];
GRANT SELECT ON dbo.sysjobservers TO [DOMAIN\group];

-- Block 2, server: whether the master's Agent runs, and whether MSXOperator exists.
GRANT SELECT ON dbo.sysoperators (name) TO [DOMAIN\group];
USE master;
GRANT VIEW SERVER SECURITY STATE TO [DOMAIN\group];

-- Block 3, arrivals: why a target is silent, from what the master remembers of who arrives.
GRANT VIEW SERVER PERFORMANCE STATE TO [DOMAIN\group];

-- Block 4, doctor: only for the command `doctor`; take the dashes away where that is wanted. The ports on
-- which the master listens need block 2, reasons of silence block 3. Who is in TargetServersRole, and with
-- block 3 whether someone polls without a row:
-- USE msdb;
-- GRANT VIEW DEFINITION TO [DOMAIN\group];
