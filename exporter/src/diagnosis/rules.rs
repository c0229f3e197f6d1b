//! Why a target is, or is not, fine.

mod arrivals;
mod diagnose;
mod instructions;
mod outage;
mod pages;
mod ports;
mod silence;
#[cfg(test)]
mod truth_table;

pub(crate) use diagnose::{Circumstances, Subject, diagnose, order};
pub(crate) use outage::{Outage, Outages, Poll};
pub(crate) use ports::engine;

use crate::model::Cause;

impl Cause {
    /// Evidence for this cause.
    fn because(self, text: String) -> Evidence {
        Evidence { cause: Some(self), text }
    }
}

/// The verdict on one target with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The cause that was decided.
    pub cause: Cause,
    /// Every finding in the order of the table of causes, the verdict's first. Empty when the target is fine.
    pub evidence: Vec<Evidence>,
}

impl Diagnosis {
    /// Whether the target is known to be silent. While it settles that is what was known before.
    pub(crate) fn is_silent(&self, was_silent: bool) -> bool {
        let mut causes = self.evidence.iter().filter_map(|evidence| evidence.cause);
        let settles = causes.clone().any(|cause| cause == Cause::Settling);
        if settles { was_silent } else { causes.any(Cause::is_silent) }
    }
}

/// One finding in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The cause that it is evidence for. `None` for a remark, such as a closed port that polling does not need.
    pub cause: Option<Cause>,
    /// The observation, with its figures.
    pub text: String,
}
