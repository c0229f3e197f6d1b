//! Values as keys of hash tables, and their order.

use crate::tsql::collation::Collation;
use crate::tsql::convert::comparable;
use crate::wire::Value;
use jiff::civil::DateTime;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

/// Equal keys are equal values in the sense of GROUP BY: NULL equals NULL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Int(i64),
    Float(u64),
    Decimal(i128),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    DateTime(DateTime),
    Guid([u8; 16]),
}

pub(super) fn key(value: &Value, collation: Collation) -> Key {
    match value {
        Value::Null => Key::Null,
        Value::Int(number) => Key::Int(*number),
        Value::Float(number) => Key::Float(if *number == 0.0 { 0 } else { number.to_bits() }),
        Value::Decimal(digits) => Key::Decimal(*digits),
        Value::Text(text) => match collation.key(text) {
            Cow::Borrowed(same) if same.len() == text.len() => Key::Text(text.clone()),
            other => Key::Text(other.as_ref().into()),
        },
        Value::Bytes(bytes) => Key::Bytes(bytes.clone()),
        Value::DateTime(_) | Value::DateTimeOffset(..) => comparable(value).map_or(Key::Null, Key::DateTime),
        Value::Guid(bytes) => Key::Guid(*bytes),
    }
}

/// Order of two values of the same type; `None` where one is NULL.
pub(super) fn compare(a: &Value, b: &Value, collation: Collation) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Float(a), Value::Float(b)) => Some(a.total_cmp(b)),
        (Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(collation.compare(a, b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        // The last six bytes count first (.NET's SqlGuid, "Comparing GUID and uniqueidentifier values").
        (Value::Guid(a), Value::Guid(b)) => {
            Some(a[10..].cmp(&b[10..]).then_with(|| a[8..10].cmp(&b[8..10])).then_with(|| a[..8].cmp(&b[..8])))
        }
        (a, b) => Some(comparable(a)?.cmp(&comparable(b)?)),
    }
}

/// Order for ORDER BY: NULL before everything.
pub(super) fn order(a: &Value, b: &Value, collation: Collation) -> Ordering {
    compare(a, b, collation).unwrap_or_else(|| (*a != Value::Null).cmp(&(*b != Value::Null)))
}
