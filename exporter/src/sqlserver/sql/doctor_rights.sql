-- Whether others' memberships of roles in the database may be seen: rows that may not be seen are left out silently.
-- Rights: none.
SELECT CAST(NULL AS tinyint) AS [set:doctor_rights],
       CAST(HAS_PERMS_BY_NAME(N'msdb', N'DATABASE', N'VIEW DEFINITION') AS int) AS may_view_definition;
