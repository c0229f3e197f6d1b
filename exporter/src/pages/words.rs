//! Verdicts, ages and instants in words for people.

use crate::diagnosis::Cause;

/// How bad a verdict is: its place in a list and its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// Somebody must act.
    Bad,
    /// Somebody should look.
    Warning,
    /// Not known, or not yet.
    Unknown,
    /// Fine.
    Good,
}

impl Tone {
    /// The class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Tone::Bad => "bad",
            Tone::Warning => "warn",
            Tone::Unknown => "unknown",
            Tone::Good => "good",
        }
    }
}

/// A verdict in words.
pub(super) struct Words {
    pub(super) tone: Tone,
    /// A few words for a table.
    pub(super) title: &'static str,
    /// What to do next; empty when nothing is to be done.
    pub(super) next: &'static str,
}

/// The words for a cause.
pub(super) fn words(cause: Cause) -> Words {
    let (tone, title, next) = match cause {
        Cause::Ok => (Tone::Good, "Polls and downloads", ""),
        Cause::ClockSkew => (
            Tone::Warning,
            "Its clock is over 5 minutes off",
            "Repair the time service on the target (w32tm /query /status). sp_post_msx_operation 'SYNC-TIME' sets its clock \
             once; sp_resync_targetserver does not, and empties its download list.",
        ),
        Cause::NotDownloading => (
            Tone::Warning,
            "Polls, but does not take its instructions",
            "Compare the name in msdb.dbo.sysdownloadlist with SELECT @@SERVERNAME on the target, and look for errors of \
             the multiserver thread in the target's SQLAGENT.OUT.",
        ),
        Cause::DownloadError => (
            Tone::Bad,
            "A failed instruction blocks those behind it",
            "Read error_message in msdb.dbo.sysdownloadlist on the master and repair its cause, often a proxy that the \
             target lacks. Then run sp_resync_targetserver for this target: it deletes the failed rows and posts its jobs again.",
        ),
        Cause::NeverPolled => (
            Tone::Bad,
            "Enlisted, has never polled",
            "On the target: is SQL Server Agent running, can it open a connection to the master's engine port, and does \
             it trust the master's certificate (MsxEncryptChannelOptions)? SQLAGENT.OUT there names the reason.",
        ),
        Cause::StoppedPolling => (
            Tone::Bad,
            "Has stopped polling",
            "On the target: is SQL Server Agent running, and can it still log in to the master? SQLAGENT.OUT there names \
             the reason. It may also have been defected by force, renamed, or enlisted to another master.",
        ),
        Cause::EngineDown => (
            Tone::Bad,
            "Silent, and its SQL Server is down",
            "The host answers and refuses the engine's port: start SQL Server and SQL Server Agent on the target.",
        ),
        Cause::Unreachable => (
            Tone::Bad,
            "Silent, and cannot be reached",
            "Its engine port was open before and is now filtered or unreachable: is the host up, and did a firewall or \
             a route change?",
        ),
        Cause::Unresolved => (
            Tone::Bad,
            "Silent, and its name no longer resolves",
            "Look the host up in DNS. If the target is gone for good, run sp_delete_targetserver with \
             @post_defection = 0 on the master.",
        ),
        Cause::DefectPending => (
            Tone::Bad,
            "A defection waits for it",
            "It leaves this master at its next poll. If its host is gone for good, run sp_delete_targetserver with \
             @post_defection = 0 on the master.",
        ),
        Cause::NotEnlisted => (
            Tone::Bad,
            "Expected, but not enlisted",
            "Run sp_msx_enlist on the target, or take its name out of expected_targets.",
        ),
        Cause::Unknown => (
            Tone::Unknown,
            "Not known: a part of the reading failed",
            "Repair the collector that failed; its fault stands below the table of targets.",
        ),
        Cause::Settling => (
            Tone::Unknown,
            "Not known yet: the master has just started",
            "Wait for three poll intervals of the target.",
        ),
        Cause::MasterSide => (
            Tone::Bad,
            "Fell silent together with many others",
            "Look at the master first: its certificate, its listener and port, the targets' login, a move or a restore.",
        ),
    };
    Words { tone, title, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fine_has_no_next_step() {
        for cause in Cause::ALL {
            let words = words(cause);
            assert_eq!(words.next.is_empty(), words.tone == Tone::Good, "{}", cause.name());
        }
    }
}
