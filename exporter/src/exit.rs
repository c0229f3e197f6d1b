//! How a command ends: exit codes, and what it leaves on both streams.

use std::fmt::Display;

/// All is well.
pub const FINE: u8 = 0;
/// It failed while it ran.
pub const FAILED: u8 = 1;
/// The doctor found that a required port is not open.
pub const CLOSED: u8 = 2;
/// `service status` found that the service does not run.
pub const STOPPED: u8 = 2;
/// The doctor could not look at a required port, or `service status` at the state of the service.
pub const UNSEEN: u8 = 3;
/// `service status` found that there is no such service.
pub const ABSENT: u8 = 4;
/// Bad usage or configuration (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What was found before it failed, for standard output.
    pub data: String,
    /// What went wrong, for standard error.
    pub complaint: String,
}

impl Failure {
    /// It failed while it ran.
    pub fn running(complaint: impl Display) -> Failure {
        Failure { code: FAILED, data: String::new(), complaint: complaint.to_string() }
    }

    /// What was typed or configured makes no sense.
    pub fn usage(complaint: impl Display) -> Failure {
        Failure { code: USAGE, data: String::new(), complaint: complaint.to_string() }
    }
}

/// The text that goes to standard output.
pub type Done = Result<String, Failure>;
