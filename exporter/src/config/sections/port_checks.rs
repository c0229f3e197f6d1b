//! `ports.checks`: a section for each check.

use crate::config::keys::{Key, Kind, Table};
use crate::config::parse;
use crate::config::scope::Scope;
use crate::config::section::{At, Context, Row, choice};
use crate::model::Check;
use std::collections::BTreeMap;

/// How one check is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckSettings {
    /// In the background; else only on request.
    pub sweep: bool,
    /// How deep it looks.
    pub depth: Depth,
    /// Whether the port must be open.
    pub required: bool,
}

choice! {
    /// How deep a check looks.
    pub enum Depth {
        /// A TCP connection that is closed in an orderly way.
        Connect = "connect",
        /// The first messages of the protocol, without a login.
        Protocol = "protocol",
    }
}

/// What differs between the sections of the checks.
struct Particulars {
    /// The default of `sweep`.
    sweep: &'static str,
    sweep_help: &'static str,
    depth: DepthOf,
    required_help: &'static str,
}

enum DepthOf {
    /// There is no key for it.
    Always(Depth),
    /// A key with this default and this help.
    Key(&'static str, &'static str),
}

/// The keys of a check that is off in the background, and looks as deep as the configuration says.
const USUAL: Particulars = Particulars {
    sweep: "false",
    sweep_help: "In the background.",
    depth: DepthOf::Key("protocol", "How deep the check looks."),
    required_help: "Whether the port must be open.",
};

fn particulars(check: Check) -> Particulars {
    match check {
        Check::Engine => Particulars {
            sweep: "true",
            sweep_help: "In the background. Else only on request.",
            depth: DepthOf::Key(
                "connect",
                "`connect`: a TCP connection, closed in an orderly way. `protocol`: the first messages too, never a login.",
            ),
            required_help: "Whether the port must be open. Polling does not need it.",
        },
        Check::Browser => Particulars {
            sweep: "true",
            // A datagram has no connection to stop at.
            depth: DepthOf::Always(Depth::Protocol),
            required_help: "Whether it must answer.",
            ..USUAL
        },
        Check::RpcScm => Particulars {
            // The mapper names a port without saying what listens there.
            depth: DepthOf::Always(Depth::Connect),
            ..USUAL
        },
        _ => USUAL,
    }
}

/// The sections of all checks.
pub(super) struct CheckRows;

impl Row for CheckRows {
    type Value = BTreeMap<Check, CheckSettings>;

    fn list(&self, at: At<'_>, table: &mut Table) {
        for check in Check::ALL {
            let section = format!("{}.{}", at.path(), check.name());
            let keys = particulars(check);
            let path = |key: &str| format!("{section}.{key}");
            table.add(Key::new(path("sweep"), Kind::Flag, Some(keys.sweep), keys.sweep_help));
            if let DepthOf::Key(default, help) = keys.depth {
                table.add(Key::new(path("depth"), Depth::KIND.kind, Some(default), help));
            }
            table.add(Key::new(path("required"), Kind::Flag, Some("false"), keys.required_help));
            table.sections.push((section, check.word().meaning));
        }
    }

    fn read(&self, at: At<'_>, scope: &mut Scope<'_>, _: &Context<'_>) -> Option<Self::Value> {
        let settings =
            |check: Check| Some((check, settings(scope, &format!("{}.{}", at.path(), check.name()), check)?));
        // All of them before the first that has a fault ends it.
        let all = Check::ALL.map(settings);
        all.into_iter().collect()
    }
}

fn settings(scope: &mut Scope<'_>, section: &str, check: Check) -> Option<CheckSettings> {
    let path = |key: &str| format!("{section}.{key}");
    let sweep = scope.required(&path("sweep"), parse::flag);
    let depth = match particulars(check).depth {
        DepthOf::Always(depth) => Some(depth),
        DepthOf::Key(..) => scope.required(&path("depth"), Depth::KIND.parse),
    };
    let required = scope.required(&path("required"), parse::flag);
    Some(CheckSettings { sweep: sweep?, depth: depth?, required: required? })
}
