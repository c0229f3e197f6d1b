//! Text functions.

use super::Builtin;
use crate::tsql::collation::Collation;
use crate::tsql::errors;
use crate::tsql::types::Ty;
use crate::wire::{ServerError, Type, Value};

/// Runs a text function. An argument that is NULL makes the answer NULL, except for CONCAT.
pub fn call(builtin: Builtin, arguments: &[Value], first: Ty, collation: Collation) -> Result<Value, ServerError> {
    if builtin == Builtin::Concat {
        return Ok(text(arguments.iter().filter_map(as_text).collect()));
    }
    if arguments.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    if builtin == Builtin::DataLength {
        return Ok(Value::Int(data_length(&arguments[0], first)));
    }
    let Some(subject) = arguments.first().and_then(as_text) else {
        return Err(errors::type_clash(first.name(), "varchar"));
    };
    let other = |n: usize| arguments.get(n).and_then(as_text).unwrap_or_default();
    let number = |n: usize| match arguments.get(n) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    };
    let length = |n: usize| {
        usize::try_from(number(n))
            .map_err(|_| ServerError::new(536, 16, "Invalid length parameter passed to the function."))
    };
    let characters = subject.chars().count();
    Ok(match builtin {
        Builtin::Len => Value::Int(count(subject.trim_end_matches(' ').encode_utf16().count())),
        Builtin::Upper => text(subject.to_uppercase()),
        Builtin::Lower => text(subject.to_lowercase()),
        Builtin::Ltrim => text(subject.trim_start_matches(' ').into()),
        Builtin::Rtrim => text(subject.trim_end_matches(' ').into()),
        Builtin::Trim => text(subject.trim_matches(' ').into()),
        Builtin::Left => text(subject.chars().take(length(1)?).collect()),
        Builtin::Right => text(subject.chars().skip(characters.saturating_sub(length(1)?)).collect()),
        Builtin::Substring => {
            let start = number(1) - 1;
            let end = start + i64::try_from(length(2)?).unwrap_or(i64::MAX - start);
            let inside = |at: usize| (start..end).contains(&count(at));
            text(subject.chars().enumerate().filter(|(at, _)| inside(*at)).map(|(_, c)| c).collect())
        }
        Builtin::CharIndex => {
            let (needle, hay) = (fold(subject, collation), fold(other(1), collation));
            Value::Int(
                hay.find(&needle).filter(|_| !needle.is_empty()).map_or(0, |at| count(hay[..at].chars().count()) + 1),
            )
        }
        Builtin::Replace => text(replace(subject, other(1), other(2), collation)),
        other => return Err(errors::unsupported(&format!("{other:?} on text"))),
    })
}

fn fold(text: &str, collation: Collation) -> String {
    if collation == Collation::CaseInsensitive { text.to_lowercase() } else { text.to_owned() }
}

/// Searches by the collation and keeps the case of what is not replaced.
fn replace(subject: &str, old: &str, new: &str, collation: Collation) -> String {
    let old = fold(old, collation);
    if old.is_empty() {
        return subject.to_owned();
    }
    let mut result = String::new();
    let mut rest = subject;
    while let Some(first) = rest.chars().next() {
        let length: usize = rest.chars().take(old.chars().count()).map(char::len_utf8).sum();
        if fold(&rest[..length], collation) == old {
            result.push_str(new);
            rest = &rest[length..];
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

fn data_length(value: &Value, ty: Ty) -> i64 {
    match (value, ty) {
        (Value::Text(text), Ty::Wire(Type::NVarChar(_)) | Ty::Variant) => count(text.encode_utf16().count() * 2),
        (Value::Text(text), _) => count(text.chars().count()),
        (Value::Bytes(bytes), _) => count(bytes.len()),
        (Value::Guid(_), _) => 16,
        (_, Ty::Wire(Type::Bit | Type::TinyInt)) => 1,
        (_, Ty::Wire(Type::SmallInt)) => 2,
        (_, Ty::Wire(Type::BigInt | Type::Float | Type::DateTime | Type::DateTime2(_))) => 8,
        (_, Ty::Wire(Type::DateTimeOffset(_))) => 10,
        (_, Ty::Wire(Type::Decimal { precision, .. })) => match precision {
            0..=9 => 5,
            10..=19 => 9,
            20..=28 => 13,
            _ => 17,
        },
        _ => 4,
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn text(text: String) -> Value {
    Value::Text(text.into())
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
