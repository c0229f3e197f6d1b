-- What was downloaded, one row for each name; asked at most every five minutes, for it reads all of the table.
-- SQL Server trims these rows by DownloadedMaxRows. Rights: SELECT on sysdownloadlist.
SELECT CAST(NULL AS tinyint) AS [set:downloaded],
       CAST(d.target_server AS nvarchar(128)) AS target_server,
       CAST(COUNT_BIG(*) AS bigint) AS downloaded,
       CAST(MAX(d.date_downloaded) AS datetime) AS last_download
FROM msdb.dbo.sysdownloadlist AS d
WHERE d.status = 1
GROUP BY d.target_server;
