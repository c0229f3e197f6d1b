//! RPC requests: [MS-TDS] 2.2.6.6, with the values of their parameters as T-SQL literals.

use super::literal::{Parameter, number, quoted};
use super::types::{MAX, code};
use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, ToSpan};
use std::fmt::Write as _;

/// A procedure and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its name, also where the client sent a number.
    pub(crate) procedure: String,
    /// Parameters in order; a name may be empty.
    pub(crate) parameters: Vec<Parameter>,
}

/// The procedures that have a number ([MS-TDS] 2.2.6.6, ProcID).
const NUMBERED: [&str; 16] = [
    "",
    "sp_cursor",
    "sp_cursoropen",
    "sp_cursorprepare",
    "sp_cursorexecute",
    "sp_cursorprepexec",
    "sp_cursorunprepare",
    "sp_cursorfetch",
    "sp_cursoroption",
    "sp_cursorclose",
    "sp_executesql",
    "sp_prepare",
    "sp_execute",
    "sp_prepexec",
    "sp_prepexecrpc",
    "sp_unprepare",
];

/// Decodes UTF-16; half a pair becomes U+FFFD, half a unit is left out.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Reads a call without its ALL_HEADERS. `None` where it is not well formed, carries a type that no client of this
/// server needs (a table, XML, a CLR type), or holds more than one call.
pub(crate) fn parse(payload: &[u8]) -> Option<Call> {
    let mut input = Input(payload);
    let procedure = match input.short()? {
        0xFFFF => (*NUMBERED.get(usize::from(input.short()?))?).to_owned(),
        characters => utf16(input.take(usize::from(characters) * 2)?),
    };
    input.short()?;
    let mut parameters = Vec::new();
    while !input.0.is_empty() {
        let characters = input.byte()?;
        let name = utf16(input.take(usize::from(characters) * 2)?);
        input.byte()?;
        parameters.push((name, input.literal()?));
    }
    Some(Call { procedure, parameters })
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn long(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// A TYPE_INFO and its value, as a literal.
    fn literal(&mut self) -> Option<String> {
        let ty = self.byte()?;
        match ty {
            code::TINYINT => self.take(1).and_then(integer),
            code::SMALLINT => self.take(2).and_then(integer),
            code::INT => self.take(4).and_then(integer),
            code::BIGINT => self.take(8).and_then(integer),
            code::BIT => self.take(1).map(bit),
            code::FLOAT => self.take(8).and_then(float),
            code::DATETIME => self.take(8).and_then(datetime),
            code::INT_N | code::BIT_N | code::FLOAT_N | code::DATETIME_N | code::GUID => {
                self.byte()?;
                let length = self.byte()?;
                let value = self.take(length.into())?;
                match (ty, length) {
                    (_, 0) => Some("NULL".into()),
                    (code::INT_N, _) => integer(value),
                    (code::BIT_N, _) => Some(bit(value)),
                    (code::FLOAT_N, _) => float(value),
                    (code::DATETIME_N, _) => datetime(value),
                    _ => guid(value),
                }
            }
            code::DECIMAL_N | code::NUMERIC_N => {
                let [_, _, scale] = self.take(3)? else { return None };
                let length = self.byte()?;
                let value = self.take(length.into())?;
                if value.is_empty() { Some("NULL".into()) } else { decimal(value, *scale) }
            }
            code::DATE_N => {
                let length = self.byte()?;
                let value = self.take(length.into())?;
                if value.is_empty() { Some("NULL".into()) } else { day(value).map(|day| format!("'{day}'")) }
            }
            code::TIME_N | code::DATETIME2_N | code::DATETIMEOFFSET_N => {
                let scale = self.byte()?;
                let length = self.byte()?;
                let value = self.take(length.into())?;
                if value.is_empty() { Some("NULL".into()) } else { new_time(ty, value, scale) }
            }
            code::NVARCHAR | code::NCHAR | code::VARCHAR | code::VARBINARY => {
                let max = self.short()?;
                if ty != code::VARBINARY {
                    self.take(5)?;
                }
                let value = if max == MAX { self.parts()? } else { self.counted()? };
                Some(value.map_or_else(|| "NULL".into(), |value| string(ty, &value)))
            }
            code::N_TEXT => {
                self.take(4 + 5)?;
                match self.long()? {
                    u32::MAX => Some("NULL".into()),
                    length => Some(quoted(&utf16(self.take(length as usize)?), true)),
                }
            }
            _ => None,
        }
    }

    /// A value with its length in two bytes; the inner `None` is NULL.
    #[allow(clippy::option_option)]
    fn counted(&mut self) -> Option<Option<Vec<u8>>> {
        match self.short()? {
            u16::MAX => Some(None),
            length => Some(Some(self.take(length.into())?.to_vec())),
        }
    }

    /// A value in parts (PLP, [MS-TDS] 2.2.5.2.3); the inner `None` is NULL.
    #[allow(clippy::option_option)]
    fn parts(&mut self) -> Option<Option<Vec<u8>>> {
        if self.take(8)? == [0xFF; 8] {
            return Some(None);
        }
        let mut complete = Vec::new();
        loop {
            match self.long()? {
                0 => return Some(Some(complete)),
                length => complete.extend_from_slice(self.take(length as usize)?),
            }
        }
    }
}

/// An integer of 1, 2, 4 or 8 bytes; of one byte it has no sign.
fn integer(bytes: &[u8]) -> Option<String> {
    let value = match *bytes {
        [byte] => i64::from(byte),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => i64::from_le_bytes(bytes.try_into().ok()?),
    };
    Some(number(value.to_string()))
}

fn bit(bytes: &[u8]) -> String {
    u8::from(bytes.iter().any(|byte| *byte != 0)).to_string()
}

fn float(bytes: &[u8]) -> Option<String> {
    let value = match *bytes {
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        _ => f64::from_le_bytes(bytes.try_into().ok()?),
    };
    value.is_finite().then(|| number(format!("{value:e}")))
}

fn decimal(bytes: &[u8], scale: u8) -> Option<String> {
    let (sign, magnitude) = bytes.split_first()?;
    let mut wide = [0; 16];
    wide.get_mut(..magnitude.len())?.copy_from_slice(magnitude);
    let scale = usize::from(scale);
    let mut digits = format!("{:0>width$}", u128::from_le_bytes(wide), width = scale + 1);
    if scale > 0 {
        digits.insert(digits.len() - scale, '.');
    }
    Some(number(if *sign == 0 { format!("-{digits}") } else { digits }))
}

/// `datetime` (8 bytes) or `smalldatetime` (4 bytes).
fn datetime(bytes: &[u8]) -> Option<String> {
    let (days, milliseconds) = match *bytes {
        [a, b, c, d] => (i32::from(u16::from_le_bytes([a, b])), i64::from(u16::from_le_bytes([c, d])) * 60_000),
        [a, b, c, d, e, f, g, h] => {
            (i32::from_le_bytes([a, b, c, d]), (i64::from(u32::from_le_bytes([e, f, g, h])) * 10 + 1) / 3)
        }
        _ => return None,
    };
    let at = midnight(date(1900, 1, 1), days)?.checked_add(SignedDuration::from_millis(milliseconds)).ok()?;
    Some(format!("'{at:.3}'"))
}

/// `time`, `datetime2` or `datetimeoffset`, all with the digits of their scale.
fn new_time(ty: u8, bytes: &[u8], scale: u8) -> Option<String> {
    let rest = match ty {
        code::TIME_N => 0,
        code::DATETIME2_N => 3,
        _ => 5,
    };
    let (time, rest) = bytes.split_at_checked(bytes.len().checked_sub(rest)?)?;
    let mut wide = [0; 8];
    wide.get_mut(..time.len())?.copy_from_slice(time);
    let unit = 10_i64.checked_pow(9_u32.checked_sub(scale.into())?)?;
    let since_midnight = SignedDuration::from_nanos(i64::from_le_bytes(wide).checked_mul(unit)?);
    let day = if rest.is_empty() { date(1900, 1, 1) } else { day(&rest[..3])? };
    let at = day.to_datetime(jiff::civil::Time::midnight()).checked_add(since_midnight).ok()?;
    let digits = usize::from(scale);
    match (ty, rest) {
        (code::TIME_N, _) => Some(format!("'{:.digits$}'", at.time())),
        (code::DATETIMEOFFSET_N, [.., low, high]) => {
            let minutes = i16::from_le_bytes([*low, *high]);
            let local = at.checked_add(SignedDuration::from_mins(minutes.into())).ok()?;
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, minutes) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
            Some(format!("'{local:.digits$}{sign}{hours:02}:{minutes:02}'"))
        }
        _ => Some(format!("'{at:.digits$}'")),
    }
}

/// Days since year 1 in three bytes.
fn day(bytes: &[u8]) -> Option<Date> {
    let &[a, b, c] = bytes else { return None };
    midnight(date(1, 1, 1), i32::from_le_bytes([a, b, c, 0])).map(DateTime::date)
}

fn midnight(epoch: Date, days: i32) -> Option<DateTime> {
    epoch.checked_add(i64::from(days).days()).ok().map(|day| day.to_datetime(jiff::civil::Time::midnight()))
}

fn guid(bytes: &[u8]) -> Option<String> {
    let &[d, c, b, a, f, e, h, g, ref rest @ ..] = bytes else { return None };
    let mut text = String::from("'");
    for (at, byte) in [a, b, c, d, e, f, g, h].iter().chain(rest).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text.push('\'');
    (rest.len() == 8).then_some(text)
}

fn string(ty: u8, bytes: &[u8]) -> String {
    match ty {
        code::VARBINARY => bytes.iter().fold(String::from("0x"), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        }),
        // Clients send ASCII in this type; the rest of the code page is read as Latin-1.
        code::VARCHAR => quoted(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>(), false),
        _ => quoted(&utf16(bytes), true),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn call(parameter: &[u8]) -> Option<Call> {
        let mut payload = vec![0xFF, 0xFF, 10, 0, 0, 0, 2, b'@', 0, b'a', 0, 0];
        payload.extend_from_slice(parameter);
        parse(&payload)
    }

    #[test]
    fn every_type_becomes_its_literal() {
        for (bytes, literal) in [
            (&[code::INT_N, 4, 4, 0xFB, 0xFF, 0xFF, 0xFF][..], "(-5)"),
            (&[code::INT_N, 1, 1, 0xFB], "251"),
            (&[code::INT_N, 4, 0], "NULL"),
            (&[code::INT, 7, 0, 0, 0], "7"),
            (&[code::BIT_N, 1, 1, 1], "1"),
            (&[code::FLOAT_N, 8, 8, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F], "1.5e0"),
            (&[code::DECIMAL_N, 5, 9, 2, 5, 0, 5, 0, 0, 0], "(-0.05)"),
            (&[code::DATETIME_N, 8, 8, 1, 0, 0, 0, 1, 0, 0, 0], "'1900-01-02T00:00:00.003'"),
            (&[code::DATE_N, 3, 0, 0, 0], "'0001-01-01'"),
            (&[code::DATETIME2_N, 0, 6, 0xC0, 0xA8, 0, 0x65, 0x4A, 0x0B], "'2026-11-22T12:00:00'"),
            (
                &[code::DATETIMEOFFSET_N, 0, 8, 0xC0, 0xA8, 0, 0x65, 0x4A, 0x0B, 0xC4, 0xFF],
                "'2026-11-22T11:00:00-01:00'",
            ),
            (&[code::NVARCHAR, 8, 0, 9, 4, 0xD0, 0, 0x34, 4, 0, b'\'', 0, 0xE4, 0], "N'''ä'"),
            (&[code::NVARCHAR, 8, 0, 9, 4, 0xD0, 0, 0x34, 0xFF, 0xFF], "NULL"),
            (
                &[
                    code::NVARCHAR,
                    0xFF,
                    0xFF,
                    9,
                    4,
                    0xD0,
                    0,
                    0x34,
                    0xFE,
                    0xFF,
                    0xFF,
                    0xFF,
                    0xFF,
                    0xFF,
                    0xFF,
                    0xFF,
                    2,
                    0,
                    0,
                    0,
                    b'a',
                    0,
                    2,
                    0,
                    0,
                    0,
                    b'b',
                    0,
                    0,
                    0,
                    0,
                    0,
                ],
                "N'ab'",
            ),
            (&[code::VARBINARY, 8, 0, 2, 0, 0xAB, 1], "0xAB01"),
            (
                &[code::GUID, 16, 16, 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15],
                "'00010203-0405-0607-0809-0A0B0C0D0E0F'",
            ),
        ] {
            let read = call(bytes).unwrap();
            assert_eq!(read.procedure, "sp_executesql");
            assert_eq!(read.parameters, [("@a".to_owned(), literal.to_owned())]);
        }
    }

    #[test]
    fn a_call_that_is_cut_or_unknown_is_none() {
        let complete = [code::NVARCHAR, 8, 0, 9, 4, 0xD0, 0, 0x34, 4, 0, b'a', 0, 0xE4, 0];
        for length in 0..complete.len() {
            assert_eq!(call(&complete[..length]), None, "{length}");
        }
        // XML, and a procedure number that does not exist.
        assert_eq!(call(&[0xF1, 0]), None);
        assert_eq!(parse(&[0xFF, 0xFF, 99, 0, 0, 0]), None);
    }
}
