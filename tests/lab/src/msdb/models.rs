//! Microsoft's own models of msdb and of the engine's views: see the head of models.txt.

use crate::wire::Type;
use std::sync::LazyLock;

/// A table, a view or a procedure.
#[derive(Debug)]
pub struct Object {
    /// `dbo` (of msdb) or `sys`.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The first version that has it, as the year in its name. 2012 stands for "at least since 2012".
    pub since: u16,
    /// Columns, or parameters with their @.
    pub members: Vec<Member>,
}

/// A column or a parameter.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// A column's type, where it is known and this master has it.
    pub ty: Option<Type>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The first version that has it.
    pub since: u16,
}

impl Object {
    /// The column or parameter of this name, whatever its case.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name))
    }
}

/// All of them.
pub static OBJECTS: LazyLock<Vec<Object>> = LazyLock::new(|| read(include_str!("models.txt")));

/// The object of this name in `dbo` (of msdb) or `sys`, whatever its case.
pub fn object(schema: &str, name: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|o| o.schema.eq_ignore_ascii_case(schema) && o.name.eq_ignore_ascii_case(name))
}

fn read(text: &'static str) -> Vec<Object> {
    let mut objects: Vec<Object> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("  "), objects.last_mut()) {
            (Some(members), Some(object)) => {
                let since = object.since;
                object.members.extend(members.trim_end_matches(',').split(", ").map(|words| member(words, since)));
            }
            _ => objects.extend(head(line)),
        }
    }
    objects
}

fn head(line: &'static str) -> Option<Object> {
    let mut words = line.split(' ');
    let (schema, name) = words.next()?.split_once('.')?;
    Some(Object { schema, name, since: words.next().and_then(year).unwrap_or(2012), members: Vec::new() })
}

fn member(words: &'static str, since: u16) -> Member {
    let mut words = words.split(' ');
    let mut member = Member { name: words.next().unwrap_or_default(), ty: None, nullable: true, since };
    for word in words {
        match year(word) {
            Some(since) => member.since = since,
            None => {
                member.ty = parse_type(word.trim_end_matches('!'));
                member.nullable = !word.ends_with('!');
            }
        }
    }
    member
}

fn year(word: &str) -> Option<u16> {
    word.strip_suffix('+')?.parse().ok()
}

/// A type of a column as T-SQL writes it. `char` is read as `varchar`: this master pads nothing.
pub fn parse_type(text: &str) -> Option<Type> {
    let (name, length) = text.split_once('(').unwrap_or((text, "max)"));
    let length: Option<u16> = length.trim_end_matches(')').parse().ok();
    let scale = || u8::try_from(length?).ok();
    Some(match name {
        "bit" => Type::Bit,
        "tinyint" => Type::TinyInt,
        "smallint" => Type::SmallInt,
        "int" => Type::Int,
        "bigint" => Type::BigInt,
        "datetime" => Type::DateTime,
        "datetime2" => Type::DateTime2(scale()?),
        "datetimeoffset" => Type::DateTimeOffset(scale()?),
        "sysname" => Type::NVarChar(Some(128)),
        "nvarchar" => Type::NVarChar(length),
        "char" | "varchar" => Type::VarChar(length),
        "varbinary" => Type::VarBinary(length),
        "uniqueidentifier" => Type::UniqueIdentifier,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_and_nothing_stands_twice() {
        for (at, object) in OBJECTS.iter().enumerate() {
            let again = OBJECTS.iter().position(|o| (o.schema, o.name) == (object.schema, object.name));
            assert_eq!(again, Some(at), "{} stands twice", object.name);
            let table = object.schema == "dbo" && !object.name.starts_with("sp_");
            for member in &object.members {
                let place = format!("{}.{}", object.name, member.name);
                assert_eq!(object.members.iter().filter(|m| m.name == member.name).count(), 1, "{place}");
                assert_eq!(object.name.starts_with("sp_"), member.name.starts_with('@'), "{place}");
                assert!((2012..=2025).contains(&member.since) && member.since >= object.since, "{place}");
                assert!(!table || member.ty.is_some(), "{place} has no type");
            }
        }
        assert!(OBJECTS.iter().any(|o| o.schema == "sys") && OBJECTS.iter().any(|o| o.name.starts_with("sp_")));
    }

    #[test]
    fn names_types_and_versions_are_those_of_the_text() {
        let read = |schema, name: &str, member: &str| {
            object(schema, name).and_then(|o| o.member(member)).map(|m| (m.ty, m.nullable, m.since))
        };
        for (schema, name, member, found) in [
            ("DBO", "SysTargetServers", "SERVER_NAME", Some((Some(Type::NVarChar(Some(128))), false, 2012))),
            ("dbo", "systargetservers", "poll_internal", None),
            ("sys", "systargetservers", "server_name", None),
            ("sys", "databases", "state", Some((Some(Type::TinyInt), true, 2012))),
            ("sys", "databases", "is_ledger_on", Some((None, true, 2022))),
            ("sys", "dm_os_ring_buffers", "record", Some((Some(Type::NVarChar(None)), true, 2012))),
            ("sys", "dm_os_ring_buffers", "create_time", Some((Some(Type::DateTime2(7)), false, 2025))),
            ("dbo", "sp_delete_targetserver", "@post_defection", Some((None, true, 2012))),
        ] {
            assert_eq!(read(schema, name, member), found, "{schema}.{name}.{member}");
        }
        assert_eq!(object("dbo", "sp_msx_get_account").map(|o| o.members.len()), Some(0));
    }
}
