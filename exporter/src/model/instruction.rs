//! The instructions of the download list.

use super::vocabulary::vocabulary;

vocabulary! {
    /// `operation_code` of `sysdownloadlist`.
    pub enum Operation {
        /// 1
        Insert = "insert",
        /// 2
        Update = "update",
        /// 3
        Delete = "delete",
        /// 4
        Start = "start",
        /// 5
        Stop = "stop",
        /// 6
        ReEnlist = "re_enlist",
        /// 7
        Defect = "defect",
        /// 8
        SyncTime = "sync_time",
        /// 9
        SetPoll = "set_poll",
        /// A code that is not documented.
        Other = "other",
    }
}

impl Operation {
    /// The operation behind a code.
    pub fn from_code(code: u8) -> Operation {
        match code {
            1 => Operation::Insert,
            2 => Operation::Update,
            3 => Operation::Delete,
            4 => Operation::Start,
            5 => Operation::Stop,
            6 => Operation::ReEnlist,
            7 => Operation::Defect,
            8 => Operation::SyncTime,
            9 => Operation::SetPoll,
            _ => Operation::Other,
        }
    }
}

vocabulary! {
    /// What kind of error a target wrote to an instruction. A closed set: the text itself is never a label.
    pub enum ErrorClass {
        /// The step needs a proxy and proxy matching is switched off on the target.
        ProxyDisabled = "proxy_disabled",
        /// The step needs a proxy that the target does not have.
        ProxyMissing = "proxy_missing",
        /// A right is missing.
        Permission = "permission",
        /// The object is already there.
        ObjectExists = "object_exists",
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
    pub enum OrphanKind {
        /// A DEFECT that the target never came to fetch: it still believes that it is enlisted.
        Defect = "defect",
        /// Anything else.
        Other = "other",
    }
}
