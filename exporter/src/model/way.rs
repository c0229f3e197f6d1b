//! The way from a target to its master.

use super::vocabulary::vocabulary;

vocabulary! {
    /// What is known of the way by which a target polls, where no check looked at it from there.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum WayToMaster {
        /// The target polls.
        InUse = "in_use" => "in use",
        /// It does not poll, and the master sees its connections.
        Reached = "reached" => "reached: the master sees its connections",
        /// Nothing of the target arrives.
        NotSeen = "not_seen" => "not seen",
    }
}
