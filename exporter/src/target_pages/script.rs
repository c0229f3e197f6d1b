//! The page that probe.ps1 writes, from the lines that stand in the script, is one that the reader takes.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::parse::parse;
use crate::model::{Check, PageSource, PortSource, PortState, StartMode};
use std::time::Duration;

const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/windows/probe.ps1"));

/// What the script knows in the best case, by the names of its holes.
const KNOWN: [(&str, &str); 16] = [
    ("target", r"SQL01\\HR"),
    ("now", "1764000000"),
    ("interval", "600"),
    ("node", "NODE1"),
    ("instance_running", "1"),
    ("agent_running", "0"),
    ("agent_mode", "manual"),
    ("enlisted_to", r"MSX01\\HQ"),
    ("option", "2"),
    ("check", "engine"),
    ("master", r"MSX01\\HQ"),
    ("open", "0"),
    ("state", "filtered"),
    ("port", "1433"),
    ("protocol", "tcp"),
    ("source", "browser"),
];

/// The page as the script writes it without these facts.
fn page(unknown: &[&str]) -> String {
    let lists = ["PageLines", "PortLines"].map(|list| {
        let (_, rest) = SCRIPT.split_once(&format!("${list} = @(\n")).unwrap();
        rest.split_once("\n)\n").unwrap().0
    });
    let lines = lists.iter().flat_map(|list| list.lines()).map(|line| line.trim().trim_matches('\''));
    let known = KNOWN.iter().filter(|(hole, _)| !unknown.contains(hole));
    let filled = lines
        .map(|line| known.clone().fold(line.to_owned(), |line, (hole, fact)| line.replace(&format!("<{hole}>"), fact)));
    filled.filter(|line| !line.contains('<')).chain(["# EOF".to_owned()]).map(|line| line + "\n").collect()
}

#[test]
fn a_complete_page_is_read() {
    let found = parse(&page(&[]), r"SQL01\HR").unwrap();
    assert_eq!(
        (found.node.as_str(), found.source, found.version.as_str()),
        ("NODE1", PageSource::Script, env!("CARGO_PKG_VERSION"))
    );
    assert_eq!((found.taken_at.as_second(), found.interval), (1_764_000_000, Some(Duration::from_secs(600))));
    assert_eq!((found.instance_running, found.agent_running), (Some(true), Some(false)));
    assert_eq!((found.agent_start_mode, found.encrypt_channel_option), (Some(StartMode::Manual), Some(2)));
    assert_eq!((found.master.as_deref(), found.certificate), (Some(r"MSX01\HQ"), None));
    let [port] = found.ports.as_slice() else { panic!("{:?}", found.ports) };
    assert_eq!((port.check, port.state, port.required), (Check::Engine, PortState::Filtered, true));
    assert_eq!((port.port, port.source, port.master.as_deref()), (Some(1433), PortSource::Browser, Some(r"MSX01\HQ")));
}

#[test]
fn what_the_script_does_not_know_is_unknown_to_the_reader() {
    let unknown = ["interval", "instance_running", "agent_running", "agent_mode", "enlisted_to", "option", "open"];
    let found = parse(&page(&unknown), r"SQL01\HR").unwrap();
    assert_eq!((found.interval, found.instance_running, found.agent_running), (None, None, None));
    assert_eq!((found.agent_start_mode, found.encrypt_channel_option, found.master), (None, None, None));
}
