//! T-SQL to paste where a target is silent: what the exporter may not read, and what only the target knows.
//!
//! Each batch is one template in `exporter/templates/silence`. A value stands in it as a literal ([`literal`]), never as text.

use crate::model::figures::literal;
use askama::Template;
use std::net::IpAddr;
use std::time::Duration;

/// Addresses that are looked for in a log, which is read once for each.
const MOST_ADDRESSES: usize = 4;
/// The log of the Agent is read from shortly before the last poll.
const BEFORE: Duration = Duration::from_secs(300);
/// Logins are recorded for three intervals, and no longer than this.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What is put into the batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) target: &'a str,
    /// What the master calls itself.
    pub(crate) master: Option<&'a str>,
    /// From where the target arrives. Empty where that is not known, or not for who reads this.
    pub(crate) addresses: &'a [IpAddr],
    /// For how long it has been silent.
    pub(crate) silent: Duration,
    pub(crate) poll_interval: Duration,
}

/// One text to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// A word for programs, and the name of the file in `deploy/sql/silence`.
    pub name: &'static str,
    /// Where it belongs.
    pub title: &'static str,
    /// What it shows.
    pub purpose: &'static str,
    /// T-SQL.
    pub text: String,
}

#[derive(Template)]
#[template(path = "silence/on_master.sql", escape = "none")]
struct OnMaster<'a> {
    target: String,
    addresses: &'a [IpAddr],
}

#[derive(Template)]
#[template(path = "silence/on_target.sql", escape = "none")]
struct OnTarget {
    target: String,
    master: String,
    minutes: u64,
}

#[derive(Template)]
#[template(path = "silence/record_logins.sql", escape = "none")]
struct RecordLogins {
    wait: String,
}

/// The batches, in the order in which they help.
pub(crate) fn batches(values: Values<'_>) -> [Batch; 3] {
    let Values { target, master, addresses, silent, poll_interval } = values;
    let addresses = addresses.get(..MOST_ADDRESSES).unwrap_or(addresses);
    let seconds = poll_interval.saturating_mul(3).min(LONGEST).as_secs() + 30;
    let wait = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let on_target = OnTarget {
        target: literal(target),
        master: master.map_or_else(|| "NULL".to_owned(), literal),
        // DATEADD takes an int.
        minutes: (silent.saturating_add(BEFORE).as_secs() / 60 + 1).min(5_256_000),
    };
    [
        batch(
            "on-master",
            "To paste on the master",
            "Who enlisted it; which login was refused and why; whether a login is locked, disabled or new; who may poll; \
             what blocks.",
            &OnMaster { target: literal(target), addresses },
        ),
        batch(
            "on-target",
            "To paste on the target",
            "Its name and its master's, its option of encryption, its Agent, the login that it uses, the Agent's log; then a \
             poll.",
            &on_target,
        ),
        batch(
            "record-logins",
            "Still unclear: logins and refusals while they happen",
            "On the master, an Extended Events session that this text drops at its end: the only thing that shows a login \
             that succeeds and may not poll. Where it was cancelled, run its last line.",
            &RecordLogins { wait },
        ),
    ]
}

fn batch(name: &'static str, title: &'static str, purpose: &'static str, template: &impl Template) -> Batch {
    // A template that writes into a String does not fail.
    Batch { name, title, purpose, text: template.render().unwrap_or_default() + "\n" }
}

/// The batches as files, for a target that is made up.
#[cfg(test)]
pub(crate) fn files() -> Vec<(String, String)> {
    let hour = Duration::from_secs(3_600);
    let values = Values {
        target: r"SQL01\PAYROLL",
        master: Some("MSX01"),
        addresses: &[IpAddr::from([192, 0, 2, 13])],
        silent: 24 * hour,
        poll_interval: hour / 60,
    };
    batches(values).map(|batch| (format!("deploy/sql/silence/{}.sql", batch.name), batch.text)).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(target: &str, addresses: &[IpAddr]) -> [String; 3] {
        let (silent, poll_interval) = (Duration::from_secs(7_200), Duration::from_secs(60));
        let values = Values { target, master: None, addresses, silent, poll_interval };
        batches(values).map(|batch| batch.text)
    }

    /// The text without comments and literals, and the literals.
    fn taken_apart(text: &str) -> (String, Vec<String>) {
        let (mut code, mut literals) = (String::new(), Vec::new());
        let lines = text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        let mut rest = lines.as_str();
        while let Some((before, after)) = rest.split_once('\'') {
            let mut end = 0;
            while let Some(at) = after[end..].find('\'') {
                end += at;
                if !after[end + 1..].starts_with('\'') {
                    break;
                }
                end += 2;
            }
            code.push_str(before);
            literals.push(after[..end].to_owned());
            rest = &after[end + 1..];
        }
        code.push_str(rest);
        (code, literals)
    }

    #[test]
    fn no_name_gets_out_of_its_literal() {
        let plain = texts("SQL01", &[]);
        for name in [
            "SQL'01",
            "';DROP LOGIN sa;--",
            "''",
            "a\nGO\nDROP LOGIN sa",
            "a\r\n:r evil.sql",
            "$(SQLCMDUSER)",
            "a\u{2028}b",
            "\u{202e}--",
            "*/",
            "名前",
            "{{ target }}",
            "\0",
        ] {
            for (text, plain) in texts(name, &[]).iter().zip(&plain) {
                let (code, literals) = taken_apart(text);
                let joined =
                    |code: &str| code.split_whitespace().filter(|word| !word.starts_with("NCHAR(")).collect::<String>();
                let code = joined(&code.replace("+ NCHAR", " NCHAR").replace(" + N", " ").replace(")", ") "));
                let expected = joined(&taken_apart(plain).0.replace(")", ") "));
                assert_eq!(code, expected, "{name:?}");
                assert!(literals.iter().all(|literal| !literal.contains(['\n', '\r', '\u{2028}', '\u{202e}', '\0'])));
                assert!(!text.contains("$("), "{name:?}: a variable of sqlcmd");
            }
        }
    }

    #[test]
    fn addresses_are_looked_for_where_they_are_known() {
        let some: Vec<IpAddr> = (1..=9).map(|last| IpAddr::from([10, 1, 0, last])).collect();
        let [on_master, ..] = texts("SQL01", &some);
        assert_eq!(on_master.matches("xp_readerrorlog 0, 1, N'CLIENT: 10.1.0.").count(), MOST_ADDRESSES);
        let [on_master, on_target, record] = texts("SQL01", &[]);
        assert!(on_master.contains("xp_readerrorlog 0, 1, N'[CLIENT: ', NULL"), "{on_master}");
        assert!(on_target.contains("DATEADD(minute, -126, GETDATE())") && on_target.contains("NULL AS this_master"));
        assert!(record.contains("WAITFOR DELAY '00:03:30'"));
        let drop = "DROP EVENT SESSION msx_silence ON SERVER;";
        assert!(
            record.trim_end().ends_with(drop) && record.matches(drop).count() == 2,
            "one that was left is dropped first"
        );
    }

    #[test]
    fn nothing_is_stopped_restarted_or_written() {
        for (name, text) in files() {
            let code = taken_apart(&text).0.to_uppercase();
            for word in [
                "UPDATE ",
                "DELETE ",
                "INSERT ",
                "ALTER LOGIN",
                "XP_SERVICECONTROL",
                "SHUTDOWN",
                "XP_CMDSHELL",
                "KILL ",
            ] {
                assert!(!code.contains(word), "{name}: {word}");
            }
        }
    }
}
