-- Still unclear? For the master: an Extended Events session in 4 MB of memory, which needs ALTER ANY EVENT SESSION. It records
-- logins of Agents and refusals for 00:03:30 (hours, minutes, seconds), shows them and is dropped. Cancelled before that, the
-- session goes on until the server stops: run the last line by itself, or all of this again, which drops it first.
SET QUOTED_IDENTIFIER ON;
IF EXISTS (SELECT 1 FROM sys.server_event_sessions WHERE name = N'msx_silence') DROP EVENT SESSION msx_silence ON SERVER;
CREATE EVENT SESSION msx_silence ON SERVER
ADD EVENT sqlserver.login (
    ACTION (sqlserver.client_app_name, sqlserver.client_hostname, sqlserver.server_principal_name)
    WHERE sqlserver.like_i_sql_unicode_string(sqlserver.client_app_name, N'SQLAgent%')),
ADD EVENT sqlserver.error_reported (
    ACTION (sqlserver.client_app_name, sqlserver.client_hostname, sqlserver.server_principal_name)
    WHERE error_number = 229 OR error_number = 916 OR error_number = 17806 OR error_number = 17830
       OR error_number = 18452 OR error_number = 18456 OR (error_number >= 18486 AND error_number <= 18488))
ADD TARGET package0.ring_buffer (SET max_memory = 4096)
WITH (EVENT_RETENTION_MODE = ALLOW_SINGLE_EVENT_LOSS, MAX_DISPATCH_LATENCY = 5 SECONDS, STARTUP_STATE = OFF);
ALTER EVENT SESSION msx_silence ON SERVER STATE = START;
WAITFOR DELAY '00:03:30';
-- A login and no error: it may poll, and polls under another name. Error 229 or 916: it may not poll.
SELECT e.n.value('@timestamp', 'datetime2(0)') AS at_utc, e.n.value('@name', 'nvarchar(60)') AS event,
       e.n.value('(action[@name="client_hostname"]/value)[1]', 'nvarchar(128)') AS host,
       e.n.value('(action[@name="client_app_name"]/value)[1]', 'nvarchar(128)') AS program,
       e.n.value('(action[@name="server_principal_name"]/value)[1]', 'nvarchar(128)') AS login,
       e.n.value('(data[@name="error_number"]/value)[1]', 'int') AS error,
       e.n.value('(data[@name="state"]/value)[1]', 'int') AS state,
       e.n.value('(data[@name="message"]/value)[1]', 'nvarchar(400)') AS message
FROM (SELECT CAST(t.target_data AS xml) AS data
      FROM sys.dm_xe_session_targets AS t
      INNER JOIN sys.dm_xe_sessions AS s ON s.address = t.event_session_address
      WHERE s.name = N'msx_silence' AND t.target_name = N'ring_buffer') AS x
CROSS APPLY x.data.nodes('RingBufferTarget/event') AS e (n)
ORDER BY at_utc;
DROP EVENT SESSION msx_silence ON SERVER;
