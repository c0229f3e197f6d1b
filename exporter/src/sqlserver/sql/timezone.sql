-- Once for each connection, from SQL Server 2022: before, the unknown function would fail all of the batch. Rights: none.
SELECT CAST(NULL AS tinyint) AS [set:timezone],
       CAST(CURRENT_TIMEZONE_ID() AS nvarchar(128)) AS timezone_id;
