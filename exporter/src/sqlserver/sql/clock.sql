-- The clock by which every age is judged, and the start of the instance (tempdb is made at each start). Rights: none.
SELECT CAST(NULL AS tinyint) AS [set:clock],
       CAST(SYSUTCDATETIME() AS datetime2(3)) AS utc_now,
       CAST(SYSDATETIME() AS datetime2(3)) AS local_now,
       CAST(DATEPART(tzoffset, SYSDATETIMEOFFSET()) AS int) AS utc_offset_minutes,
       CAST(d.create_date AS datetime) AS started
FROM sys.databases AS d
WHERE d.database_id = 2;
