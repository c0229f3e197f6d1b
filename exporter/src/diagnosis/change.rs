//! Changes of targets between two readings.

use super::rules::Evidence;
use crate::model::Cause;
use std::collections::BTreeMap;
use std::fmt::Write;

/// More changes in one reading are reported in one line. Each line is also an entry of the Event Log, and a night of
/// patches must not write thousands.
const LINES: usize = 10;

/// A target whose verdict has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The target's name.
    pub target: String,
    /// The verdict before. `None` when it is seen for the first time.
    pub from: Option<Cause>,
    /// The verdict now.
    pub to: Cause,
    /// The evidence for the verdict now.
    pub evidence: Vec<Evidence>,
    /// The silence that ended with it, in words.
    pub ended: Option<String>,
}

impl Change {
    /// The change in one line: `SQL01: ok -> stopped_polling: Last poll 4 min ago …`.
    fn line(&self) -> String {
        let mut line = format!("{}: {} -> {}", self.target, before(self.from), self.to.name());
        let evidence = self.evidence.iter().map(|evidence| &evidence.text);
        for (index, text) in self.ended.iter().chain(evidence).enumerate() {
            let separator = if index == 0 { ": " } else { " | " };
            line.push_str(separator);
            line.push_str(text);
        }
        line
    }
}

/// The lines for the log: one for each change, or a single one with counts where there are more than `LINES`, as when a
/// complete fleet falls silent.
pub fn summary(changes: &[Change]) -> Vec<String> {
    if changes.len() <= LINES {
        return changes.iter().map(Change::line).collect();
    }
    let mut kinds: BTreeMap<(Option<Cause>, Cause), usize> = BTreeMap::new();
    for change in changes {
        *kinds.entry((change.from, change.to)).or_default() += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut line = format!("{} targets changed", changes.len());
    for (index, ((from, to), count)) in kinds.into_iter().enumerate() {
        let separator = if index == 0 { ": " } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(line, "{separator}{count} {} -> {}", before(from), to.name());
    }
    vec![line]
}

fn before(cause: Option<Cause>) -> &'static str {
    cause.map_or("new", Cause::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(target: &str, from: Option<Cause>, to: Cause) -> Change {
        let because = |text: &str| Evidence { cause: Some(to), text: text.to_owned() };
        let evidence = vec![because("First."), because("Second.")];
        Change { target: target.to_owned(), from, to, evidence, ended: None }
    }

    #[test]
    fn a_change_is_one_line_with_all_its_evidence() {
        let changes =
            [change("SQL01", Some(Cause::Ok), Cause::StoppedPolling), change("SQL02", None, Cause::NeverPolled)];
        assert_eq!(
            summary(&changes),
            ["SQL01: ok -> stopped_polling: First. | Second.", "SQL02: new -> never_polled: First. | Second."]
        );
    }

    #[test]
    fn up_to_ten_changes_are_lines_of_their_own_and_more_are_one() {
        let mut changes = vec![change("SQL01", Some(Cause::Ok), Cause::MasterSide); 9];
        changes.push(change("SQL02", None, Cause::NotEnlisted));
        assert_eq!(summary(&changes).len(), 10);
        changes.push(change("SQL03", None, Cause::NotEnlisted));
        assert_eq!(summary(&changes), ["11 targets changed: 9 ok -> master_side, 2 new -> not_enlisted"]);
    }

    #[test]
    fn nothing_to_tell_is_no_line() {
        assert!(summary(&[]).is_empty());
    }
}
