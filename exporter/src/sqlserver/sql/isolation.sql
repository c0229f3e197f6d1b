-- Once for each connection: whether the database can be read as of one moment. Always so in a real msdb. Rights: none.
SELECT CAST(NULL AS tinyint) AS [set:isolation],
       CAST(d.snapshot_isolation_state AS tinyint) AS snapshot_isolation_state
FROM sys.databases AS d
WHERE d.name = N'msdb';
