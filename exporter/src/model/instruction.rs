//! The instructions of the download list.

use super::vocabulary::vocabulary;

vocabulary! {
    /// `operation_code` of `sysdownloadlist`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum Operation {
        /// INSERT, code 1: something is added.
        Insert = "insert",
        /// UPDATE, code 2: something is changed.
        Update = "update",
        /// DELETE, code 3: something is removed.
        Delete = "delete",
        /// START, code 4: a job is started.
        Start = "start",
        /// STOP, code 5: a job is stopped.
        Stop = "stop",
        /// RE-ENLIST, code 6: the target enlists again.
        ReEnlist = "re_enlist",
        /// DEFECT, code 7: the target leaves the master.
        Defect = "defect",
        /// SYNC-TIME, code 8: the target sets its clock by the master's.
        SyncTime = "sync_time",
        /// SET-POLL, code 9: the target's poll interval is changed.
        SetPoll = "set_poll",
        /// A code that is not documented.
        Other = "other",
    }
}

vocabulary! {
    /// What kind of error a target wrote to an instruction, in the order of every array of counts. A closed set: the text
    /// itself is never a label.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum ErrorClass {
        /// The step needs a proxy and proxy matching is switched off on the target.
        ProxyDisabled = "proxy_disabled" => "proxy matching disabled",
        /// The step needs a proxy that the target does not have.
        ProxyMissing = "proxy_missing" => "proxy missing",
        /// A right is missing.
        Permission = "permission",
        /// The object is already there.
        ObjectExists = "object_exists" => "object exists",
        /// The step's subsystem is missing.
        Subsystem = "subsystem",
        /// Versions do not fit.
        Version = "version",
        /// Anything else, an empty text too.
        Other = "other",
    }
}

vocabulary! {
    /// The two kinds of orphans that matter.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum OrphanKind {
        /// A DEFECT that the target never came to fetch: it still believes that it is enlisted.
        Defect = "defect",
        /// Anything else.
        Other = "other",
    }
}
