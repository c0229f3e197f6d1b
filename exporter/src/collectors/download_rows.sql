-- All rows of the download list, from the partition's metadata, so that nothing is read to count them. The number that was
-- given last goes on where rows are deleted, and begins again at one where the table is truncated; it goes back and older
-- rows stay where msdb is restored. The oldest row is the first of the clustered index: one row is read.
-- Rights: SELECT on sysdownloadlist.
SELECT CAST(NULL AS tinyint) AS [set:download_rows],
       CAST(SUM(p.rows) AS bigint) AS table_rows,
       CAST(IDENT_CURRENT(N'msdb.dbo.sysdownloadlist') AS bigint) AS last_number,
       CAST((SELECT TOP (1) d.date_posted FROM msdb.dbo.sysdownloadlist AS d ORDER BY d.instance_id) AS datetime) AS oldest_posted
FROM msdb.sys.partitions AS p
WHERE p.object_id = OBJECT_ID(N'msdb.dbo.sysdownloadlist') AND p.index_id IN (0, 1);
