//! The causes, one table: whatever speaks of a cause takes its words from here.

use serde::Serialize;

/// What is said of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct CauseFacts {
    /// The value of `msx_target_diagnosis_code`; never reused.
    pub(crate) code: u8,
    /// The name in labels.
    pub(crate) name: &'static str,
    /// One to three words, for a cell of a table.
    pub(crate) short: &'static str,
    /// A phrase.
    pub(crate) title: &'static str,
    /// When it holds, in one sentence.
    pub(crate) meaning: &'static str,
    /// What to do first.
    pub(crate) next_step: &'static str,
    /// Whether the target is silent: its polls do not come, for whatever reason.
    pub(crate) silent: bool,
}

macro_rules! causes {
    ($($(#[doc = $meaning:literal])+ $cause:ident { $($field:ident: $value:literal,)+ })+) => {
        /// The winner among everything that was found, exactly one for each target.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause {
            $($(#[doc = $meaning])+ $cause,)+
        }

        impl Cause {
            /// All causes in the order of their codes.
            pub const ALL: [Cause; [$(Cause::$cause),+].len()] = [$(Cause::$cause),+];

            /// The row of the table.
            pub(crate) fn facts(self) -> CauseFacts {
                match self {
                    $(Cause::$cause => {
                        CauseFacts { meaning: concat!($($meaning),+).trim_ascii(), $($field: $value),+ }
                    })+
                }
            }
        }
    };
}

causes! {
    /// Nothing is wrong.
    Ok {
        code: 0,
        name: "ok",
        short: "OK",
        title: "Polls and downloads",
        next_step: "Nothing to do.",
        silent: false,
    }
    /// Its clock is over 5 minutes off.
    ClockSkew {
        code: 1,
        name: "clock_skew",
        short: "Clock off",
        title: "Its clock is over 5 minutes off",
        next_step: "Repair the time service on the target (w32tm /query /status). sp_post_msx_operation 'SYNC-TIME' \
                    sets its clock once; sp_resync_targetserver does not, and empties its download list.",
        silent: false,
    }
    /// It polls and does not take what was posted.
    NotDownloading {
        code: 2,
        name: "not_downloading",
        short: "Not downloading",
        title: "Polls, but does not take its instructions",
        next_step: "Compare the name in msdb.dbo.sysdownloadlist with SELECT @@SERVERNAME on the target, and look for \
                    errors of the multiserver thread in the target's SQLAGENT.OUT.",
        silent: false,
    }
    /// An instruction failed: everything behind it is held.
    DownloadError {
        code: 3,
        name: "download_error",
        short: "Download error",
        title: "A failed instruction blocks those behind it",
        next_step: "Read error_message in msdb.dbo.sysdownloadlist on the master and repair its cause, often a proxy \
                    that the target lacks. Then run sp_resync_targetserver for this target: it deletes the failed rows \
                    and posts its jobs again.",
        silent: false,
    }
    /// It was enlisted and has never polled.
    NeverPolled {
        code: 4,
        name: "never_polled",
        short: "Never polled",
        title: "Enlisted, has never polled",
        next_step: "On the target: is SQL Server Agent running, can it open a connection to the master's engine port, \
                    and does it trust the master's certificate (MsxEncryptChannelOptions)? SQLAGENT.OUT there names \
                    the reason.",
        silent: true,
    }
    /// It polled once and no longer does.
    StoppedPolling {
        code: 5,
        name: "stopped_polling",
        short: "Stopped polling",
        title: "Has stopped polling",
        next_step: "On the target: is SQL Server Agent running, and can it still log in to the master? SQLAGENT.OUT \
                    there names the reason. It may also have been defected by force, renamed, or enlisted to another \
                    master.",
        silent: true,
    }
    /// It is silent and its host refuses the engine port.
    EngineDown {
        code: 6,
        name: "engine_down",
        short: "SQL Server down",
        title: "Silent, and its SQL Server is down",
        next_step: "The host answers and refuses the engine's port: start SQL Server and SQL Server Agent on the \
                    target.",
        silent: true,
    }
    /// It is silent and its engine port is filtered or unreachable.
    Unreachable {
        code: 7,
        name: "unreachable",
        short: "Unreachable",
        title: "Silent, and cannot be reached",
        next_step: "Its engine port was open before and is now filtered or unreachable: is the host up, and did a \
                    firewall or a route change?",
        silent: true,
    }
    /// It is silent and its name no longer resolves.
    Unresolved {
        code: 8,
        name: "unresolved",
        short: "Name not found",
        title: "Silent, and its name no longer resolves",
        next_step: "Look the host up in DNS. If the target is gone for good, run sp_delete_targetserver with \
                    @post_defection = 0 on the master.",
        silent: true,
    }
    /// A DEFECT waits for it.
    DefectPending {
        code: 9,
        name: "defect_pending",
        short: "Defection waits",
        title: "A defection waits for it",
        next_step: "It leaves this master at its next poll. If its host is gone for good, run sp_delete_targetserver \
                    with @post_defection = 0 on the master.",
        silent: false,
    }
    /// The configuration expects it and it is not enlisted.
    NotEnlisted {
        code: 10,
        name: "not_enlisted",
        short: "Not enlisted",
        title: "Expected, but not enlisted",
        next_step: "Run sp_msx_enlist on the target, or take its name out of expected_targets.",
        silent: false,
    }
    /// Nothing is proved and a collector that the verdict needs failed.
    Unknown {
        code: 11,
        name: "unknown",
        short: "Not known",
        title: "Not known: a part of the reading failed",
        next_step: "Repair the collector that failed; its fault stands below the table of targets.",
        silent: false,
    }
    /// It has not polled since the master started or since it was enlisted, and neither is long ago.
    Settling {
        code: 12,
        name: "settling",
        short: "Settling",
        title: "Not known yet: the master or the target has just begun",
        next_step: "Wait for three poll intervals of the target.",
        silent: false,
    }
    /// Many targets fell silent at once: look at the master.
    MasterSide {
        code: 13,
        name: "master_side",
        short: "Master's side",
        title: "Fell silent together with many others",
        next_step: "Look at the master first: its certificate, its listener and port, the targets' login, a move or a \
                    restore.",
        silent: true,
    }
    /// It is silent, and something on its host is refused by the master at the rhythm of its polls.
    LoginRefused {
        code: 14,
        name: "login_refused",
        short: "Login refused",
        title: "Silent, and logins from its host are refused",
        next_step: "Read the refused logins in the master's ERRORLOG: they name the login and the reason. Then repair \
                    that login on the master, or what the target's SQL Server Agent logs in as (sp_msx_set_account, or \
                    the account of its service).",
        silent: true,
    }
    /// It is silent, and connections from its host end before their login at the rhythm of its polls.
    EndedBeforeLogin {
        code: 15,
        name: "ended_before_login",
        short: "Ends before login",
        title: "Silent, and connections from its host end before login",
        next_step: "Compare MsxEncryptChannelOptions on the target with the certificate that the master presents, and \
                    look whether the target's host reaches a domain controller for a Windows login. SQLAGENT.OUT on \
                    the target names the reason.",
        silent: true,
    }
    /// It is silent although its SQL Server Agent was seen logged in to the master.
    ConnectedNotPolling {
        code: 16,
        name: "connected_not_polling",
        short: "Connected, no poll",
        title: "Logged in to the master, but does not poll",
        next_step: "Look on the master for what blocks its session, whether it was enlisted under another name, whether \
                    it is newer than its master, and whether its login is in TargetServersRole of msdb.",
        silent: true,
    }
    /// It is silent, and the way from its host to the master is closed by the last page of the target.
    WayClosed {
        code: 17,
        name: "way_closed",
        short: "Way closed",
        title: "Silent, and its way to the master is closed",
        next_step: "Open the engine's port of the master for the target's host: msx_exporter doctor writes the request. \
                    Where the port is refused, compare the port that the target uses with the one on which the master \
                    listens.",
        silent: true,
    }
    /// It is silent, and its host refuses the certificate that the master presents.
    CertificateRefused {
        code: 18,
        name: "certificate_refused",
        short: "Certificate refused",
        title: "Silent, and its host refuses the master's certificate",
        next_step: "Give the master a certificate that the target's store trusts and that holds the name in \
                    MSXServerName, or install its authority on the target. MsxEncryptChannelOptions 1 on the target \
                    encrypts without verifying.",
        silent: true,
    }
    /// It is silent, and its SQL Server Agent does not run where its instance runs.
    AgentStopped {
        code: 19,
        name: "agent_stopped",
        short: "Agent stopped",
        title: "Silent, and its SQL Server Agent does not run",
        next_step: "Start SQL Server Agent on the target and set its service to start automatically, or its role in \
                    the cluster. SQLAGENT.OUT there names why it ended.",
        silent: true,
    }
}

impl Cause {
    /// The value of `msx_target_diagnosis_code`; never reused.
    pub fn code(self) -> u8 {
        self.facts().code
    }

    /// The name in labels.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What to do first. `None` where nothing is wrong.
    pub(crate) fn next_step(self) -> Option<&'static str> {
        (self != Cause::Ok).then(|| self.facts().next_step)
    }

    /// Whether the target is silent: its polls do not come, for whatever reason.
    pub fn is_silent(self) -> bool {
        self.facts().silent
    }

    /// Whether it is what the master shows of who arrives.
    pub(crate) fn is_arrival(self) -> bool {
        matches!(self, Cause::LoginRefused | Cause::EndedBeforeLogin | Cause::ConnectedNotPolling)
    }

    /// Whether something besides the silence was seen that explains it: neither how long it lasts nor how many share it.
    pub(crate) fn explains_silence(self) -> bool {
        match self {
            Cause::NeverPolled | Cause::StoppedPolling | Cause::MasterSide => false,
            Cause::DefectPending => true,
            _ => self.is_silent(),
        }
    }
}
