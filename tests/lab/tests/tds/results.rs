//! What a client reads.

use crate::client::{Connected, plain, start, within};
use msx_lab::tds::Encryption;
use tiberius::numeric::Numeric;
use tiberius::{ColumnData, EncryptionLevel, Row, ToSql};

async fn rows(client: &mut Connected, sql: &str) -> tiberius::Result<Vec<Row>> {
    within(async { client.simple_query(sql).await?.into_first_result().await }).await
}

/// Every value as text: the client's own decoded form, so that widths and scales show.
fn shown(row: &Row) -> Vec<(String, String)> {
    row.cells()
        .map(|(column, data)| {
            let text = match data {
                ColumnData::String(Some(text)) if text.len() > 40 => format!("{} bytes", text.len()),
                ColumnData::Binary(Some(bytes)) if bytes.len() > 40 => format!("{} bytes", bytes.len()),
                ColumnData::String(Some(text)) => format!("{text:?}"),
                ColumnData::Numeric(Some(number)) => format!("{}e-{}", number.value(), number.scale()),
                other => format!("{other:?}"),
            };
            (column.name().to_owned(), text)
        })
        .collect()
}

#[tokio::test]
async fn every_type_has_its_value_in_its_width() {
    let server = start(Encryption::None).await;
    let read = rows(&mut plain(&server).await, "types").await.unwrap();
    let [first, second, third] = read.as_slice() else { panic!("{} rows", read.len()) };
    assert_eq!(first.get::<u8, _>("tinyint"), Some(200));
    assert_eq!(first.get::<i16, _>("smallint"), Some(-300));
    assert_eq!(first.get::<i32, _>("int_null"), Some(-70_000));
    assert_eq!(second.get::<i64, _>("bigint"), Some(i64::MIN));
    assert_eq!(second.get::<f64, _>("float_null"), Some(-2.5e-300));
    assert_eq!(first.get::<Numeric, _>("decimal_5_2"), Some(Numeric::new_with_scale(12_345, 2)));
    let digits = -12_345_678_901_234_567_890_123_456_789_012_345_678;
    assert_eq!(second.get::<Numeric, _>("decimal_38_10_null"), Some(Numeric::new_with_scale(digits, 10)));
    assert_eq!(first.get::<&str, _>("nvarchar_50"), Some("Grüße, 世界 🌍"));
    assert_eq!(first.get::<&str, _>("varchar_50_null"), Some("Zürich €5"));
    assert_eq!(second.get::<&str, _>("nvarchar_max"), Some("ä漢".repeat(10_000).as_str()));
    assert_eq!(second.get::<&[u8], _>("varbinary_max").map(|bytes| (bytes.len(), bytes[8999])), Some((9000, 39)));
    let guid = first.get::<tiberius::Uuid, _>("uniqueidentifier").map(|guid| guid.to_string());
    assert_eq!(guid.as_deref(), Some("0e984725-c51c-4bf4-9960-e1c80e27aba0"));
    let expected: std::collections::BTreeMap<&str, [&str; 2]> = [
        ("bit", ["Bit(Some(true))", "Bit(Some(false))"]),
        ("tinyint", ["U8(Some(200))", "U8(Some(255))"]),
        ("smallint", ["I16(Some(-300))", "I16(Some(-32768))"]),
        ("int", ["I32(Some(-70000))", "I32(Some(-2147483648))"]),
        ("decimal_19_4", ["10000e-4", "-5e-4"]),
        ("decimal_28_0", ["7e-0", "9999999999999999999999999999e-0"]),
        (
            "datetime",
            [
                "DateTime(Some(DateTime { days: 46346, seconds_fragments: 13589099 }))",
                "DateTime(Some(DateTime { days: -53690, seconds_fragments: 0 }))",
            ],
        ),
    ]
    .into();
    for (at, row) in [first, second].into_iter().enumerate() {
        for (name, text) in shown(row) {
            if let Some(both) = expected.get(name.trim_end_matches("_null")) {
                assert_eq!(text, both[at], "{name}, row {at}");
            }
        }
    }
    // A fixed column and its nullable twin carry the same value, and the twin is NULL in the third row.
    for row in [first, second] {
        for pair in shown(row).chunks(2) {
            assert_eq!((format!("{}_null", pair[0].0), &pair[0].1), (pair[1].0.clone(), &pair[1].1));
        }
    }
    for ((fixed, text), (name, null)) in shown(first).iter().step_by(2).zip(shown(third).iter().skip(1).step_by(2)) {
        assert!(null.contains("None"), "{name} is {null}");
        assert!(shown(third).contains(&(fixed.clone(), text.clone())));
    }
}

#[tokio::test]
async fn sets_stand_apart_and_an_empty_one_is_there() {
    let server = start(Encryption::None).await;
    let sets = plain(&server).await.simple_query("sets").await.unwrap().into_results().await.unwrap();
    assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(sets[2][0].get::<&str, _>("c"), Some("three"));
}

#[tokio::test]
async fn an_error_between_rows_reaches_the_client_and_the_connection_lives_on() {
    let server = start(Encryption::None).await;
    let mut client = plain(&server).await;
    for (sql, code) in [("denied", 229), ("nonsense", 102), ("misfit", 50_000)] {
        let error = rows(&mut client, sql).await.unwrap_err();
        assert_eq!(error.code(), Some(code), "{error}");
    }
    assert_eq!(rows(&mut client, "rows 2").await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_error_of_class_20_ends_the_connection() {
    let server = start(Encryption::None).await;
    for (sql, code) in [("fatal", 596), ("panic", 50_000)] {
        let mut client = plain(&server).await;
        assert_eq!(rows(&mut client, sql).await.unwrap_err().code(), Some(code));
        assert!(rows(&mut client, "rows 1").await.is_err());
    }
}

#[tokio::test]
async fn results_of_any_length_arrive_in_full() {
    let server = start(Encryption::LoginOnly).await;
    for (level, count) in
        [(EncryptionLevel::NotSupported, 100_000), (EncryptionLevel::Off, 5_000), (EncryptionLevel::Required, 5_000)]
    {
        let mut client = crate::client::connect(crate::client::config(&server, level)).await.unwrap();
        let read = rows(&mut client, &format!("rows {count}")).await.unwrap();
        assert_eq!(read.len(), count as usize);
        for (n, row) in (0_i32..).zip(&read) {
            assert_eq!(row.get::<i32, _>(0), Some(n));
            assert_eq!(row.get::<&str, _>(1), Some(format!("TARGET-{n:06}\\PAYROLL").as_str()));
        }
    }
}

#[tokio::test]
async fn parameters_arrive_as_literals_and_other_procedures_as_2812() {
    let server = start(Encryption::None).await;
    let mut client = plain(&server).await;
    let parameters: [&dyn ToSql; 4] = [&"it's", &-5_i32, &Option::<i64>::None, &1.5_f64];
    let row = client.query("echo @P1, '@P1', 1-@P2, @P3, @P4", &parameters).await.unwrap();
    let row = row.into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>(0), Some("N'it''s', '@P1', 1-(-5), NULL, 1.5e0"));
    let long = "x".repeat(100_000);
    let row = client.query("echo @P1", &[&long.as_str()]).await.unwrap().into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>(0).map(str::len), Some(100_003));
    let error = client.query("nonsense", &[]).await.map(drop).unwrap_err();
    assert_eq!(error.code(), Some(102));
}
