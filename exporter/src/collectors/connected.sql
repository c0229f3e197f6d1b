-- Who is connected over TCP now, an address a row, and each SQL Server Agent a row of its own: behind NAT several have one
-- address. Agents come first, then who came last: more rows than are kept lose the least. Program and host are as the client states them. Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(NULL AS tinyint) AS [set:connected],
       CAST(c.client_net_address AS nvarchar(48)) AS address,
       CAST(SUM(CASE WHEN s.program_name LIKE N'SQLAgent%' THEN 1 ELSE 0 END) AS int) AS agents,
       CAST(MAX(CASE WHEN s.program_name LIKE N'SQLAgent%' THEN s.original_login_name END) AS nvarchar(128)) AS agent_login,
       CAST(MAX(CASE WHEN s.program_name LIKE N'SQLAgent%' THEN s.host_name END) AS nvarchar(128)) AS agent_host,
       CAST(MAX(CASE WHEN s.program_name LIKE N'SQLAgent%' THEN r.blocking_session_id END) AS int) AS blocked_by,
       CAST(MAX(CASE WHEN s.program_name LIKE N'SQLAgent%' THEN r.wait_type END) AS nvarchar(60)) AS wait_type
FROM sys.dm_exec_connections AS c
LEFT JOIN sys.dm_exec_sessions AS s ON s.session_id = c.session_id
LEFT JOIN sys.dm_exec_requests AS r ON r.session_id = c.session_id
WHERE c.net_transport = N'TCP' AND c.protocol_type = N'TSQL' AND c.session_id <> @@SPID
GROUP BY c.client_net_address, CASE WHEN s.program_name LIKE N'SQLAgent%' THEN s.host_name END,
         CASE WHEN s.program_name LIKE N'SQLAgent%' THEN s.original_login_name END
ORDER BY agents DESC, MAX(c.connect_time) DESC;
