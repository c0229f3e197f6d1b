//! Values, types, names.

use super::*;
use crate::wire::Type;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn expressions() {
    let lab = lab();
    for (expression, expected) in [
        ("1 + 2 * 3", Value::Int(7)),
        ("7 / 2", Value::Int(3)),
        ("7 % 4", Value::Int(3)),
        ("5 & 4", Value::Int(4)),
        ("N'a' + 'b'", text("ab")),
        ("CASE WHEN 1 = 2 THEN 1 END", Value::Null),
        ("CASE 2 WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END", text("y")),
        ("ISNULL(NULL, 5)", Value::Int(5)),
        ("COALESCE(NULL, NULLIF(1, 1), 3)", Value::Int(3)),
        ("LEN(N'ab  ')", Value::Int(2)),
        ("DATALENGTH(N'ab')", Value::Int(4)),
        ("UPPER(LTRIM(RTRIM(' ab ')))", text("AB")),
        ("SUBSTRING('abcdef', 2, 3)", text("bcd")),
        ("CHARINDEX('C', 'abc')", Value::Int(3)),
        ("REPLACE('aXbx', 'x', '-')", text("a-b-")),
        ("IIF('sql01 ' = 'SQL01', 1, 0)", Value::Int(1)),
        ("IIF('sql01' COLLATE Latin1_General_BIN2 = 'SQL01', 1, 0)", Value::Int(0)),
        ("IIF(NULL = NULL, 1, 0)", Value::Int(0)),
        ("IIF(NOT (1 IN (2, NULL)), 1, 0)", Value::Int(0)),
        ("IIF('x' NOT IN ('a', 'b') AND 3 BETWEEN 1 AND 3, 1, 0)", Value::Int(1)),
        ("CAST(0x00000384 AS int)", Value::Int(900)),
        ("CONVERT(varchar(10), CONVERT(datetime, '2026-11-22', 120), 112)", text("20261122")),
        ("DATEDIFF(second, '2026-11-22T11:59:30', GETDATE())", Value::Int(30)),
        ("DATEDIFF(minute, GETUTCDATE(), GETDATE())", Value::Int(0)),
        ("DATEPART(tzoffset, SYSDATETIMEOFFSET())", Value::Int(0)),
        ("DATEDIFF_BIG(ms, '1970-01-01', SYSUTCDATETIME())", Value::Int(1_795_348_800_000)),
        ("(SELECT COUNT(*) FROM msdb.dbo.systargetservers)", Value::Int(6)),
        ("TRY_CAST('x' AS int)", Value::Null),
        ("@@TRANCOUNT", Value::Int(0)),
        ("SUSER_SNAME()", text(USER)),
    ] {
        assert_eq!(value(&lab, expression), expected, "{expression}");
    }
}

#[test]
fn types_and_nullability_follow_the_text() {
    let lab = lab();
    let sql = "SELECT CAST(server_id AS bigint) AS [set:x], location, COUNT_BIG(*) AS n, SUM(poll_interval) AS s, MAX(last_poll_date) AS m,
               CAST(NULL AS decimal(9, 2)) AS d, CAST(0 AS bit) AS b
               FROM msdb.dbo.systargetservers GROUP BY server_id, location";
    let found: Vec<(String, Type, bool)> =
        columns(&run(&lab, sql)).into_iter().map(|c| (c.name, c.ty, c.nullable)).collect();
    let expected = [
        ("set:x", Type::BigInt, false),
        ("location", Type::NVarChar(Some(200)), true),
        ("n", Type::BigInt, false),
        ("s", Type::Int, true),
        ("m", Type::DateTime, true),
        ("d", Type::Decimal { precision: 9, scale: 2 }, true),
        ("b", Type::Bit, false),
    ];
    assert_eq!(found, expected.map(|(name, ty, nullable)| (name.to_owned(), ty, nullable)));
}

#[test]
fn joins_and_groups() {
    let lab = lab();
    let sql = "SELECT t.server_name, COUNT(g.name) AS groups, MIN(g.name) AS first
               FROM msdb.dbo.systargetservers AS t
               LEFT JOIN msdb.dbo.systargetservergroupmembers AS m ON m.server_id = t.server_id
               LEFT JOIN msdb.dbo.systargetservergroups AS g ON g.servergroup_id = m.servergroup_id AND g.name LIKE N'%'
               GROUP BY t.server_name HAVING COUNT(*) > 0 ORDER BY groups DESC, 1";
    let found = rows(&run(&lab, sql));
    assert_eq!(found[0], [text("SQL03"), Value::Int(2), text("PRODUCTION")]);
    assert_eq!(found[3], [text("SQL06"), Value::Int(1), text("TEST")]);
    assert_eq!(found[4], [text("SQL04"), Value::Int(0), Value::Null]);
    let sql = "SELECT TOP (2) x.n FROM (SELECT server_name AS n FROM msdb.dbo.systargetservers UNION ALL SELECT N'A') AS x ORDER BY x.n";
    assert_eq!(rows(&run(&lab, sql)), [[text("A")], [text("SQL01")]]);
    let sql =
        "WITH c AS (SELECT server_id AS id FROM msdb.dbo.systargetservers WHERE server_name IN ('sql01', N'SQL02'))
               SELECT v.a FROM (VALUES (1, 'x'), (9, 'y')) AS v(a, b) WHERE EXISTS (SELECT 1 FROM c WHERE c.id = v.a)";
    assert_eq!(rows(&run(&lab, sql)), [[Value::Int(1)]]);
    let sql = "SELECT t.server_id FROM msdb.dbo.systargetservers t WHERE NOT EXISTS
               (SELECT * FROM msdb.dbo.systargetservergroupmembers m WHERE m.server_id = t.server_id AND m.servergroup_id = 1)";
    assert_eq!(rows(&run(&lab, sql)), [[Value::Int(4)], [Value::Int(5)], [Value::Int(6)]]);
    let sql = "SELECT t.server_id, a.n FROM msdb.dbo.systargetservers t OUTER APPLY
               (SELECT COUNT(*) AS n FROM msdb.dbo.systargetservergroupmembers m WHERE m.server_id = t.server_id) AS a WHERE a.n > 1";
    assert_eq!(rows(&run(&lab, sql)), [[Value::Int(3), Value::Int(2)]]);
    assert_eq!(rows(&run(&lab, "SELECT DISTINCT poll_interval FROM msdb..systargetservers")), [[Value::Int(60)]]);
}

#[test]
fn what_is_wrong_is_an_error() {
    let lab = lab();
    for (sql, number) in [
        ("SELECT poll_internal FROM msdb.dbo.systargetservers", 207),
        ("SELECT t.nothing FROM msdb.dbo.systargetservers AS t", 207),
        ("SELECT x.server_id FROM msdb.dbo.systargetservers AS t", 4104),
        ("SELECT server_id FROM msdb.dbo.systargetservers AS a CROSS JOIN msdb.dbo.systargetservers AS b", 209),
        ("SELECT 1 FROM msdb.dbo.systargetserver", 208),
        ("SELECT 1 FROM nowhere.dbo.systargetservers", 208),
        ("SELECT 1 FROM systargetservers", 208),
        ("SELECT NOW()", 195),
        ("SELECT SERVERPROPERTY('Edition')", 102),
        ("SELECT server_name, COUNT(*) FROM msdb.dbo.systargetservers", 8120),
        ("SELECT 1 FROM msdb.dbo.systargetservers WHERE COUNT(*) > 1", 147),
        ("SELECT SUM(server_name) FROM msdb.dbo.systargetservers", 8117),
        ("SELECT DATEDIFF(fortnight, GETDATE(), GETDATE())", 155),
        ("SELECT CAST(1 AS moneyy)", 243),
        ("SELECT 1 WHERE server_id", 4145),
        ("SELECT 'a' COLLATE Klingon_CI_AS", 448),
        ("SELECT 1 FROM msdb.dbo.sysjobs WHERE job_id = 5", 206),
        ("SELECT ISNULL(1)", 174),
        ("SELECT TOP (1) PERCENT name FROM msdb.dbo.sysjobs", 102),
        ("SELECT ROW_NUMBER() OVER (ORDER BY name) FROM msdb.dbo.sysjobs", 102),
        ("DELETE FROM msdb.dbo.sysdownloadlist", 102),
    ] {
        assert_eq!(error(&lab, sql), number, "{sql}");
    }
}

#[test]
fn versions_and_case() {
    let old = lab().version(2014);
    assert_eq!(error(&old, "SELECT DATEDIFF_BIG(second, GETDATE(), GETDATE())"), 195);
    assert_eq!(error(&old.clone().version(2019), "SELECT 1 AS a; SELECT CURRENT_TIMEZONE_ID()"), 195);
    let zoned = lab().zone("Europe/Berlin");
    assert_eq!(value(&zoned, "CURRENT_TIMEZONE_ID()"), text("W. Europe Standard Time"));
    let exact = lab().case_sensitive();
    assert_eq!(rows(&run(&exact, "SELECT 1 FROM msdb.dbo.systargetservers WHERE server_name = 'sql01'")).len(), 0);
    let exact = lab();
    assert_eq!(rows(&run(&exact, "SELECT 1 FROM msdb.dbo.systargetservers WHERE server_name = 'sql01'")).len(), 1);
}
