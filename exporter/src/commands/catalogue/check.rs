//! Checks a catalogue before it is printed, so that its readers can rely on it.

use super::Catalogue;
use std::collections::BTreeSet;
use std::fmt::Display;

/// One sentence for each entry that is not valid.
pub(super) fn check(catalogue: &Catalogue) -> Vec<String> {
    let mut faults = Vec::new();
    names(catalogue, &mut faults);
    metrics(catalogue, &mut faults);
    causes(catalogue, &mut faults);
    faults
}

fn names(catalogue: &Catalogue, faults: &mut Vec<String>) {
    twice("metric", catalogue.metrics.iter().map(|metric| metric.name), faults);
    twice("cause", catalogue.causes.iter().map(|cause| cause.name), faults);
    twice("code of a cause", catalogue.causes.iter().map(|cause| cause.code), faults);
    let states = catalogue.port_states.iter().map(|state| state.word);
    let checks = catalogue.checks.iter().map(|check| check.word);
    let sets = [
        ("group", catalogue.groups.clone()),
        ("port state", states.collect()),
        ("check", checks.collect()),
        ("direction", catalogue.directions.clone()),
        ("port source", catalogue.port_sources.clone()),
        ("error class", catalogue.error_classes.clone()),
        ("operation", catalogue.operations.clone()),
        ("orphan operation", catalogue.orphan_operations.clone()),
        ("collector", catalogue.collectors.clone()),
        ("master evidence", catalogue.master_evidence.clone()),
        ("stage", catalogue.stages.clone()),
        ("refusal", catalogue.refusals.clone()),
        ("probe failure", catalogue.probe_failures.clone()),
        ("certificate reason", catalogue.certificate_reasons.clone()),
        ("certificate store", catalogue.certificate_stores.clone()),
        ("page source", catalogue.page_sources.clone()),
        ("start mode", catalogue.start_modes.clone()),
    ];
    for (set, words) in sets {
        twice(set, words.iter().map(|word| word.name), faults);
        let unexplained = words.iter().filter(|word| word.title.is_empty() || word.meaning.is_empty());
        faults.extend(unexplained.map(|word| format!("the {set} {} has no title or no meaning", word.name)));
    }
    twice("section", catalogue.sections.iter().map(|section| section.path), faults);
    twice("key", catalogue.keys.iter().map(|key| key.path), faults);
    let unexplained = catalogue.keys.iter().filter(|key| key.help.is_empty());
    faults.extend(unexplained.map(|key| format!("the key {} has no help", key.path)));
    twice("command", catalogue.commands.iter().map(|command| command.path.join(" ")), faults);
    for command in &catalogue.commands {
        let what = format!("flag of the command {:?}", command.path.join(" "));
        twice(&what, command.flags.iter().map(|flag| &flag.name), faults);
    }
    twice("path", catalogue.paths.iter().map(|path| path.path), faults);
    twice("event", catalogue.events.iter().map(|event| event.id), faults);
}

fn metrics(catalogue: &Catalogue, faults: &mut Vec<String>) {
    for metric in &catalogue.metrics {
        let name = metric.name;
        if metric.help.trim().is_empty() {
            faults.push(format!("the metric {name} has no help"));
        }
        if metric.help.contains(['\\', '"', '\n', '\r']) {
            faults.push(format!(
                "the help of the metric {name} has a backslash, a quote or a line break, and help is written unescaped"
            ));
        }
        twice(&format!("label of the metric {name}"), metric.labels.iter(), faults);
    }
}

fn causes(catalogue: &Catalogue, faults: &mut Vec<String>) {
    for cause in &catalogue.causes {
        let texts = [
            ("title", cause.title),
            ("short title", cause.short),
            ("next step", cause.next_step),
            ("meaning", cause.meaning),
        ];
        let missing = texts.iter().filter(|(_, text)| text.trim().is_empty());
        faults.extend(missing.map(|(what, _)| format!("the cause {} has no {what}", cause.name)));
    }
    twice("place in the order of the causes", catalogue.order.iter(), faults);
    let named: BTreeSet<_> = catalogue.causes.iter().map(|cause| cause.name).collect();
    let ordered: BTreeSet<_> = catalogue.order.iter().copied().collect();
    let only = named.symmetric_difference(&ordered);
    faults.extend(only.map(|name| format!("{name} is in one of the causes and their order only")));
}

fn twice<T: Display + Ord>(what: &str, names: impl Iterator<Item = T>, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.contains(&name) {
            faults.push(format!("there are two entries for the {what} {name}"));
        }
        seen.insert(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change that makes the catalogue invalid, and the text that the refusal must contain.
    type Broken = (fn(&mut Catalogue), &'static str);

    /// The faults of a valid catalogue after one change.
    fn broken(change: impl FnOnce(&mut Catalogue)) -> Vec<String> {
        let mut catalogue = Catalogue::gather();
        change(&mut catalogue);
        check(&catalogue)
    }

    #[test]
    fn the_catalogue_of_this_program_is_fit() {
        assert_eq!(broken(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn two_entries_of_one_name_are_refused() {
        let cases: [Broken; 6] = [
            (|c| c.metrics[1].name = "msx_up", "the metric msx_up"),
            (|c| c.causes[1].code = 0, "the code of a cause 0"),
            (|c| c.keys[1].path = "role", "the key role"),
            (|c| c.port_states[1].word.name = "open", "the port state open"),
            (|c| c.paths[1].path = "/", "the path /"),
            (|c| c.events[1].id = 100, "the event 100"),
        ];
        for (change, what) in cases {
            assert_eq!(broken(change), [format!("there are two entries for {what}")]);
        }
    }

    #[test]
    fn a_cause_needs_its_words_and_one_place_in_the_order() {
        let cases: [Broken; 5] = [
            (|c| c.causes[4].next_step = " ", "the cause never_polled has no next step"),
            (|c| c.causes[4].title = "", "the cause never_polled has no title"),
            (|c| c.order.truncate(c.order.len() - 1), "ok is in one of the causes and their order only"),
            (|c| c.causes.retain(|cause| cause.code != 4), "never_polled is in one of the causes and their order only"),
            (|c| c.order.push("ok"), "there are two entries for the place in the order of the causes ok"),
        ];
        for (change, fault) in cases {
            assert_eq!(broken(change), [fault]);
        }
    }

    #[test]
    fn a_help_must_be_there_and_need_no_escapes() {
        assert_eq!(broken(|c| c.metrics[0].help = ""), ["the metric msx_up has no help"]);
        for help in [r"one \ two", "says \"no\"", "one\ntwo", "one\rtwo"] {
            let faults = broken(|c| c.metrics[0].help = help);
            assert_eq!(faults.len(), 1, "{help}");
            assert!(faults[0].starts_with("the help of the metric msx_up has a backslash, a quote or a line break"));
        }
        assert_eq!(broken(|c| c.keys[0].help = ""), ["the key role has no help"]);
        assert_eq!(broken(|c| c.checks[0].word.meaning = ""), ["the check engine has no title or no meaning"]);
    }
}
