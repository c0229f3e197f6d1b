//! Types of expressions: the wire's types, and the two that never leave the evaluator.

use super::errors;
use crate::wire::{ServerError, Type};
use sqlparser::ast::{BinaryLength, CharacterLength, DataType, ExactNumberInfo};

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ty {
    /// A type that a result set can carry.
    Wire(Type),
    /// `sql_variant`, as `SERVERPROPERTY` answers. A result column of it must be CAST.
    Variant,
    /// A bare NULL, which takes the type of whatever it meets.
    Null,
}

impl Ty {
    /// `sysname`, which is `nvarchar(128)`.
    pub const SYSNAME: Ty = Ty::Wire(Type::NVarChar(Some(128)));
    /// `int`.
    pub const INT: Ty = Ty::Wire(Type::Int);
    /// `bigint`.
    pub const BIGINT: Ty = Ty::Wire(Type::BigInt);

    /// Rank in the precedence of data types: the lower rank is converted to the higher one.
    /// (Transact-SQL reference, "Data type precedence".)
    pub fn rank(self) -> u8 {
        match self {
            Ty::Null => 0,
            Ty::Wire(Type::VarBinary(_)) => 1,
            Ty::Wire(Type::VarChar(_)) => 2,
            Ty::Wire(Type::NVarChar(_)) => 3,
            Ty::Wire(Type::UniqueIdentifier) => 4,
            Ty::Wire(Type::Bit) => 5,
            Ty::Wire(Type::TinyInt) => 6,
            Ty::Wire(Type::SmallInt) => 7,
            Ty::Wire(Type::Int) => 8,
            Ty::Wire(Type::BigInt) => 9,
            Ty::Wire(Type::Decimal { .. }) => 10,
            Ty::Wire(Type::Float) => 11,
            Ty::Wire(Type::DateTime) => 12,
            Ty::Wire(Type::DateTime2(_)) => 13,
            Ty::Wire(Type::DateTimeOffset(_)) => 14,
            Ty::Variant => 15,
        }
    }

    /// The type that two meet in, as in a comparison, a CASE or a UNION.
    pub fn common(self, other: Ty) -> Ty {
        let (low, high) = if self.rank() <= other.rank() { (self, other) } else { (other, self) };
        match (low, high) {
            (Ty::Null, any) => any,
            (Ty::Wire(Type::VarChar(a)), Ty::Wire(Type::VarChar(b))) => Ty::Wire(Type::VarChar(longer(a, b))),
            (Ty::Wire(Type::VarChar(a) | Type::NVarChar(a)), Ty::Wire(Type::NVarChar(b))) => {
                Ty::Wire(Type::NVarChar(longer(a, b)))
            }
            (Ty::Wire(Type::VarBinary(a)), Ty::Wire(Type::VarBinary(b))) => Ty::Wire(Type::VarBinary(longer(a, b))),
            (Ty::Wire(Type::DateTime2(a)), Ty::Wire(Type::DateTime2(b))) => Ty::Wire(Type::DateTime2(a.max(b))),
            (Ty::Wire(Type::DateTimeOffset(a)), Ty::Wire(Type::DateTimeOffset(b))) => {
                Ty::Wire(Type::DateTimeOffset(a.max(b)))
            }
            (Ty::Wire(a), Ty::Wire(Type::Decimal { .. })) => {
                let (left, right) = (decimal_shape(Ty::Wire(a)), decimal_shape(high));
                let scale = left.1.max(right.1);
                let integral = (left.0 - left.1.min(left.0)).max(right.0 - right.1.min(right.0));
                Ty::Wire(Type::Decimal { precision: (integral + scale).min(38), scale })
            }
            (_, high) => high,
        }
    }

    /// Whether it is a character type.
    pub fn is_text(self) -> bool {
        matches!(self, Ty::Wire(Type::VarChar(_) | Type::NVarChar(_)))
    }

    /// Whether it is an integer type or `bit`.
    pub fn is_integer(self) -> bool {
        matches!(self, Ty::Wire(Type::Bit | Type::TinyInt | Type::SmallInt | Type::Int | Type::BigInt))
    }

    /// Whether it is a number of any kind.
    pub fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Ty::Wire(Type::Decimal { .. } | Type::Float))
    }

    /// Whether it is a date of any kind.
    pub fn is_date(self) -> bool {
        matches!(self, Ty::Wire(Type::DateTime | Type::DateTime2(_) | Type::DateTimeOffset(_)))
    }

    /// The name that SQL Server uses for it in messages.
    pub fn name(self) -> &'static str {
        match self {
            Ty::Null => "void type",
            Ty::Variant => "sql_variant",
            Ty::Wire(ty) => match ty {
                Type::Bit => "bit",
                Type::TinyInt => "tinyint",
                Type::SmallInt => "smallint",
                Type::Int => "int",
                Type::BigInt => "bigint",
                Type::Float => "float",
                Type::Decimal { .. } => "decimal",
                Type::DateTime => "datetime",
                Type::DateTime2(_) => "datetime2",
                Type::DateTimeOffset(_) => "datetimeoffset",
                Type::NVarChar(_) => "nvarchar",
                Type::VarChar(_) => "varchar",
                Type::VarBinary(_) => "varbinary",
                Type::UniqueIdentifier => "uniqueidentifier",
            },
        }
    }
}

/// Precision and scale that a number has when it meets a `decimal`.
pub fn decimal_shape(ty: Ty) -> (u8, u8) {
    match ty {
        Ty::Wire(Type::Decimal { precision, scale }) => (precision, scale),
        Ty::Wire(Type::Bit) => (1, 0),
        Ty::Wire(Type::TinyInt) => (3, 0),
        Ty::Wire(Type::SmallInt) => (5, 0),
        Ty::Wire(Type::Int) => (10, 0),
        Ty::Wire(Type::BigInt) => (19, 0),
        _ => (18, 0),
    }
}

fn longer(a: Option<u16>, b: Option<u16>) -> Option<u16> {
    Some(a?.max(b?))
}

/// The type that a `CAST` names. Types that the wire does not carry are refused.
pub fn named(data_type: &DataType) -> Result<Ty, ServerError> {
    let ty = match data_type {
        DataType::Bit(None) => Type::Bit,
        DataType::TinyInt(None) => Type::TinyInt,
        DataType::SmallInt(None) => Type::SmallInt,
        DataType::Int(None) | DataType::Integer(None) => Type::Int,
        DataType::BigInt(None) => Type::BigInt,
        DataType::Float(ExactNumberInfo::None) => Type::Float,
        DataType::Float(ExactNumberInfo::Precision(25..=53)) => Type::Float,
        DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => decimal(info, data_type)?,
        DataType::Datetime(None) => Type::DateTime,
        DataType::Varchar(length) | DataType::CharVarying(length) => Type::VarChar(characters(length, 8000)?),
        DataType::Nvarchar(length) => Type::NVarChar(characters(length, 4000)?),
        DataType::Varbinary(length) => Type::VarBinary(match length {
            None => Some(30),
            Some(BinaryLength::Max) => None,
            Some(BinaryLength::IntegerLength { length }) => Some(sized(*length, 8000)?),
        }),
        DataType::Uuid => Type::UniqueIdentifier,
        DataType::Custom(name, modifiers) => custom(&name.to_string(), modifiers)?,
        other => return Err(errors::unsupported(&format!("the type {other}"))),
    };
    Ok(Ty::Wire(ty))
}

fn custom(name: &str, modifiers: &[String]) -> Result<Type, ServerError> {
    let scale = || match modifiers.first().map(|m| m.parse::<u8>()) {
        None => Ok(7),
        Some(Ok(scale)) if scale <= 7 => Ok(scale),
        _ => Err(errors::syntax(name)),
    };
    match name.to_ascii_lowercase().as_str() {
        "uniqueidentifier" => Ok(Type::UniqueIdentifier),
        "sysname" => Ok(Type::NVarChar(Some(128))),
        "datetime2" => Ok(Type::DateTime2(scale()?)),
        "datetimeoffset" => Ok(Type::DateTimeOffset(scale()?)),
        _ => Err(errors::unknown_type(name)),
    }
}

fn decimal(info: &ExactNumberInfo, data_type: &DataType) -> Result<Type, ServerError> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (18, 0),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok(Type::Decimal { precision, scale }),
        _ => Err(errors::unsupported(&format!("the type {data_type}"))),
    }
}

fn characters(length: &Option<CharacterLength>, most: u16) -> Result<Option<u16>, ServerError> {
    match length {
        None => Ok(Some(30)),
        Some(CharacterLength::Max) => Ok(None),
        Some(CharacterLength::IntegerLength { length, .. }) => Ok(Some(sized(*length, most)?)),
    }
}

fn sized(length: u64, most: u16) -> Result<u16, ServerError> {
    match u16::try_from(length) {
        Ok(length) if length >= 1 && length <= most => Ok(length),
        _ => Err(errors::too_long(length, most)),
    }
}
