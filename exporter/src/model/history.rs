//! What happens to a fleet over time.

use super::vocabulary::vocabulary;

vocabulary! {
    /// What happened to a target, to the master, or to the configuration.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum HistoryKind {
        /// The cause of a target is another than before.
        CauseChanged = "cause_changed" => "cause changed",
        /// A target is shown that was not there before.
        Enlisted = "enlisted",
        /// A target is not shown any more: it was defected, or the configuration leaves it out.
        Left = "left" => "no longer shown",
        /// The targets could not be read, or stopped at another stage than before.
        MasterLost = "master_lost" => "master not readable",
        /// The targets can be read again.
        MasterBack = "master_back" => "master readable again",
        /// The master's instance started again.
        MasterRestarted = "master_restarted" => "master restarted",
        /// The master started on another computer, with another address, port or version.
        MasterMoved = "master_moved" => "master moved",
        /// SQL Server Agent does not run on the master any more.
        MasterAgentStopped = "master_agent_stopped" => "master's Agent stopped",
        /// SQL Server Agent runs on the master again.
        MasterAgentStarted = "master_agent_started" => "master's Agent started",
        /// The operator MSXOperator is gone: enlisting a target will fail.
        OperatorLost = "operator_lost" => "operator MSXOperator lost",
        /// The operator MSXOperator is there again.
        OperatorBack = "operator_back" => "operator MSXOperator is back",
        /// Last polls or the numbers of instructions went back, as after a restore of msdb.
        MsdbRestored = "msdb_restored" => "msdb restored",
        /// The master presents another certificate.
        CertificateChanged = "certificate_changed" => "certificate changed",
        /// Another configuration was put in force.
        Reloaded = "reloaded" => "configuration reloaded",
        /// A configuration was refused, and the one before stays in force.
        NotReloaded = "not_reloaded" => "configuration refused",
    }
}
