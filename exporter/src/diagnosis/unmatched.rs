//! Patterns of the configuration that fit no enlisted target: most often a name that was mistyped.

use crate::collectors::Targets;
use crate::config::{Config, Pattern};
use crate::model::names::bare;

/// Excludes nothing.
const NOTHING: &str = "^$";

/// Each with its place in the configuration. A maintenance window that is over is left out.
pub fn unmatched(config: &Config, targets: &Targets) -> Vec<String> {
    let filter = &config.targets.filter;
    let filters = [("targets.include", &filter.include), ("targets.exclude", &filter.exclude)];
    let labels = config.targets.labels.iter().map(|rule| ("targets.labels", &rule.matches));
    let addresses = config.targets.addresses.iter().map(|rule| ("targets.addresses", &rule.matches));
    let overrides = config.ports.overrides.iter().map(|rule| ("ports.overrides", &rule.matches));
    let windows = config.maintenance.iter().filter(|window| targets.clock.now < window.until);
    let windows = windows.map(|window| ("maintenance", &window.matches));
    let fits_none = |pattern: &Pattern| !targets.rows.iter().any(|row| pattern.matches(bare(&row.name)));
    let all = filters.into_iter().chain(labels).chain(addresses).chain(overrides).chain(windows);
    all.filter(|(_, pattern)| pattern.as_str() != NOTHING && fits_none(pattern))
        .map(|(place, pattern)| format!("{place}: {}", pattern.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Maintenance;
    use crate::diagnosis::fixtures::{ago, config, pattern, reading, target};

    #[test]
    fn what_fits_no_target_is_named_with_its_place_and_what_is_over_is_not() {
        let window = |name: &str, until| Maintenance {
            matches: pattern(name),
            from: ago(900),
            until: ago(until),
            reason: String::new(),
        };
        let mut config = config();
        config.targets.filter.exclude = pattern("dve.*");
        config.maintenance = vec![window("sql01", -60), window("sql1", -60), window("sql2", 60)];
        let targets = reading(vec![target(1, "SQL01 "), target(2, "DEV02")]).targets.unwrap().rows.unwrap();
        assert_eq!(unmatched(&config, &targets), ["targets.exclude: dve.*", "maintenance: sql1"]);
        config.targets.filter.exclude = pattern(NOTHING);
        config.maintenance.clear();
        assert_eq!(unmatched(&config, &targets), Vec::<String>::new());
    }
}
