-- What a real master records of targets that cannot poll. Reads, waits two minutes, prints. Names and addresses are masked:
-- A1 is an address, T1 a target, L1 a login, M the master. README.md says what it settles.
SET NOCOUNT ON;
DECLARE @address TABLE (id int IDENTITY, name nvarchar(64) COLLATE Latin1_General_BIN2 UNIQUE);
DECLARE @ring TABLE (age_ms bigint, kind nvarchar(32), host nvarchar(64) COLLATE Latin1_General_BIN2, record nvarchar(3072));
DECLARE @seen TABLE (host nvarchar(64) COLLATE Latin1_General_BIN2, program nvarchar(128), login nvarchar(128), tds int,
                     interface nvarchar(64), scheme nvarchar(40), encrypted nvarchar(40), ms int);
PRINT N'1. The server';
SELECT SERVERPROPERTY('ProductVersion') AS version, LEFT(@@VERSION, 30) AS product, SERVERPROPERTY('IsClustered') AS is_clustered;
PRINT N'2. Its targets, and by whose hand they were enlisted';
SELECT N'T' + CAST(t.server_id AS nvarchar(11)) AS target, DATEDIFF(minute, t.enlist_date, GETDATE()) AS enlisted_minutes,
       DATEDIFF(second, t.last_poll_date, GETDATE()) AS polled_seconds, t.poll_interval,
       ISNULL(N'L' + CAST(p.principal_id AS nvarchar(11)) + N' ' + p.type_desc, N'no login of this name') AS enlisted_by
FROM msdb.dbo.systargetservers AS t
LEFT JOIN sys.server_principals AS p ON p.name = t.enlisted_by_nt_user COLLATE DATABASE_DEFAULT;
PRINT N'3. Who may poll';
SELECT N'L' + CAST(l.principal_id AS nvarchar(11)) AS login, m.type_desc
FROM msdb.sys.database_role_members AS r
INNER JOIN msdb.sys.database_principals AS g ON g.principal_id = r.role_principal_id
INNER JOIN msdb.sys.database_principals AS m ON m.principal_id = r.member_principal_id
LEFT JOIN sys.server_principals AS l ON l.sid = m.sid
WHERE g.name = N'TargetServersRole';
PRINT N'4. Two minutes of sessions that call themselves an Agent';
DECLARE @until datetime = DATEADD(second, 120, GETDATE());
WHILE GETDATE() < @until
BEGIN
    INSERT INTO @seen
    SELECT c.client_net_address, s.program_name, s.original_login_name, c.protocol_version, s.client_interface_name,
           c.auth_scheme, c.encrypt_option, DATEDIFF(millisecond, c.connect_time, GETDATE())
    FROM sys.dm_exec_sessions AS s
    INNER JOIN sys.dm_exec_connections AS c ON c.session_id = s.session_id
    WHERE s.program_name LIKE N'SQLAgent%';
    WAITFOR DELAY '00:00:00.150';
END;
INSERT INTO @ring
SELECT i.ms_ticks - b.timestamp, SUBSTRING(b.record, NULLIF(CHARINDEX(N'<RecordType>', b.record), 0) + 12, 15),
       LEFT(h.text, NULLIF(CHARINDEX(N'<', h.text), 0) - 1),
       LEFT(b.record, ISNULL(NULLIF(CHARINDEX(N'<Stack', b.record), 0) - 1, 3072))
FROM sys.dm_os_ring_buffers AS b
CROSS JOIN sys.dm_os_sys_info AS i
CROSS APPLY (SELECT SUBSTRING(b.record, NULLIF(CHARINDEX(N'<RemoteHost>', b.record), 0) + 12, 64) AS text) AS h
WHERE b.ring_buffer_type = N'RING_BUFFER_CONNECTIVITY';
INSERT INTO @address (name)
SELECT host FROM (SELECT host FROM @seen UNION SELECT host FROM @ring) AS x WHERE host IS NOT NULL;
SELECT N'A' + CAST(a.id AS nvarchar(11)) AS address, LEFT(s.program, CHARINDEX(N'(', s.program + N'(') - 1) AS program,
       ISNULL(N'L' + CAST(p.principal_id AS nvarchar(11)), N'by a group') AS login,
       CONVERT(varbinary(4), s.tds) AS tds, s.interface, s.scheme, s.encrypted, COUNT(*) AS times, MAX(s.ms) AS longest_ms
FROM @seen AS s
INNER JOIN @address AS a ON a.name = s.host
LEFT JOIN sys.server_principals AS p ON p.name = s.login COLLATE DATABASE_DEFAULT
GROUP BY a.id, LEFT(s.program, CHARINDEX(N'(', s.program + N'(') - 1), p.principal_id, s.tds, s.interface, s.scheme, s.encrypted;
PRINT N'5. How many records the ring buffer holds, and how far it reaches';
SELECT COUNT(*) AS records, MAX(age_ms) / 60000 AS oldest_minutes FROM @ring;
PRINT N'6. How often each address tries again, in seconds';
SELECT N'A' + CAST(a.id AS nvarchar(11)) AS address, x.kind, COUNT(*) AS times, MIN(x.apart) AS least, AVG(x.apart) AS mean,
       MAX(x.apart) AS most
FROM (SELECT host, kind, (LAG(age_ms) OVER (PARTITION BY host, kind ORDER BY age_ms DESC) - age_ms) / 1000 AS apart FROM @ring) AS x
INNER JOIN @address AS a ON a.name = x.host
GROUP BY a.id, x.kind;
PRINT N'7. The newest records, complete but for the stack, addresses masked';
SELECT TOP (200) r.age_ms,
       REPLACE(LEFT(r.record, ISNULL(NULLIF(CHARINDEX(N'<LocalHost>', r.record), 0) - 1, 3072)),
               ISNULL(N'>' + r.host + N'<', N'><'), ISNULL(N'>A' + CAST(a.id AS nvarchar(11)) + N'<', N'><'))
       + SUBSTRING(r.record, ISNULL(NULLIF(CHARINDEX(N'<LocalPort>', r.record), 0), 3073), 3072) AS record
FROM @ring AS r
LEFT JOIN @address AS a ON a.name = r.host
WHERE r.host IS NULL OR a.id IS NOT NULL
ORDER BY r.age_ms;
PRINT N'8. How often all targets together polled since this plan was cached';
SELECT s.execution_count, DATEDIFF(second, s.cached_time, GETDATE()) AS cached_seconds,
       DATEDIFF(second, s.last_execution_time, GETDATE()) AS last_seconds
FROM sys.dm_exec_procedure_stats AS s
WHERE s.object_id = OBJECT_ID(N'msdb.dbo.sp_sqlagent_probe_msx') AND s.database_id = DB_ID(N'msdb');
