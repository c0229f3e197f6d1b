-- Why is it silent? For the master. It only reads. Each part stands alone; the log needs sysadmin, securityadmin or EXECUTE
-- on xp_readerrorlog.
DECLARE @target sysname = {{ target }};
DECLARE @since datetime = (SELECT last_poll_date FROM msdb.dbo.systargetservers WHERE UPPER(server_name) = UPPER(@target));
-- 1. Its row, and who enlisted it: where its Agent did, that Agent could log in on that day.
SELECT server_name, enlist_date, enlisted_by_nt_user, last_poll_date, poll_interval
FROM msdb.dbo.systargetservers
WHERE UPPER(server_name) = UPPER(@target);
-- 2. Which login was refused since its last poll, and why, the newest first. Older logs: 1, 2, ... in the place of 0.
{%- for address in addresses %}
EXEC master.dbo.xp_readerrorlog 0, 1, N'CLIENT: {{ address }}]', NULL, @since, NULL, N'desc';
{%- endfor %}
{%- if addresses.is_empty() %}
EXEC master.dbo.xp_readerrorlog 0, 1, N'[CLIENT: ', NULL, @since, NULL, N'desc';
{%- endif %}
-- 3. That login, where it is one with a password: disabled, locked, or with another password since?
SELECT name, is_disabled, LOGINPROPERTY(name, 'IsLocked') AS is_locked, LOGINPROPERTY(name, 'IsExpired') AS is_expired,
       LOGINPROPERTY(name, 'PasswordLastSetTime') AS password_set, LOGINPROPERTY(name, 'BadPasswordTime') AS refused,
       default_database_name
FROM sys.sql_logins
ORDER BY name;
-- 4. Who may poll, besides sysadmin: a target logs in as one of these, or through a group.
SELECT m.name AS member, m.type_desc, l.name AS login, l.is_disabled
FROM msdb.sys.database_role_members AS r
INNER JOIN msdb.sys.database_principals AS g ON g.principal_id = r.role_principal_id
INNER JOIN msdb.sys.database_principals AS m ON m.principal_id = r.member_principal_id
LEFT JOIN sys.server_principals AS l ON l.sid = m.sid
WHERE g.name = N'TargetServersRole';
-- 5. Sessions of an Agent that are there now, and what blocks them.
SELECT s.session_id, s.host_name, s.program_name, s.original_login_name, r.wait_type, r.blocking_session_id,
       b.host_name AS blocking_host, b.program_name AS blocking_program, b.original_login_name AS blocking_login
FROM sys.dm_exec_sessions AS s
LEFT JOIN sys.dm_exec_requests AS r ON r.session_id = s.session_id
LEFT JOIN sys.dm_exec_sessions AS b ON b.session_id = r.blocking_session_id
WHERE s.program_name LIKE N'SQLAgent%'
ORDER BY r.blocking_session_id DESC;
