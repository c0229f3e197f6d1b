//! `CAST` and `CONVERT`, and the conversions that happen by themselves.

use super::errors;
use super::functions::time::{parse_offset, round_datetime, round_to_scale, to_utc};
use super::types::{Ty, decimal_shape};
use crate::wire::{ServerError, Type, Value};
use jiff::civil::{Date, DateTime, Time};
use std::sync::Arc;

/// Converts a value of one type to another.
///
/// # Errors
/// The conversion error that SQL Server raises, such as 245, 241, 8115, 8169 or 529.
pub fn convert(value: Value, from: Ty, to: Ty, style: i64) -> Result<Value, ServerError> {
    let target = match to {
        Ty::Wire(target) => target,
        Ty::Variant | Ty::Null => return Ok(value),
    };
    let from = match (from, &value) {
        (_, Value::Null) => return Ok(Value::Null),
        (Ty::Variant | Ty::Null, value) => natural(value),
        (from, _) => from,
    };
    match target {
        Type::Bit | Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt => integer(&value, from, to),
        Type::Float => float(&value, from),
        Type::Decimal { precision, scale } => decimal(&value, from, precision, scale),
        Type::NVarChar(length) => Ok(cut(&text(&value, from, length, style)?, length)),
        Type::VarChar(length) => {
            // The code page of the default collation is 1252: what it does not have becomes a question mark.
            let narrow: String =
                text(&value, from, length, style)?.chars().map(|c| if u32::from(c) < 256 { c } else { '?' }).collect();
            Ok(cut(&narrow, length))
        }
        Type::VarBinary(length) => {
            let bytes = bytes(&value, from)?;
            let length = length.map_or(bytes.len(), usize::from).min(bytes.len());
            Ok(Value::Bytes(bytes[..length].into()))
        }
        Type::UniqueIdentifier => guid(&value, from),
        Type::DateTime | Type::DateTime2(_) | Type::DateTimeOffset(_) => date(&value, from, target),
    }
}

/// The type of a value inside a `sql_variant`.
fn natural(value: &Value) -> Ty {
    Ty::Wire(match value {
        Value::Null | Value::Int(_) => Type::Int,
        Value::Float(_) => Type::Float,
        Value::Decimal(_) => Type::Decimal { precision: 38, scale: 0 },
        Value::Text(_) => Type::NVarChar(None),
        Value::Bytes(_) => Type::VarBinary(None),
        Value::DateTime(_) => Type::DateTime,
        Value::DateTimeOffset(..) => Type::DateTimeOffset(7),
        Value::Guid(_) => Type::UniqueIdentifier,
    })
}

fn integer(value: &Value, from: Ty, to: Ty) -> Result<Value, ServerError> {
    let number = match value {
        Value::Int(number) => i128::from(*number),
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) => number.trunc() as i128,
        Value::Decimal(digits) => digits / 10_i128.pow(u32::from(decimal_shape(from).1)),
        Value::Text(text) => {
            let trimmed = text.trim();
            if trimmed.is_empty() {
                0
            } else {
                trimmed.parse().map_err(|_| errors::conversion_of_text(from.name(), text, to.name()))?
            }
        }
        Value::Bytes(bytes) => bytes.iter().rev().take(8).rev().fold(0_i128, |sum, byte| sum << 8 | i128::from(*byte)),
        _ => return Err(errors::explicit_conversion(from.name(), to.name())),
    };
    let (least, most) = match to {
        Ty::Wire(Type::Bit) => return Ok(Value::Int(i64::from(number != 0))),
        Ty::Wire(Type::TinyInt) => (0, 255),
        Ty::Wire(Type::SmallInt) => (i128::from(i16::MIN), i128::from(i16::MAX)),
        Ty::Wire(Type::Int) => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    match i64::try_from(number) {
        Ok(fits) if (least..=most).contains(&number) => Ok(Value::Int(fits)),
        _ => Err(errors::overflow(to.name())),
    }
}

#[allow(clippy::cast_precision_loss)]
fn float(value: &Value, from: Ty) -> Result<Value, ServerError> {
    Ok(Value::Float(match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Decimal(digits) => *digits as f64 / 10_f64.powi(i32::from(decimal_shape(from).1)),
        Value::Text(text) => text.trim().parse().map_err(|_| ServerError {
            state: 5,
            ..ServerError::new(8114, 16, format!("Error converting data type {} to float.", from.name()))
        })?,
        _ => return Err(errors::explicit_conversion(from.name(), "float")),
    }))
}

fn decimal(value: &Value, from: Ty, precision: u8, scale: u8) -> Result<Value, ServerError> {
    let (digits, old) = match value {
        Value::Int(number) => (i128::from(*number), 0),
        Value::Decimal(digits) => (*digits, decimal_shape(from).1),
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) => ((number * 10_f64.powi(i32::from(scale))).round() as i128, scale),
        Value::Text(text) => decimal_text(text.trim()).ok_or_else(|| ServerError {
            state: 5,
            ..ServerError::new(8114, 16, format!("Error converting data type {} to numeric.", from.name()))
        })?,
        _ => return Err(errors::explicit_conversion(from.name(), "numeric")),
    };
    let digits = if scale >= old {
        10_i128.checked_pow(u32::from(scale - old)).and_then(|power| digits.checked_mul(power))
    } else {
        let power = 10_i128.pow(u32::from(old - scale));
        Some((digits + digits.signum() * (power / 2)) / power)
    };
    match digits {
        Some(digits) if digits.unsigned_abs() < 10_u128.pow(u32::from(precision)) => Ok(Value::Decimal(digits)),
        _ => Err(errors::overflow("numeric")),
    }
}

/// Digits without the point, and how many stood behind it.
pub fn decimal_text(text: &str) -> Option<(i128, u8)> {
    let (integral, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((format!("{integral}{fraction}").parse().ok()?, u8::try_from(fraction.len()).ok()?))
}

fn text(value: &Value, from: Ty, length: Option<u16>, style: i64) -> Result<String, ServerError> {
    let fits = |text: String| match length {
        Some(length) if text.len() > usize::from(length) => Err(errors::overflow("varchar")),
        _ => Ok(text),
    };
    match value {
        Value::Text(text) => Ok(text.to_string()),
        Value::Int(number) => fits(number.to_string()),
        Value::Float(number) => fits(number.to_string()),
        Value::Decimal(digits) => fits(decimal_string(*digits, decimal_shape(from).1)),
        Value::Guid(bytes) => match length {
            Some(length) if length < 36 => Err(ServerError {
                state: 2,
                ..ServerError::new(8170, 16, "Insufficient result space to convert uniqueidentifier value to char.")
            }),
            _ => Ok(guid_string(bytes)),
        },
        Value::Bytes(bytes) => match style {
            0 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
            1 | 2 => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                Ok(if style == 1 { format!("0x{hex}") } else { hex })
            }
            _ => Err(errors::unsupported(&format!("CONVERT of varbinary with style {style}"))),
        },
        Value::DateTime(at) => date_string(*at, None, from, style),
        Value::DateTimeOffset(at, offset) => date_string(*at, Some(*offset), from, style),
        Value::Null => Ok(String::new()),
    }
}

fn cut(text: &str, length: Option<u16>) -> Value {
    let Some(length) = length else { return Value::Text(text.into()) };
    let mut left = usize::from(length);
    let kept: String = text
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= left;
            left = if fits { left - c.len_utf16() } else { 0 };
            fits
        })
        .collect();
    Value::Text(kept.into())
}

fn decimal_string(digits: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if digits < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (integral, fraction) = all.split_at(all.len() - scale);
    if scale == 0 { format!("{sign}{integral}") } else { format!("{sign}{integral}.{fraction}") }
}

fn date_string(at: DateTime, offset: Option<i16>, from: Ty, style: i64) -> Result<String, ServerError> {
    let date = format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
    let time = format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    let nanos = format!("{:09}", at.subsec_nanosecond());
    let scale = match from {
        Ty::Wire(Type::DateTime2(scale) | Type::DateTimeOffset(scale)) => usize::from(scale),
        _ => 3,
    };
    let fraction = if scale == 0 { String::new() } else { format!(".{}", &nanos[..scale]) };
    let zone = offset
        .map_or(String::new(), |o| format!("{}{:02}:{:02}", if o < 0 { '-' } else { '+' }, o.abs() / 60, o.abs() % 60));
    let spaced = if zone.is_empty() { String::new() } else { format!(" {zone}") };
    Ok(match style {
        0 if from != Ty::Wire(Type::DateTime) => format!("{date} {time}{fraction}{spaced}"),
        20 | 120 => format!("{date} {time}{spaced}"),
        21 | 25 | 121 => format!("{date} {time}{fraction}{spaced}"),
        23 => date,
        111 => date.replace('-', "/"),
        112 => date.replace('-', ""),
        126 if at.subsec_nanosecond() == 0 => format!("{date}T{time}{zone}"),
        126 => format!("{date}T{time}{fraction}{zone}"),
        _ => return Err(errors::unsupported(&format!("CONVERT of {} with style {style}", from.name()))),
    })
}

fn bytes(value: &Value, from: Ty) -> Result<Arc<[u8]>, ServerError> {
    Ok(match (value, from) {
        (Value::Bytes(bytes), _) => bytes.clone(),
        (Value::Guid(printed), _) => swap(*printed).into(),
        (Value::Text(text), Ty::Wire(Type::NVarChar(_))) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        (Value::Text(text), _) => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        (Value::Int(number), from) => {
            let all = number.to_be_bytes();
            let width = match from {
                Ty::Wire(Type::Bit | Type::TinyInt) => 1,
                Ty::Wire(Type::SmallInt) => 2,
                Ty::Wire(Type::BigInt) => 8,
                _ => 4,
            };
            all[8 - width..].into()
        }
        _ => return Err(errors::explicit_conversion(from.name(), "varbinary")),
    })
}

fn guid(value: &Value, from: Ty) -> Result<Value, ServerError> {
    match value {
        Value::Guid(_) => Ok(value.clone()),
        Value::Bytes(bytes) => {
            let mut stored = [0; 16];
            for (to, from) in stored.iter_mut().zip(bytes.iter()) {
                *to = *from;
            }
            Ok(Value::Guid(swap(stored)))
        }
        Value::Text(text) => parse_guid(text).map(Value::Guid).ok_or_else(errors::conversion_of_guid),
        _ => Err(errors::explicit_conversion(from.name(), "uniqueidentifier")),
    }
}

/// The first three groups are stored little-endian and printed big-endian.
fn swap(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

/// `6F9619FF-8B86-D011-B42D-00C04FC964FF`, in braces or not; what follows is ignored, as SQL Server does.
pub fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let text = text.strip_prefix('{').unwrap_or(text).get(..36)?;
    let hyphens = text.char_indices().filter(|(_, c)| *c == '-').map(|(at, _)| at);
    if !hyphens.eq([8, 13, 18, 23]) {
        return None;
    }
    let hex = text.replace('-', "");
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// As SQL Server prints it: upper case, with hyphens.
pub fn guid_string(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn date(value: &Value, from: Ty, to: Type) -> Result<Value, ServerError> {
    let (at, offset) = match value {
        Value::DateTime(at) => (*at, 0),
        Value::DateTimeOffset(at, offset) => (*at, *offset),
        Value::Text(text) => parse_date(text.trim()).ok_or_else(errors::conversion_of_date)?,
        Value::Int(days) if to == Type::DateTime => {
            let day = i32::try_from(*days)
                .ok()
                .and_then(|days| Date::constant(1900, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok());
            (day.ok_or_else(|| errors::overflow("datetime"))?.to_datetime(Time::midnight()), 0)
        }
        _ => return Err(errors::explicit_conversion(from.name(), Ty::Wire(to).name())),
    };
    Ok(match to {
        Type::DateTimeOffset(scale) => Value::DateTimeOffset(round_to_scale(at, scale), offset),
        Type::DateTime2(scale) => Value::DateTime(round_to_scale(at, scale)),
        _ if at.year() < 1753 => return Err(errors::date_out_of_range(from.name())),
        _ => Value::DateTime(round_datetime(at)),
    })
}

/// `YYYY-MM-DD`, `YYYY/MM/DD` or `YYYYMMDD`, with a time or not, with an offset or not.
fn parse_date(text: &str) -> Option<(DateTime, i16)> {
    let (text, offset) = match text.rfind(['+', '-']).filter(|at| *at > 10) {
        Some(at) => (text[..at].trim_end(), parse_offset(&text[at..])?),
        None => (text.strip_suffix('Z').unwrap_or(text), 0),
    };
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let digits: String = date.chars().filter(|c| !matches!(c, '-' | '/')).collect();
    if digits.len() != 8 || !matches!(date.len(), 8 | 10) {
        return None;
    }
    let date = Date::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?).ok()?;
    let time: Time = time.trim().parse().ok()?;
    Some((date.to_datetime(time), offset))
}

/// For comparing values with offsets: the wall time in UTC.
pub fn comparable(value: &Value) -> Option<DateTime> {
    match value {
        Value::DateTime(at) => Some(*at),
        Value::DateTimeOffset(at, offset) => Some(to_utc(*at, *offset)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cast(value: Value, from: Type, to: Type, style: i64) -> Result<Value, ServerError> {
        convert(value, Ty::Wire(from), Ty::Wire(to), style)
    }

    #[test]
    fn numbers() {
        assert_eq!(cast(Value::Int(256), Type::Int, Type::TinyInt, 0).unwrap_err().number, 8115);
        assert_eq!(cast(Value::Text("12x".into()), Type::VarChar(None), Type::Int, 0).unwrap_err().number, 245);
        let decimal =
            cast(Value::Text("12.345".into()), Type::VarChar(None), Type::Decimal { precision: 9, scale: 2 }, 0);
        assert_eq!(decimal.unwrap(), Value::Decimal(1235));
        let text = cast(Value::Decimal(-5), Type::Decimal { precision: 9, scale: 2 }, Type::VarChar(Some(30)), 0);
        assert_eq!(text.unwrap(), Value::Text("-0.05".into()));
    }

    #[test]
    fn guids_and_bytes() {
        let nil = cast(Value::Bytes([0].as_slice().into()), Type::VarBinary(None), Type::UniqueIdentifier, 0).unwrap();
        assert_eq!(nil, Value::Guid([0; 16]));
        let printed = "6F9619FF-8B86-D011-B42D-00C04FC964FF";
        let guid = cast(Value::Text(printed.into()), Type::NVarChar(None), Type::UniqueIdentifier, 0).unwrap();
        let bytes = cast(guid.clone(), Type::UniqueIdentifier, Type::VarBinary(Some(16)), 0).unwrap();
        assert!(matches!(&bytes, Value::Bytes(b) if b[..4] == [0xFF, 0x19, 0x96, 0x6F]));
        assert_eq!(cast(bytes, Type::VarBinary(None), Type::UniqueIdentifier, 0).unwrap(), guid);
        assert_eq!(
            cast(guid, Type::UniqueIdentifier, Type::VarChar(Some(36)), 0).unwrap(),
            Value::Text(printed.into())
        );
    }

    #[test]
    fn dates_and_text() {
        let at =
            cast(Value::Text("2026-10-25T02:30:00.123+02:00".into()), Type::VarChar(None), Type::DateTimeOffset(3), 0);
        assert_eq!(at.unwrap(), Value::DateTimeOffset("2026-10-25T02:30:00.123".parse().unwrap(), 120));
        let at = Value::DateTime("2026-10-25T02:30:00.007".parse().unwrap());
        assert_eq!(
            cast(at, Type::DateTime, Type::VarChar(Some(30)), 121).unwrap(),
            Value::Text("2026-10-25 02:30:00.007".into())
        );
        assert_eq!(
            cast(Value::Text("nonsense".into()), Type::VarChar(None), Type::DateTime, 0).unwrap_err().number,
            241
        );
        assert_eq!(
            cast(Value::Text("дом".into()), Type::NVarChar(None), Type::VarChar(None), 0).unwrap(),
            Value::Text("???".into())
        );
        assert_eq!(
            cast(Value::Text("abcdef".into()), Type::NVarChar(None), Type::NVarChar(Some(3)), 0).unwrap(),
            Value::Text("abc".into())
        );
    }
}
