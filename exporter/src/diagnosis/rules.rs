//! Why a target is, or is not, fine.

mod arrivals;
mod diagnose;
mod instructions;
mod outage;
mod ports;
mod silence;
#[cfg(test)]
mod truth_table;

pub(crate) use diagnose::{Circumstances, Subject, diagnose, order};
pub(crate) use outage::{Outages, Poll};
pub(crate) use ports::engine;

use crate::model::Cause;

impl Cause {
    /// A finding that speaks for this cause.
    fn because(self, text: String) -> Evidence {
        Evidence { cause: Some(self), text }
    }
}

/// The verdict on one target: the winner, and everything that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The winner.
    pub cause: Cause,
    /// Every finding in the order of the table of causes, the winner's first. Empty when all is well.
    pub evidence: Vec<Evidence>,
}

/// One finding in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it speaks for. `None` for a remark, such as a closed port that polling does not need.
    pub cause: Option<Cause>,
    /// What was seen, with its figures.
    pub text: String,
}
