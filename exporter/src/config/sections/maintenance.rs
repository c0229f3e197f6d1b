//! `maintenance`.

use super::filter::Pattern;
use super::targets::MATCH;
use crate::config::error::ValueError;
use crate::config::keys::{Field, Kind};
use crate::config::parse;
use crate::config::scope::Scope;
use crate::config::section::Items;
use jiff::Timestamp;

/// A window during which no alert fires.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// Which targets.
    pub matches: Pattern,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

pub(super) const MAINTENANCE: Items<Maintenance> = Items {
    fields: &[
        MATCH,
        Field { name: "from", kind: Kind::Instant, required: true, help: "its first instant" },
        Field { name: "until", kind: Kind::Instant, required: true, help: "the first instant after it" },
        Field { name: "reason", kind: Kind::Text, required: false, help: "why; may be left out" },
    ],
    open: false,
    item: window,
};

fn window(item: &mut Scope<'_>) -> Option<Maintenance> {
    let matches = item.required("match", parse::pattern);
    let from = item.required("from", parse::instant);
    let until = item.required("until", parse::instant);
    let reason = item.optional("reason", parse::text);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        item.fault(
            "until",
            ValueError::new("is not after from").expected("until is the first instant after the window"),
        );
    }
    Some(Maintenance { matches: matches?, from: from?, until: until?, reason: reason?.unwrap_or_default() })
}
