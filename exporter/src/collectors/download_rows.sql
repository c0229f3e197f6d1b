-- All rows of the download list, from the partition's metadata, so that nothing is read to count them.
-- Rights: any on sysdownloadlist.
SELECT CAST(0 AS tinyint) AS [set:download_rows],
       CAST(SUM(p.rows) AS bigint) AS table_rows
FROM msdb.sys.partitions AS p
WHERE p.object_id = OBJECT_ID(N'msdb.dbo.sysdownloadlist') AND p.index_id IN (0, 1);
