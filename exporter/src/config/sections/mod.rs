//! Every section: its struct, the rows of its keys, and what contradicts what in it.

mod collectors;
mod explain;
mod filter;
mod limits;
mod local;
mod login;
mod maintenance;
mod master;
mod port_checks;
mod port_overrides;
mod ports;
mod target_pages;
mod targets;

pub use collectors::Collectors;
pub use explain::Explain;
pub use filter::{Filter, Pattern};
pub use limits::Limits;
pub use local::Local;
pub use login::{Auth, PasswordSource};
pub use maintenance::Maintenance;
pub use master::{Encrypt, Master, Trust};
pub use port_checks::{CheckSettings, Depth};
pub use port_overrides::PortOverride;
pub use ports::Ports;
pub use target_pages::{PageFiles, TargetPages};
pub use targets::{LabelRule, SourceAddress, Targets};

use super::error::ValueError;
use super::layers::Sources;
use super::scope::Scope;
use super::section::{Context, Names, Section, below, choice, section};
use filter::own_filter;
use maintenance::MAINTENANCE;

section! {
    /// Everything that is configured.
    pub struct Config {
        /// Next to the master, or on a target.
        role: Role = Role::KIND.or("master");
        /// The master and the way to it.
        master: Master = below::<Master>();
        /// The target on which this runs; only with `role: target`.
        local: Local = below::<Local>();
        /// What is read from the master. With `role: target` nothing is read.
        collectors: Collectors = below::<Collectors>();
        /// Which targets are shown, and what is added to them.
        targets: Targets = below::<Targets>();
        /// Which jobs are shown.
        jobs: Filter = own_filter("Jobs that are shown.", "Jobs that are left out of these.");
        /// Names that must be enlisted, and may be probed.
        expected_targets: Vec<String> = Names;
        /// Windows of time during which no alert fires, such as `{ match: 'SQL0[1-4]', from: 2026-12-01T22:00:00Z,
        /// until: 2026-12-02T04:00:00Z, reason: patching }`.
        maintenance: Vec<Maintenance> = MAINTENANCE;
        /// Port checks.
        ports: Ports = below::<Ports>();
        /// Pages that targets write into files.
        target_pages: TargetPages = below::<TargetPages>();
        /// The pages for people.
        explain: Explain = below::<Explain>();
        /// Bounds. What lies beyond is left out, counted and logged.
        limits: Limits = below::<Limits>();
    }
    check collectors_fit { collectors, ports }
}

choice! {
    /// Where the exporter runs.
    pub enum Role {
        /// Next to the master.
        Master = "master",
        /// On a target.
        Target = "target",
    }
}

/// Reads everything. `None` only where a fault was reported.
pub(super) fn read(scope: &mut Scope<'_>, sources: &Sources) -> Option<Config> {
    let role = scope.peek("role", Role::KIND.parse);
    Config::read("", scope, &Context { sources, role })
}

/// The list of targets comes from one collector; what lives on that list cannot do without it.
fn collectors_fit(
    scope: &mut Scope<'_>,
    context: &Context<'_>,
    collectors: Option<&Collectors>,
    ports: Option<&Ports>,
) {
    let (Some(collectors), Some(Role::Master)) = (collectors, context.role) else { return };
    if !(collectors.targets || collectors.downloads || collectors.jobs || collectors.server) {
        scope.fault(
            "collectors.targets",
            ValueError::new("all collectors are switched off").expected("leave at least one on"),
        );
    } else if !collectors.targets {
        let needs = [
            (collectors.downloads, "collectors.downloads: false"),
            (ports.is_some_and(|ports| ports.enabled), "ports.enabled: false"),
            (scope.has_items("expected_targets"), "an empty expected_targets"),
        ];
        let needs: Vec<_> = needs.iter().filter(|(in_use, _)| *in_use).map(|(_, remedy)| *remedy).collect();
        if !needs.is_empty() {
            let wrong = ValueError::new("is off, and what is on needs the list of targets");
            scope.fault("collectors.targets", wrong.expected(format!("switch it on, or set {}", needs.join(" and "))));
        }
    }
}
