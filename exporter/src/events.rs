//! What a person on duty wants to know, each with a number that stays.
//!
//! A log line that carries one of these as its field `event` also goes to the Event Log where there is one. The numbers
//! are a contract: monitoring filters on them. The message table of the program (`events.mc`) has the same.

use tracing::Level;

/// The field of a log line that has the number.
pub const FIELD: &str = "event";

/// It serves.
pub const STARTED: u64 = 100;
/// It is stopping.
pub const STOPPING: u64 = 101;
/// The configuration was reloaded.
pub const RELOADED: u64 = 102;
/// It cannot start: the configuration or the command line has faults.
pub const FAULTY: u64 = 200;
/// It cannot start or go on for another reason, as an address that is taken.
pub const FAILED: u64 = 201;
/// The configuration was to be loaded again and has faults: the old one stays in force.
pub const NOT_RELOADED: u64 = 202;
/// The master cannot be read.
pub const MASTER_LOST: u64 = 300;
/// The master can be read again.
pub const MASTER_BACK: u64 = 301;
/// A part of the master cannot be read.
pub const PART_LOST: u64 = 302;
/// A part of the master can be read again.
pub const PART_BACK: u64 = 303;
/// This node of a cluster became the active one or a passive one.
pub const NODE: u64 = 304;
/// The diagnosis of a target changed, or those of many.
pub const DIAGNOSIS: u64 = 400;
/// What a target knows of its master does not fit.
pub const REMARK: u64 = 401;
/// A page that a target wrote does not count.
pub const PAGE_REFUSED: u64 = 402;

/// Every event: its number, its severity, what it says.
pub const ALL: [(u64, Level, &str); 14] = [
    (STARTED, Level::INFO, "The exporter started"),
    (STOPPING, Level::INFO, "The exporter is stopping"),
    (RELOADED, Level::INFO, "The configuration was reloaded"),
    (FAULTY, Level::ERROR, "The exporter cannot start: its configuration or its command line has faults"),
    (FAILED, Level::ERROR, "The exporter cannot start, or had to end"),
    (NOT_RELOADED, Level::ERROR, "The new configuration has faults and the old one stays in force"),
    (MASTER_LOST, Level::WARN, "The master cannot be read"),
    (MASTER_BACK, Level::INFO, "The master can be read again"),
    (PART_LOST, Level::WARN, "A part of the master cannot be read"),
    (PART_BACK, Level::INFO, "A part of the master can be read again"),
    (NODE, Level::INFO, "This node of a cluster became the active one or a passive one"),
    (DIAGNOSIS, Level::INFO, "The diagnosis of a target changed; more than 10 changes at once are one event"),
    (REMARK, Level::WARN, "What a target knows of its master does not fit"),
    (PAGE_REFUSED, Level::WARN, "A page that a target wrote does not count"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_table_has_every_event_with_its_severity() {
        let word = |level: Level| match level {
            Level::ERROR => "Error",
            Level::WARN => "Warning",
            _ => "Informational",
        };
        let table = include_str!("../events.mc");
        let wanted: Vec<String> =
            ALL.iter().map(|(id, level, _)| format!("MessageId={id}\nSeverity={}", word(*level))).collect();
        let found: Vec<String> = table
            .split("\n\n")
            .filter(|part| part.starts_with("MessageId="))
            .map(|part| part.lines().take(2).collect::<Vec<_>>().join("\n"))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_document_has_every_event() {
        let document = include_str!("../../deploy/windows/README.md");
        for (id, level, text) in ALL {
            let word = match level {
                Level::ERROR => "error",
                Level::WARN => "warning",
                _ => "information",
            };
            let row = format!("| {id} | {word} | {text} |");
            assert!(document.contains(&row), "missing: {row}");
        }
    }
}
