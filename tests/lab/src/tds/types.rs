//! How a column's type is described: TYPE_INFO, [MS-TDS] 2.2.5.4 to 2.2.5.6.

use crate::wire::{Column, Type};
use bytes::{BufMut, BytesMut};

/// Type codes ([MS-TDS] 2.2.5.4).
pub(crate) mod code {
    pub(crate) const GUID: u8 = 0x24;
    pub(crate) const INT_N: u8 = 0x26;
    pub(crate) const DATE_N: u8 = 0x28;
    pub(crate) const TIME_N: u8 = 0x29;
    pub(crate) const DATETIME2_N: u8 = 0x2A;
    pub(crate) const DATETIMEOFFSET_N: u8 = 0x2B;
    pub(crate) const TINYINT: u8 = 0x30;
    pub(crate) const BIT: u8 = 0x32;
    pub(crate) const SMALLINT: u8 = 0x34;
    pub(crate) const INT: u8 = 0x38;
    pub(crate) const DATETIME: u8 = 0x3D;
    pub(crate) const FLOAT: u8 = 0x3E;
    pub(crate) const N_TEXT: u8 = 0x63;
    pub(crate) const BIT_N: u8 = 0x68;
    pub(crate) const DECIMAL_N: u8 = 0x6A;
    pub(crate) const NUMERIC_N: u8 = 0x6C;
    pub(crate) const FLOAT_N: u8 = 0x6D;
    pub(crate) const DATETIME_N: u8 = 0x6F;
    pub(crate) const BIGINT: u8 = 0x7F;
    pub(crate) const VARBINARY: u8 = 0xA5;
    pub(crate) const VARCHAR: u8 = 0xA7;
    pub(crate) const NVARCHAR: u8 = 0xE7;
    pub(crate) const NCHAR: u8 = 0xEF;
}

/// SQL_Latin1_General_CP1_CI_AS, the usual collation of msdb: LCID 1033, sort order 52, code page 1252.
pub(crate) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// The length that stands for `max` and announces a value in parts (PLP).
pub(crate) const MAX: u16 = 0xFFFF;

/// Bytes of a decimal of so many digits, its sign included ([MS-TDS] 2.2.5.5.1.6).
pub(crate) fn decimal_length(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// Bytes of a time of day with so many digits behind the second ([MS-TDS] 2.2.5.5.1.8).
pub(crate) fn time_length(scale: u8) -> u8 {
    match scale {
        0..=2 => 3,
        3 | 4 => 4,
        _ => 5,
    }
}

/// Writes the type of a column. A column that cannot be NULL takes the fixed form where its type has one.
pub(crate) fn put_type_info(column: &Column, out: &mut BytesMut) {
    let fixed_or = |out: &mut BytesMut, fixed: u8, nullable: u8, length: u8| {
        if column.nullable { out.put_slice(&[nullable, length]) } else { out.put_u8(fixed) }
    };
    match column.ty {
        Type::Bit => fixed_or(out, code::BIT, code::BIT_N, 1),
        Type::TinyInt => fixed_or(out, code::TINYINT, code::INT_N, 1),
        Type::SmallInt => fixed_or(out, code::SMALLINT, code::INT_N, 2),
        Type::Int => fixed_or(out, code::INT, code::INT_N, 4),
        Type::BigInt => fixed_or(out, code::BIGINT, code::INT_N, 8),
        Type::Float => fixed_or(out, code::FLOAT, code::FLOAT_N, 8),
        Type::DateTime => fixed_or(out, code::DATETIME, code::DATETIME_N, 8),
        Type::Decimal { precision, scale } => {
            out.put_slice(&[code::DECIMAL_N, decimal_length(precision), precision, scale]);
        }
        Type::DateTime2(scale) => out.put_slice(&[code::DATETIME2_N, scale]),
        Type::DateTimeOffset(scale) => out.put_slice(&[code::DATETIMEOFFSET_N, scale]),
        Type::UniqueIdentifier => out.put_slice(&[code::GUID, 16]),
        Type::VarBinary(length) => {
            out.put_u8(code::VARBINARY);
            out.put_u16_le(length.unwrap_or(MAX));
        }
        Type::NVarChar(length) => {
            out.put_u8(code::NVARCHAR);
            out.put_u16_le(length.map_or(MAX, |characters| characters.saturating_mul(2)));
            out.put_slice(&COLLATION);
        }
        Type::VarChar(length) => {
            out.put_u8(code::VARCHAR);
            out.put_u16_le(length.unwrap_or(MAX));
            out.put_slice(&COLLATION);
        }
    }
}
