//! What the master shows of most targets that fell silent together, and who is the odd one out.

use super::Trace;
use super::states::refusal;
use crate::model::MasterEvidence;
use std::collections::HashMap;

/// Odd ones that are named.
const MOST_ODD: usize = 3;
/// The SQL login is locked out.
const LOCKED: u32 = 18_486;
/// A login failed; in this state for its password.
const WRONG_PASSWORD: (u32, Option<u32>) = (18_456, Some(8));

/// What the master shows of most targets of one outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Majority {
    /// For every page.
    pub(crate) text: String,
    /// With errors and states.
    pub(crate) detail: String,
}

type Kind = (MasterEvidence, Option<(u32, Option<u32>)>);

impl Majority {
    /// `None` where the same did not arrive from more than half of them.
    pub(crate) fn of(members: &[(&str, &Trace)]) -> Option<Majority> {
        let kind = |trace: &Trace| (trace.word, trace.decides);
        let known = || members.iter().map(|(_, trace)| kind(trace)).filter(|(word, _)| word.is_arrival());
        let mut counts: HashMap<Kind, usize> = HashMap::new();
        known().for_each(|kind| *counts.entry(kind).or_default() += 1);
        let (most, alike) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let all = members.len();
        if alike * 2 <= all {
            return None;
        }
        let differ: Vec<&(&str, &Trace)> =
            members.iter().filter(|(_, trace)| trace.word.is_arrival() && kind(trace) != most).collect();
        let odd = if differ.len() <= MOST_ODD { differ } else { Vec::new() };
        let mut text = format!("The master shows the same of {alike} of {all}: {}.", most.0.word().title);
        let mut detail = format!("{alike} of {all}: {}.", in_words(most));
        for (name, trace) in odd {
            let error = if trace.word == most.0 { ", but not with the same error" } else { "" };
            text.push_str(&format!(" {name} is the odd one out: {}{error}.", trace.word.word().title));
            detail.push_str(&format!(" {name}: {}.", in_words(kind(trace))));
            if most.1.is_some_and(|(error, _)| error == LOCKED) && trace.decides == Some(WRONG_PASSWORD) {
                detail.push_str(" Its old password may have locked the login that they share.");
            }
        }
        Some(Majority { text, detail })
    }
}

fn in_words((word, decides): Kind) -> String {
    let Some((error, state)) = decides else { return word.word().title.to_owned() };
    let meaning = refusal(error, state).map(|row| format!(": {}", row.meaning)).unwrap_or_default();
    let state = state.map(|state| format!(" state {state}")).unwrap_or_default();
    format!("{}, error {error}{state}{meaning}", word.word().title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(word: MasterEvidence, decides: Option<(u32, u32)>) -> Trace {
        let decides = decides.map(|(error, state)| (error, Some(state)));
        Trace { word, decides, ..Trace::nothing() }
    }

    #[test]
    fn the_majority_is_quoted_and_the_odd_one_out_is_named() {
        let locked = shown(MasterEvidence::Refused, Some((18_486, 1)));
        let old = shown(MasterEvidence::Refused, Some((18_456, 8)));
        let unknown = shown(MasterEvidence::Unknown, None);
        let members = [("A", &locked), ("B", &locked), ("C", &locked), ("D", &old), ("E", &unknown)];
        let found = Majority::of(&members).map(|found| (found.text, found.detail)).unwrap_or_default();
        assert_eq!(
            found.0,
            "The master shows the same of 3 of 5: logins refused. D is the odd one out: logins refused, but not with the same error."
        );
        assert_eq!(
            found.1,
            "3 of 5: logins refused, error 18486 state 1: The SQL login is locked out. D: logins refused, error 18456 \
             state 8: The password of the SQL login is wrong. Its old password may have locked the login that they share."
        );
        assert!(!found.0.contains("18486"), "states are details");
        assert_eq!(Majority::of(&members[2..]), None, "one of three is no majority");
        assert_eq!(Majority::of(&[("A", &unknown), ("B", &unknown)]), None);
    }
}
