//! Why targets are silent, as far as the master remembers: the evidence and suspects of their pages.

use super::logins::unread;
use super::request::{Paste, Readiness, Suspicion};
use crate::diagnosis::{Briefing, MasterFleet, Remark, Target, Trace};
use crate::model::{Collector, MasterEvidence, Stage};
use crate::sqlserver::ReadError;

/// The facts about each silent target. `grant` would let the login see who arrives, where it may not.
pub(crate) fn of(fleet: &MasterFleet, grant: Option<&str>) -> Vec<Readiness> {
    let mut groups: Vec<(Vec<&Target>, &Trace)> = Vec::new();
    for target in &fleet.targets {
        let Some(trace) = &target.trace else { continue };
        // Targets with the same cause and facts share one entry.
        let is_same = |(targets, other): &&mut (Vec<&Target>, &Trace)| {
            !trace.word.is_arrival()
                && targets.iter().all(|known| known.diagnosis.cause == target.diagnosis.cause)
                && (&other.text, &other.suspects) == (&trace.text, &trace.suspects)
        };
        let same = groups.iter_mut().find(is_same);
        match same {
            Some((targets, _)) => targets.push(target),
            None => groups.push((vec![target], trace)),
        }
    }
    let unseen = if groups.is_empty() { None } else { unseen(fleet, grant) };
    unseen.into_iter().chain(groups.into_iter().map(|(targets, trace)| silence(fleet, &targets, trace))).collect()
}

/// Why the master was not asked, or did not answer.
fn unseen(fleet: &MasterFleet, grant: Option<&str>) -> Option<Readiness> {
    let report = fleet.reports.iter().find(|report| report.collector == Collector::Arrivals)?;
    let denied = || {
        let fault = ReadError::new(Stage::Permission, "the login may not see who arrives");
        fault.with_hint(grant.unwrap_or("msx_exporter grants, block arrivals").to_owned())
    };
    let fault = report.fault.clone().or_else(|| (!report.permission).then(denied))?;
    Some(unread("what the master remembers of silent targets", &fault))
}

/// What to paste, filled in for one silent target. The batch for stubborn cases stands on its page alone.
pub(crate) fn paste(fleet: &MasterFleet) -> Vec<Paste> {
    // One of which something was seen comes first: there is most to put in.
    let is_seen = |target: &&Target| target.trace.as_ref().is_some_and(|trace| trace.word.is_arrival());
    let mut candidates = fleet.targets.iter().filter(is_seen).chain(&fleet.targets);
    let first = candidates.find_map(|target| Some((&target.name, Briefing::of(fleet, target, true)?.batches)));
    let Some((name, [on_master, on_target, _])) = first else { return Vec::new() };
    [on_master, on_target].map(|batch| Paste { title: format!("{} ({name})", batch.title), text: batch.text }).into()
}

fn silence(fleet: &MasterFleet, targets: &[&Target], trace: &Trace) -> Readiness {
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let subject = match names.as_slice() {
        [name] => format!("silence of {name}"),
        names => format!("silence of {} targets, {}", names.len(), names.join(", ")),
    };
    let explained = |target: &&Target| target.diagnosis.cause.explains_silence();
    let fine = match trace.word {
        _ if !trace.hindered_by.is_empty() || targets.iter().all(explained) => Some(false),
        MasterEvidence::AgentConnected | MasterEvidence::Refused | MasterEvidence::BeforeLogin => Some(false),
        // Silence alone proves nothing.
        MasterEvidence::Reached | MasterEvidence::Connected | MasterEvidence::NoTrace | MasterEvidence::Unknown => None,
    };
    let shows = format!("the master shows: {}. {}", trace.word.word().title, trace.text);
    let mut evidence = match trace.hindered_by.as_slice() {
        [] => shows,
        hindered_by => format!("the master cannot take its polls: {}; {shows}", hindered_by.join("; ")),
    };
    let alone = if let [target] = targets { Briefing::of(fleet, target, true) } else { None };
    let (remarks, reach) = alone.map(|known| (known.situation, known.reach)).unwrap_or_default();
    let situation = remarks.into_iter().map(|Remark { topic, text, .. }| format!("{topic}: {text}")).collect();
    let traces = targets.iter().filter_map(|target| target.trace.as_ref());
    let shared = |sentence: &&String| traces.clone().all(|trace| trace.details.contains(sentence));
    for sentence in trace.details.iter().filter(shared).chain(&reach) {
        evidence.push(' ');
        evidence.push_str(sentence);
    }
    let suspects = trace.suspects.iter();
    let suspects =
        suspects.map(|suspect| Suspicion { title: suspect.title.to_owned(), step: suspect.step.to_owned() }).collect();
    Readiness { situation, suspects, ..Readiness::new(&subject, fine, evidence, "") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::full;
    use crate::model::Cause;

    fn silent(word: MasterEvidence) -> MasterFleet {
        let mut fleet = full();
        let trace = fleet.targets.iter().find_map(|target| target.trace.clone());
        let trace = trace.map(|trace| Trace { word, ..trace });
        fleet.targets.iter_mut().filter(|target| target.enlisted.is_some()).for_each(|target| {
            target.trace = trace.clone();
            target.diagnosis.cause = Cause::StoppedPolling;
        });
        fleet
    }

    #[test]
    fn what_was_seen_is_said_of_each_target_with_its_details_and_suspects() {
        let fleet = silent(MasterEvidence::Refused);
        let found = of(&fleet, None);
        assert_eq!(found.len(), fleet.targets.iter().filter(|target| target.trace.is_some()).count());
        for item in &found {
            assert_eq!(item.fine, Some(false), "{item:?}");
            assert!(
                item.evidence.starts_with("the master shows: logins refused. The master refused 4 logins"),
                "{item:?}"
            );
            assert!(item.evidence.contains("state 8 from 10.1.2.3."), "{item:?}");
            assert_eq!((item.suspects.len(), item.suspects[0].step.as_str()), (2, "Compare the passwords."));
        }
    }

    #[test]
    fn what_keeps_the_master_from_taking_polls_comes_first_whatever_arrived() {
        let mut fleet = silent(MasterEvidence::NoTrace);
        let traces = fleet.targets.iter_mut().filter_map(|target| target.trace.as_mut());
        traces.for_each(|trace| trace.hindered_by = vec!["msdb of the master is read-only"]);
        let found = of(&fleet, None);
        let begins = "the master cannot take its polls: msdb of the master is read-only; the master shows: no trace.";
        assert!(found[0].fine == Some(false) && found[0].evidence.starts_with(begins), "{found:?}");
    }

    #[test]
    fn of_many_targets_without_a_trace_the_same_is_said_once() {
        let mut fleet = silent(MasterEvidence::NoTrace);
        for target in &mut fleet.targets {
            let details =
                [format!("Addresses looked for: {}.", target.name), "Session 71 holds up 1 request.".to_owned()];
            target.trace.iter_mut().for_each(|trace| trace.details = details.clone().into());
        }
        let found = of(&fleet, None);
        let subjects: Vec<&str> = found.iter().map(|item| item.subject.as_str()).collect();
        assert_eq!(subjects, [r"silence of 4 targets, SQL01\PAYROLL, SQL02, SQL<03>, SQL04"]);
        let evidence = &found[0].evidence;
        assert!(found[0].fine.is_none() && evidence.ends_with(" Session 71 holds up 1 request."), "{evidence}");
        assert!(!evidence.contains("looked for"), "of one target alone: {evidence}");
    }

    #[test]
    fn targets_of_another_cause_have_an_entry_of_their_own_and_a_seen_cause_is_not_fine() {
        let mut fleet = silent(MasterEvidence::NoTrace);
        let mut silent = fleet.targets.iter_mut().filter(|target| target.trace.is_some());
        silent.by_ref().take(1).for_each(|first| first.diagnosis.cause = Cause::EngineDown);
        let found: Vec<_> = of(&fleet, None).into_iter().map(|item| (item.subject, item.fine)).collect();
        let [one, three] = [r"silence of SQL01\PAYROLL", "silence of 3 targets, SQL02, SQL<03>, SQL04"];
        assert_eq!(found, [(one.to_owned(), Some(false)), (three.to_owned(), None)]);
    }

    #[test]
    fn a_missing_right_comes_with_its_grant_and_a_fleet_that_polls_asks_for_none() {
        let mut fleet = silent(MasterEvidence::Unknown);
        let mut of_arrivals = fleet.reports.iter_mut().filter(|report| report.collector == Collector::Arrivals);
        of_arrivals.by_ref().for_each(|report| report.permission = false);
        for (grant, remedy) in [(Some("GRANT x"), "GRANT x"), (None, "msx_exporter grants, block arrivals")] {
            let found = of(&fleet, grant);
            assert_eq!((found[0].fine, found[0].remedy.as_str()), (None, remedy));
            assert!(found[0].evidence.starts_with("not known: "), "{:?}", found[0]);
            assert_eq!(found.len(), 2, "{found:?}");
        }
        fleet.targets.iter_mut().for_each(|target| target.trace = None);
        assert_eq!(of(&fleet, Some("GRANT x")), []);
    }
}
