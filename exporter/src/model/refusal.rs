//! What the web server refuses to its clients.

use super::vocabulary::vocabulary;

vocabulary! {
    /// Why the web server refused a request, or refused or ended a connection.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum Refusal {
        /// A connection was not taken, for too many were open and none could be ended in its place.
        Connection = "connection",
        /// A connection was ended to make room: an idle one, or that of a slow reader.
        ConnectionEnded = "connection_ended",
        /// The system did not hand a connection over, as when there are no more file descriptors.
        Accept = "accept",
        /// Too many scrapes of /metrics were in flight.
        Metrics = "metrics",
        /// Too many requests to /probe were in flight.
        Probe = "probe",
        /// Too many requests for pages, JSON or service discovery were in flight.
        Page = "page",
        /// Too many passwords of one client waited to be verified.
        PasswordQueue = "password_queue",
        /// The user or the password was wrong.
        Password = "password",
        /// The rate limit of the web configuration was used up.
        RateLimit = "rate_limit",
    }
}

vocabulary! {
    /// Why a request to `/probe` was answered without a probe.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, enum_map::Enum)]
    pub enum ProbeFailure {
        /// No user and password were sent, or wrong ones.
        Credentials = "credentials",
        /// The client is on another machine and proved nothing, and --web.enable-probe is off.
        Forbidden = "forbidden",
        /// Too many requests were in flight, or the rate limit was used up.
        Busy = "busy",
        /// The request names no target.
        NoTarget = "no_target",
        /// The target is neither enlisted nor expected.
        NotListed = "not_listed",
        /// It is not known which targets there are: the master was not read.
        NoRoster = "no_roster",
        /// A run of the same target is under way that takes longer than this client waits.
        NoTime = "no_time",
    }
}
