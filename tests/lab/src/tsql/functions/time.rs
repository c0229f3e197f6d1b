//! Dates: rounding as SQL Server stores them, differences, sums and parts.

use super::{Builtin, DatePart};
use crate::tsql::errors;
use crate::tsql::world::Now;
use crate::wire::{ServerError, Type, Value};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Rounds to what `datetime` can hold: milliseconds that end in 0, 3 and 7.
pub fn round_datetime(at: DateTime) -> DateTime {
    let midnight = at.date().to_datetime(jiff::civil::Time::midnight());
    let nanos = nanoseconds(at) - nanoseconds(midnight);
    // Ticks of 1/300 s, shown to the millisecond.
    let ticks = (nanos * 3 + 5_000_000) / 10_000_000;
    let millis = (ticks * 10 + 1) / 3;
    shift(midnight, millis * 1_000_000).unwrap_or(at)
}

/// Rounds to what `datetime2(scale)` can hold.
pub fn round_to_scale(at: DateTime, scale: u8) -> DateTime {
    let unit = 10_i128.pow(9 - u32::from(scale.min(7)));
    let nanos = nanoseconds(at);
    let rounded = (nanos + unit / 2).div_euclid(unit) * unit;
    shift(at, rounded - nanos).unwrap_or(at)
}

/// Nanoseconds since 1970 as if the wall time were UTC.
pub fn nanoseconds(at: DateTime) -> i128 {
    TimeZone::UTC.to_timestamp(at).map_or(0, Timestamp::as_nanosecond)
}

fn shift(at: DateTime, nanos: i128) -> Option<DateTime> {
    let moved = nanoseconds(at).checked_add(nanos)?;
    Some(Timestamp::from_nanosecond(moved).ok()?.to_zoned(TimeZone::UTC).datetime())
}

/// The wall time in UTC of a value with an offset.
pub fn to_utc(at: DateTime, offset: i16) -> DateTime {
    shift(at, -i128::from(offset) * 60_000_000_000).unwrap_or(at)
}

/// `DATEDIFF` and `DATEDIFF_BIG`: boundaries crossed, both sides in UTC where one has an offset.
pub fn difference(builtin: Builtin, part: DatePart, from: &Value, to: &Value) -> Result<Value, ServerError> {
    let (Some(from), Some(to)) = (instant(from), instant(to)) else { return Ok(Value::Null) };
    let months = |at: DateTime| i128::from(at.year()) * 12 + i128::from(at.month()) - 1;
    let crossed = match part {
        DatePart::Year => i128::from(to.year()) - i128::from(from.year()),
        DatePart::Quarter => months(to).div_euclid(3) - months(from).div_euclid(3),
        DatePart::Month => months(to) - months(from),
        DatePart::TzOffset => return Err(errors::unknown_datepart("tzoffset", "datediff")),
        _ => {
            let unit = part.nanoseconds().unwrap_or(1);
            nanoseconds(to).div_euclid(unit) - nanoseconds(from).div_euclid(unit)
        }
    };
    let (fits, name) = match builtin {
        Builtin::DateDiffBig => (i64::try_from(crossed).ok(), "datediff_big"),
        _ => (i32::try_from(crossed).ok().map(i64::from), "datediff"),
    };
    fits.map(Value::Int).ok_or_else(|| errors::datediff_overflow(name))
}

fn instant(value: &Value) -> Option<DateTime> {
    match value {
        Value::DateTime(at) => Some(*at),
        Value::DateTimeOffset(at, offset) => Some(to_utc(*at, *offset)),
        _ => None,
    }
}

/// `DATEADD`.
pub fn add(part: DatePart, number: i64, to: &Value, ty: Type) -> Result<Value, ServerError> {
    let moved = |at: DateTime| -> Result<DateTime, ServerError> {
        let months = match part {
            DatePart::Year => Some(12),
            DatePart::Quarter => Some(3),
            DatePart::Month => Some(1),
            _ => None,
        };
        let moved = match (months, part.nanoseconds()) {
            (Some(months), _) => Span::new().try_months(number * months).and_then(|span| at.checked_add(span)).ok(),
            (None, Some(unit)) => shift(at, unit * i128::from(number)),
            (None, None) => return Err(errors::unknown_datepart("tzoffset", "dateadd")),
        };
        let moved = moved.filter(|at| at.year() >= 1).ok_or_else(errors::dateadd_overflow)?;
        Ok(match ty {
            Type::DateTime => round_datetime(moved),
            Type::DateTime2(scale) | Type::DateTimeOffset(scale) => round_to_scale(moved, scale),
            _ => moved,
        })
    };
    Ok(match to {
        Value::DateTime(at) => Value::DateTime(moved(*at)?),
        Value::DateTimeOffset(at, offset) => Value::DateTimeOffset(moved(*at)?, *offset),
        _ => Value::Null,
    })
}

/// `DATEPART`.
pub fn part(part: DatePart, of: &Value) -> Result<Value, ServerError> {
    let (at, offset) = match of {
        Value::DateTime(at) => (*at, 0),
        Value::DateTimeOffset(at, offset) => (*at, *offset),
        _ => return Ok(Value::Null),
    };
    Ok(Value::Int(match part {
        DatePart::Year => i64::from(at.year()),
        DatePart::Quarter => (i64::from(at.month()) - 1) / 3 + 1,
        DatePart::Month => i64::from(at.month()),
        DatePart::DayOfYear => i64::from(at.day_of_year()),
        DatePart::Day => i64::from(at.day()),
        DatePart::Hour => i64::from(at.hour()),
        DatePart::Minute => i64::from(at.minute()),
        DatePart::Second => i64::from(at.second()),
        DatePart::Millisecond => i64::from(at.subsec_nanosecond()) / 1_000_000,
        DatePart::Microsecond => i64::from(at.subsec_nanosecond()) / 1_000,
        DatePart::Nanosecond => i64::from(at.subsec_nanosecond()),
        DatePart::TzOffset => i64::from(offset),
    }))
}

/// The functions that read the clock.
pub fn clock(builtin: Builtin, now: Now) -> Value {
    let utc = now.utc.to_zoned(TimeZone::UTC).datetime();
    match builtin {
        Builtin::GetDate => Value::DateTime(round_datetime(now.local)),
        Builtin::GetUtcDate => Value::DateTime(round_datetime(utc)),
        Builtin::SysUtcDateTime => Value::DateTime(round_to_scale(utc, 7)),
        Builtin::SysDateTimeOffset => Value::DateTimeOffset(round_to_scale(now.local, 7), now.offset),
        _ => Value::DateTime(round_to_scale(now.local, 7)),
    }
}

/// `SWITCHOFFSET` and `TODATETIMEOFFSET`; the offset is minutes or `'+hh:mm'`.
pub fn offset(builtin: Builtin, of: &Value, offset: &Value) -> Result<Value, ServerError> {
    let minutes = match offset {
        Value::Int(minutes) => i16::try_from(*minutes).ok(),
        Value::Text(text) => parse_offset(text),
        _ => return Ok(Value::Null),
    };
    let invalid = || ServerError::new(9812, 16, "The timezone provided to builtin function is invalid.");
    let minutes = minutes.filter(|m| m.abs() <= 14 * 60).ok_or_else(invalid)?;
    Ok(match (builtin, of) {
        (Builtin::SwitchOffset, Value::DateTimeOffset(at, old)) => {
            Value::DateTimeOffset(to_utc(*at, old - minutes), minutes)
        }
        (_, Value::DateTime(at) | Value::DateTimeOffset(at, _)) => Value::DateTimeOffset(*at, minutes),
        _ => Value::Null,
    })
}

/// `+02:00` in minutes.
pub fn parse_offset(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    Some(sign * (hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn datetime_holds_three_hundredths() {
        let millis =
            |ms: i32| round_datetime(datetime(2026, 3, 1, 12, 0, 0, ms * 1_000_000)).subsec_nanosecond() / 1_000_000;
        let shown: Vec<i32> = (0..10).map(millis).collect();
        assert_eq!(shown, [0, 0, 3, 3, 3, 7, 7, 7, 7, 10]);
        let last = round_datetime(datetime(2026, 12, 31, 23, 59, 59, 999_000_000));
        assert_eq!(last, datetime(2027, 1, 1, 0, 0, 0, 0));
    }

    #[test]
    fn differences_count_boundaries() {
        let at = |text: &str| Value::DateTime(text.parse().unwrap());
        let diff = |part, a: &str, b: &str| difference(Builtin::DateDiff, part, &at(a), &at(b));
        assert_eq!(diff(DatePart::Minute, "2026-01-01T00:00:59", "2026-01-01T00:01:00").unwrap(), Value::Int(1));
        assert_eq!(diff(DatePart::Second, "2026-01-01T00:00:00.997", "2026-01-01T00:00:01").unwrap(), Value::Int(1));
        assert_eq!(diff(DatePart::Year, "2025-12-31T23:59:59", "2026-01-01T00:00:00").unwrap(), Value::Int(1));
        assert_eq!(diff(DatePart::Second, "1970-01-01T00:00:00", "2040-01-01T00:00:00").unwrap_err().number, 535);
        let big =
            difference(Builtin::DateDiffBig, DatePart::Second, &at("1970-01-01T00:00:00"), &at("2040-01-01T00:00:00"));
        assert_eq!(big.unwrap(), Value::Int(2_208_988_800));
        let offset = Value::DateTimeOffset("2026-01-01T02:00:00".parse().unwrap(), 120);
        assert_eq!(
            difference(Builtin::DateDiff, DatePart::Second, &at("2026-01-01T00:00:00"), &offset).unwrap(),
            Value::Int(0)
        );
    }
}
