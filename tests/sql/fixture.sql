-- The documented multiserver tables with rows whose figures are known, for a server that has no msdb of its own.
-- Run in an empty database: sqlcmd -d <database> -i fixture.sql. Running it again puts the same rows back.
-- Every instruction, target and job belongs to the fixture; dates lie in one January, where no zone's clocks change.
IF DB_NAME() IN (N'master', N'model', N'msdb', N'tempdb')
BEGIN
    RAISERROR (N'This script fills tables of SQL Server Agent. Run it in a database of its own.', 16, 1);
    SET NOEXEC ON;
END;
GO

IF OBJECT_ID(N'dbo.systargetservers') IS NULL
CREATE TABLE dbo.systargetservers (
    server_id int NOT NULL,
    server_name nvarchar(128) NOT NULL,
    location nvarchar(200) NULL,
    time_zone_adjustment int NOT NULL,
    enlist_date datetime NOT NULL,
    last_poll_date datetime NOT NULL,
    status int NOT NULL,
    local_time_at_last_poll datetime NOT NULL,
    enlisted_by_nt_user nvarchar(100) NOT NULL,
    poll_interval int NOT NULL
);

IF OBJECT_ID(N'dbo.sysdownloadlist') IS NULL
CREATE TABLE dbo.sysdownloadlist (
    instance_id int NOT NULL,
    source_server nvarchar(128) NOT NULL,
    operation_code tinyint NOT NULL,
    object_type tinyint NOT NULL,
    object_id uniqueidentifier NOT NULL,
    target_server nvarchar(128) NOT NULL,
    error_message nvarchar(1024) NULL,
    date_posted datetime NOT NULL,
    date_downloaded datetime NULL,
    status tinyint NOT NULL,
    deleted_object_name nvarchar(128) NULL
);

IF OBJECT_ID(N'dbo.systargetservergroups') IS NULL
CREATE TABLE dbo.systargetservergroups (
    servergroup_id int NOT NULL,
    name nvarchar(128) NOT NULL
);

IF OBJECT_ID(N'dbo.systargetservergroupmembers') IS NULL
CREATE TABLE dbo.systargetservergroupmembers (
    servergroup_id int NOT NULL,
    server_id int NOT NULL
);

IF OBJECT_ID(N'dbo.sysjobservers') IS NULL
CREATE TABLE dbo.sysjobservers (
    job_id uniqueidentifier NOT NULL,
    server_id int NOT NULL,
    last_run_outcome tinyint NOT NULL,
    last_outcome_message nvarchar(4000) NULL,
    last_run_date int NOT NULL,
    last_run_time int NOT NULL,
    last_run_duration int NOT NULL
);

IF OBJECT_ID(N'dbo.sysjobs') IS NULL
CREATE TABLE dbo.sysjobs (
    job_id uniqueidentifier NOT NULL,
    originating_server_id int NOT NULL,
    name nvarchar(128) NOT NULL,
    enabled tinyint NOT NULL,
    description nvarchar(512) NULL,
    start_step_id int NOT NULL,
    category_id int NOT NULL,
    owner_sid varbinary(85) NOT NULL,
    notify_level_eventlog int NOT NULL,
    notify_level_email int NOT NULL,
    notify_level_netsend int NOT NULL,
    notify_level_page int NOT NULL,
    notify_email_operator_id int NOT NULL,
    notify_netsend_operator_id int NOT NULL,
    notify_page_operator_id int NOT NULL,
    delete_level int NOT NULL,
    date_created datetime NOT NULL,
    date_modified datetime NOT NULL,
    version_number int NOT NULL
);

IF OBJECT_ID(N'dbo.sysoperators') IS NULL
CREATE TABLE dbo.sysoperators (
    id int NOT NULL,
    name nvarchar(128) NOT NULL,
    enabled tinyint NOT NULL,
    email_address nvarchar(100) NULL,
    last_email_date int NOT NULL,
    last_email_time int NOT NULL,
    pager_address nvarchar(100) NULL,
    last_pager_date int NOT NULL,
    last_pager_time int NOT NULL,
    weekday_pager_start_time int NOT NULL,
    weekday_pager_end_time int NOT NULL,
    saturday_pager_start_time int NOT NULL,
    saturday_pager_end_time int NOT NULL,
    sunday_pager_start_time int NOT NULL,
    sunday_pager_end_time int NOT NULL,
    pager_days tinyint NOT NULL,
    netsend_address nvarchar(100) NULL,
    last_netsend_date int NOT NULL,
    last_netsend_time int NOT NULL,
    category_id int NOT NULL
);
GO

DELETE FROM dbo.systargetservers;
DELETE FROM dbo.sysdownloadlist;
DELETE FROM dbo.systargetservergroups;
DELETE FROM dbo.systargetservergroupmembers;
DELETE FROM dbo.sysjobservers;
DELETE FROM dbo.sysjobs;
DELETE FROM dbo.sysoperators;

INSERT INTO dbo.systargetservers (server_id, server_name, location, time_zone_adjustment, enlist_date, last_poll_date, status, local_time_at_last_poll, enlisted_by_nt_user, poll_interval) VALUES
    (1, N'FIXTURE-01', N'Room 1', 60, '2026-01-05T08:00:00', '2026-01-15T11:59:30', 1, '2026-01-15T11:59:30', N'CORP\agent', 60),
    (2, N'FIXTURE-02\PAYROLL', NULL, 60, '2026-01-06T08:00:00', '2026-01-06T08:00:00', 1, '2026-01-06T08:00:00', N'CORP\agent', 60),
    (3, N'FIXTURE-03', N'Größe "3"', 330, '2026-01-07T08:00:00', '2026-01-15T11:50:00', 1, '2026-01-15T16:20:00', N'CORP\agent', 900);

INSERT INTO dbo.systargetservergroups (servergroup_id, name) VALUES
    (1, N'PRODUCTION'),
    (2, N'TEST');

INSERT INTO dbo.systargetservergroupmembers (servergroup_id, server_id) VALUES
    (1, 1),
    (2, 1),
    (1, 3);

INSERT INTO dbo.sysdownloadlist (instance_id, source_server, operation_code, object_type, object_id, target_server, error_message, date_posted, date_downloaded, status, deleted_object_name) VALUES
    (1, N'MSX01', 1, 1, '6F9619FF-8B86-4011-B42D-00C04FC90001', N'FIXTURE-01', NULL, '2026-01-05T08:00:10', '2026-01-05T08:01:00', 1, NULL),
    (2, N'MSX01', 4, 1, '6F9619FF-8B86-4011-B42D-00C04FC90001', N'FIXTURE-01', NULL, '2026-01-14T08:00:00', '2026-01-14T08:01:00', 1, NULL),
    (3, N'MSX01', 1, 1, '6F9619FF-8B86-4011-B42D-00C04FC90001', N'FIXTURE-02\PAYROLL', NULL, '2026-01-06T08:00:10', NULL, 0, NULL),
    (4, N'MSX01', 1, 1, '6F9619FF-8B86-4011-B42D-00C04FC90002', N'FIXTURE-02\PAYROLL', NULL, '2026-01-06T09:00:00', NULL, 0, NULL),
    (5, N'MSX01', 5, 1, '6F9619FF-8B86-4011-B42D-00C04FC90002', N'FIXTURE-02\PAYROLL', NULL, '2026-01-07T09:00:00', NULL, 0, NULL),
    (6, N'MSX01', 1, 1, '6F9619FF-8B86-4011-B42D-00C04FC90001', N'FIXTURE-03', N'The job step requires a proxy account, however proxy matching is disabled on the target server.', '2026-01-08T08:00:00', NULL, 0, NULL),
    (7, N'MSX01', 2, 1, '6F9619FF-8B86-4011-B42D-00C04FC90001', N'FIXTURE-03', N'', '2026-01-08T08:00:00', '2026-01-08T08:15:00', 1, NULL),
    (8, N'MSX01', 2, 1, '6F9619FF-8B86-4011-B42D-00C04FC90001', N'FIXTURE-03', NULL, '2026-01-09T08:00:00', NULL, 0, NULL),
    (9, N'MSX01', 7, 2, '00000000-0000-0000-0000-000000000000', N'FIXTURE-04', NULL, '2026-01-09T08:00:00', NULL, 0, NULL);

INSERT INTO dbo.sysjobs (job_id, originating_server_id, name, enabled, description, start_step_id, category_id, owner_sid, notify_level_eventlog, notify_level_email, notify_level_netsend, notify_level_page, notify_email_operator_id, notify_netsend_operator_id, notify_page_operator_id, delete_level, date_created, date_modified, version_number) VALUES
    ('6F9619FF-8B86-4011-B42D-00C04FC90001', 0, N'Fixture backup', 1, NULL, 1, 2, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, '2026-01-05T07:00:00', '2026-01-05T07:00:00', 1),
    ('6F9619FF-8B86-4011-B42D-00C04FC90002', 0, N'Fixture purge', 0, NULL, 1, 2, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, '2026-01-05T07:00:00', '2026-01-05T07:00:00', 1);

INSERT INTO dbo.sysjobservers (job_id, server_id, last_run_outcome, last_outcome_message, last_run_date, last_run_time, last_run_duration) VALUES
    ('6F9619FF-8B86-4011-B42D-00C04FC90001', 1, 1, NULL, 20260115, 13000, 130),
    ('6F9619FF-8B86-4011-B42D-00C04FC90001', 3, 0, N'The job failed.', 20260115, 93000, 1000001),
    ('6F9619FF-8B86-4011-B42D-00C04FC90002', 1, 5, NULL, 0, 0, 0);

INSERT INTO dbo.sysoperators (id, name, enabled, last_email_date, last_email_time, last_pager_date, last_pager_time, weekday_pager_start_time, weekday_pager_end_time, saturday_pager_start_time, saturday_pager_end_time, sunday_pager_start_time, sunday_pager_end_time, pager_days, last_netsend_date, last_netsend_time, category_id) VALUES
    (1, N'MSXOperator', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
