//! How a value is written: [MS-TDS] 2.2.5.5 and, for `max` types, 2.2.5.2.3.

use super::types::{decimal_length, time_length};
use crate::wire::{Column, Type, Value};
use bytes::{BufMut, BytesMut};
use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, Span};

/// The longest part of a value in parts.
const PART: usize = 8000;
const DAY_SECONDS: i64 = 86_400;

/// Writes a value as its column wants it.
///
/// # Errors
/// In words, when the value is none of the column's type or outside of its range: a mistake of the backend, which the
/// client must get to see.
pub(crate) fn put_value(column: &Column, value: &Value, out: &mut BytesMut) -> Result<(), String> {
    let misfit = || format!("column {:?}: {value:?} is no {:?}", column.name, column.ty);
    if *value == Value::Null {
        return column.nullable.then(|| put_null(column.ty, out)).ok_or_else(misfit);
    }
    let length = |out: &mut BytesMut, bytes: u8| {
        if column.nullable {
            out.put_u8(bytes);
        }
    };
    match (column.ty, value) {
        (Type::Bit, Value::Int(number @ 0..=1)) => {
            length(out, 1);
            out.put_u8(*number as u8);
        }
        (Type::TinyInt, Value::Int(number)) => {
            length(out, 1);
            out.put_u8(u8::try_from(*number).map_err(|_| misfit())?);
        }
        (Type::SmallInt, Value::Int(number)) => {
            length(out, 2);
            out.put_i16_le(i16::try_from(*number).map_err(|_| misfit())?);
        }
        (Type::Int, Value::Int(number)) => {
            length(out, 4);
            out.put_i32_le(i32::try_from(*number).map_err(|_| misfit())?);
        }
        (Type::BigInt, Value::Int(number)) => {
            length(out, 8);
            out.put_i64_le(*number);
        }
        (Type::Float, Value::Float(number)) if number.is_finite() => {
            length(out, 8);
            out.put_f64_le(*number);
        }
        (Type::Decimal { precision, .. }, Value::Decimal(digits)) => {
            if precision > 38 || digits.unsigned_abs() >= 10_u128.pow(precision.into()) {
                return Err(misfit());
            }
            let bytes = decimal_length(precision);
            out.put_u8(bytes);
            out.put_u8(u8::from(*digits >= 0));
            out.put_slice(&digits.unsigned_abs().to_le_bytes()[..usize::from(bytes) - 1]);
        }
        (Type::DateTime, Value::DateTime(at)) => {
            length(out, 8);
            let (days, ticks) = datetime(*at);
            if at.year() < 1753 {
                return Err(misfit());
            }
            out.put_i32_le(days);
            out.put_u32_le(ticks);
        }
        (Type::DateTime2(scale @ 0..=7), Value::DateTime(at)) => {
            out.put_u8(time_length(scale) + 3);
            put_datetime2(*at, scale, out).ok_or_else(misfit)?;
        }
        (Type::DateTimeOffset(scale @ 0..=7), Value::DateTimeOffset(at, minutes @ -840..=840)) => {
            out.put_u8(time_length(scale) + 5);
            let utc = at.checked_sub(SignedDuration::from_mins((*minutes).into())).map_err(|_| misfit())?;
            put_datetime2(utc, scale, out).ok_or_else(misfit)?;
            out.put_i16_le(*minutes);
        }
        (Type::UniqueIdentifier, Value::Guid(guid)) => {
            out.put_u8(16);
            out.put_slice(&mixed_endian(*guid));
        }
        (Type::VarBinary(limit), Value::Bytes(bytes)) => {
            put_bytes(bytes, limit, out).ok_or_else(misfit)?;
        }
        (Type::NVarChar(limit), Value::Text(text)) => {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            put_bytes(&bytes, limit.map(|characters| characters.saturating_mul(2)), out).ok_or_else(misfit)?;
        }
        (Type::VarChar(limit), Value::Text(text)) => {
            let bytes: Vec<u8> = text.chars().map(windows_1252).collect();
            put_bytes(&bytes, limit, out).ok_or_else(misfit)?;
        }
        _ => return Err(misfit()),
    }
    Ok(())
}

fn put_null(ty: Type, out: &mut BytesMut) {
    match ty {
        Type::NVarChar(None) | Type::VarChar(None) | Type::VarBinary(None) => out.put_u64_le(u64::MAX),
        Type::NVarChar(_) | Type::VarChar(_) | Type::VarBinary(_) => out.put_u16_le(u16::MAX),
        _ => out.put_u8(0),
    }
}

/// A string of bytes: with a length before it, or in parts where the type is `max`. `None` where it is too long.
fn put_bytes(bytes: &[u8], limit: Option<u16>, out: &mut BytesMut) -> Option<()> {
    match limit {
        Some(limit) => {
            let length = u16::try_from(bytes.len()).ok().filter(|length| *length <= limit)?;
            out.put_u16_le(length);
            out.put_slice(bytes);
        }
        None => {
            out.put_u64_le(bytes.len() as u64);
            for part in bytes.chunks(PART) {
                out.put_u32_le(part.len() as u32);
                out.put_slice(part);
            }
            out.put_u32_le(0);
        }
    }
    Some(())
}

/// Days since 1900 and 1/300 s since midnight, rounded to the nearest as SQL Server rounds.
fn datetime(at: DateTime) -> (i32, u32) {
    let ticks = (nanoseconds(at) * 300 + 500_000_000) / 1_000_000_000;
    let midnight = DAY_SECONDS * 300;
    let days = days_since(date(1900, 1, 1), at.date()) + (ticks / midnight) as i32;
    (days, (ticks % midnight) as u32)
}

/// The time of day in units of the scale, then the days since year 1. `None` behind the year 9999.
fn put_datetime2(at: DateTime, scale: u8, out: &mut BytesMut) -> Option<()> {
    let unit = 10_i64.pow(9 - u32::from(scale));
    let units = (nanoseconds(at) + unit / 2) / unit;
    let midnight = DAY_SECONDS * (1_000_000_000 / unit);
    let days = days_since(date(1, 1, 1), at.date()) + (units / midnight) as i32;
    // 9999-12-31 is day 3,652,058.
    if !(0..=3_652_058).contains(&days) {
        return None;
    }
    out.put_slice(&(units % midnight).to_le_bytes()[..usize::from(time_length(scale))]);
    out.put_slice(&days.to_le_bytes()[..3]);
    Some(())
}

fn nanoseconds(at: DateTime) -> i64 {
    let time = at.time();
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * 1_000_000_000 + i64::from(time.subsec_nanosecond())
}

fn days_since(epoch: Date, day: Date) -> i32 {
    let span: Span = day - epoch;
    span.get_days()
}

/// The order on the wire: the first three groups with their bytes turned round ([MS-DTYP] 2.3.4).
fn mixed_endian(guid: [u8; 16]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
    let mut wire = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    wire[8..].copy_from_slice(&rest);
    wire
}

/// A character in code page 1252; what it has not becomes a question mark, as SQL Server does it.
fn windows_1252(character: char) -> u8 {
    /// 0x80 to 0x9F; the five holes stand for themselves.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match u32::from(character) {
        code @ (0..=0x7F | 0xA0..=0xFF) => code as u8,
        _ => HIGH.iter().position(|high| *high == character).map_or(b'?', |at| 0x80 + at as u8),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::datetime as at;

    fn encoded(ty: Type, nullable: bool, value: Value) -> Result<Vec<u8>, String> {
        let mut out = BytesMut::new();
        put_value(&Column { name: "c".into(), ty, nullable }, &value, &mut out).map(|()| out.to_vec())
    }

    #[test]
    fn datetime_is_rounded_to_a_three_hundredth_and_may_reach_the_next_day() {
        // The table of "datetime (Transact-SQL)", section "Rounding of datetime fractional second precision".
        for (millisecond, rounded) in [(990, 297), (991, 297), (992, 298), (994, 298), (995, 299), (998, 299)] {
            assert_eq!(datetime(at(1998, 1, 1, 0, 0, 0, millisecond * 1_000_000)).1, rounded, "{millisecond}");
        }
        assert_eq!(datetime(at(1998, 1, 1, 23, 59, 59, 999_000_000)), (datetime(at(1998, 1, 2, 0, 0, 0, 0)).0, 0));
        assert_eq!(datetime(at(1899, 12, 31, 0, 0, 0, 0)).0, -1);
    }

    #[test]
    fn datetime2_has_the_length_of_its_scale() {
        // [MS-TDS] has no example; these follow from its text, and foreign clients judge them in tests/clients.
        let noon = Value::DateTime(at(2026, 11, 22, 12, 0, 0, 0));
        assert_eq!(encoded(Type::DateTime2(0), true, noon.clone()).unwrap(), [6, 0xC0, 0xA8, 0, 0x65, 0x4A, 0x0B]);
        for (scale, length) in [(0, 6), (2, 6), (3, 7), (4, 7), (5, 8), (7, 8)] {
            let bytes = encoded(Type::DateTime2(scale), false, noon.clone()).unwrap();
            assert_eq!((bytes[0], bytes.len()), (length, usize::from(length) + 1));
        }
        let last = Value::DateTime(at(9999, 12, 31, 23, 59, 59, 999_999_999));
        assert!(encoded(Type::DateTime2(7), false, last).is_err(), "it would round to the year 10000");
    }

    #[test]
    fn an_offset_leaves_as_universal_time() {
        let local = Value::DateTimeOffset(at(2026, 1, 1, 0, 30, 0, 0), 60);
        let utc = Value::DateTime(at(2025, 12, 31, 23, 30, 0, 0));
        let with = encoded(Type::DateTimeOffset(7), true, local).unwrap();
        let without = encoded(Type::DateTime2(7), true, utc).unwrap();
        assert_eq!(with[1..9], without[1..]);
        assert_eq!(with[9..], [60, 0]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (ty, value) in [
            (Type::TinyInt, Value::Int(-1)),
            (Type::TinyInt, Value::Int(256)),
            (Type::SmallInt, Value::Int(32_768)),
            (Type::Int, Value::Int(1 << 31)),
            (Type::Int, Value::Text("1".into())),
            (Type::Bit, Value::Int(2)),
            (Type::NVarChar(Some(2)), Value::Text("abc".into())),
            (Type::VarBinary(Some(1)), Value::Bytes([1, 2][..].into())),
            (Type::Decimal { precision: 3, scale: 1 }, Value::Decimal(1000)),
            (Type::DateTime, Value::DateTime(at(1752, 12, 31, 0, 0, 0, 0))),
            (Type::Int, Value::Null),
        ] {
            assert!(encoded(ty, false, value.clone()).is_err(), "{ty:?} {value:?}");
        }
    }

    #[test]
    fn varchar_is_code_page_1252() {
        let bytes = encoded(Type::VarChar(Some(10)), true, Value::Text("a€Žÿ漢".into())).unwrap();
        assert_eq!(bytes, [5, 0, b'a', 0x80, 0x8E, 0xFF, b'?']);
    }

    #[test]
    fn a_guid_turns_its_first_three_groups_round() {
        let printed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(mixed_endian(printed), [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
    }
}
