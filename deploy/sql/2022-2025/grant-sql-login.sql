-- Rights of msx_exporter on the master. Run as a member of sysadmin, on the master.
-- Nothing here lets the login change anything.
-- For SQL Server 2022 and 2025.

-- Block 1, core: the tables that the collectors targets, downloads and jobs read.
USE master;
-- Put a password in the place of <...>, quotes and all: until then the server refuses the script.
IF SUSER_ID(N'msx_exporter') IS NULL
    CREATE LOGIN [msx_exporter] WITH PASSWORD = <N'a long random password'>, DEFAULT_DATABASE = master, CHECK_EXPIRATION = OFF;
USE msdb;
IF USER_ID(N'msx_exporter') IS NULL CREATE USER [msx_exporter] FOR LOGIN [msx_exporter];
GRANT SELECT ON dbo.systargetservers TO [msx_exporter];
GRANT SELECT ON dbo.systargetservergroups TO [msx_exporter];
GRANT SELECT ON dbo.systargetservergroupmembers TO [msx_exporter];
GRANT SELECT ON dbo.sysdownloadlist TO [msx_exporter];
GRANT SELECT ON dbo.sysjobs TO [msx_exporter];
GRANT SELECT ON dbo.sysjobservers TO [msx_exporter];

-- Block 2, server: whether the master's Agent runs, and whether MSXOperator exists.
GRANT SELECT ON dbo.sysoperators (name) TO [msx_exporter];
USE master;
GRANT VIEW SERVER SECURITY STATE TO [msx_exporter];

-- Block 3, arrivals: why a target is silent, from what the master remembers of who arrives.
GRANT VIEW SERVER PERFORMANCE STATE TO [msx_exporter];

-- Block 4, doctor: only for the command `doctor`; take the dashes away where that is wanted. The ports on
-- which the master listens need block 2, reasons of silence block 3. Who is in TargetServersRole, and with
-- block 3 whether someone polls without a row:
-- USE msdb;
-- GRANT VIEW DEFINITION TO [msx_exporter];
