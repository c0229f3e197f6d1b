-- The nodes of a failover cluster instance: each of them may be the one that polls. None where it is no such instance.
-- Rights: VIEW SERVER STATE; from SQL Server 2022 VIEW SERVER PERFORMANCE STATE.
SELECT CAST(NULL AS tinyint) AS [set:doctor_nodes],
       CAST(n.NodeName AS nvarchar(128)) AS node_name
FROM sys.dm_os_cluster_nodes AS n;
