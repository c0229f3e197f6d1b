-- Where the engine listens for T-SQL (type 0), less the listeners of availability groups: a target must not poll those,
-- for msdb does not move with a group. Loopback, such as that of the dedicated administrator connection, is left out by
-- the reader. Without VIEW ANY DEFINITION the listeners of availability groups may be hidden, and then stay in.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER SECURITY STATE.
SELECT CAST(NULL AS tinyint) AS [set:doctor_listeners],
       CAST(l.ip_address AS nvarchar(48)) AS ip_address,
       CAST(l.port AS int) AS port
FROM sys.dm_tcp_listener_states AS l
WHERE l.type = 0 AND l.state_desc = N'ONLINE'
  AND NOT EXISTS (SELECT 1
                  FROM sys.availability_group_listener_ip_addresses AS a
                  INNER JOIN sys.availability_group_listeners AS g ON g.listener_id = a.listener_id
                  WHERE a.ip_address = l.ip_address AND g.port = l.port);
