//! Why something could not be read from SQL Server.

use super::cells::CellError;
use super::refusals::Retry;
use crate::model::duration::span;
use crate::model::{Certificate, Stage};
use std::fmt;
use std::time::Duration;

/// What was tried, where it stopped and what to do next. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The stage in which it stopped.
    pub stage: Stage,
    /// Whether a deadline ended it.
    pub timeout: bool,
    /// What was tried, and the outcome.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// How soon another attempt to connect may come.
    pub retry: Retry,
    /// In how long the next attempt comes, where the reader rests.
    pub next_attempt: Option<Duration>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.name(), self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " (hint: {hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ReadError {}

impl ReadError {
    pub(crate) fn new(stage: Stage, message: impl Into<String>) -> ReadError {
        ReadError {
            stage,
            timeout: false,
            message: message.into(),
            hint: None,
            retry: Retry::default(),
            next_attempt: None,
        }
    }

    /// The message with the time of the next attempt, for what goes on reading.
    pub(crate) fn with_next_attempt(&self) -> String {
        let rest = self.next_attempt.map(|rest| format!("; next attempt in {}", span(rest)));
        self.message.clone() + &rest.unwrap_or_default()
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> ReadError {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the certificate that the server presented, so that the user need not search for it.
    pub(crate) fn with_certificate(mut self, presented: Option<&Certificate>) -> ReadError {
        if let Some(Certificate { subject, issuer, not_after, .. }) = presented {
            self.message.push_str(&format!("; it presents {subject}, issued by {issuer}, which ends {not_after}"));
        }
        self
    }

    /// Adds the hint for a login of the service's own account: there is no user name to check, and the driver supports
    /// NTLM only.
    pub(crate) fn of_windows_account(mut self) -> ReadError {
        if self.stage != Stage::Login || matches!(self.retry, Retry::ForNow | Retry::SingleUser) {
            return self;
        }
        let first = match self.hint.take() {
            Some(hint) if !hint.contains("master.user") && !hint.contains("auth: sql") => hint,
            _ => {
                "does the master have a login for the account of the service, or for a group that it is in?".to_owned()
            }
        };
        self.with_hint(format!("{first} {WINDOWS_IS_NTLM}"))
    }

    pub(crate) fn timed_out(stage: Stage, doing: &str, after: Duration) -> ReadError {
        let hint = match stage {
            Stage::Resolve => Some("is the name server reachable; for HOST\\INSTANCE, is UDP 1434 open?"),
            Stage::Connect => Some("a firewall that drops packets looks like this: is the engine's TCP port open?"),
            Stage::Tls => {
                Some("a server that speaks TLS first answers only `encrypt: strict`, and any other only without")
            }
            Stage::Login => Some("the server took the login and did not answer: is it starting, or out of workers?"),
            Stage::Permission | Stage::Query | Stage::Decode => None,
        };
        let fault = ReadError::new(stage, format!("{doing}: no answer within {}", span(after)));
        ReadError { timeout: true, hint: hint.map(str::to_owned), ..fault }
    }
}

impl From<CellError> for ReadError {
    fn from(error: CellError) -> ReadError {
        ReadError::new(Stage::Decode, error.to_string())
    }
}

/// The hint for a failed login with `auth: windows`.
const WINDOWS_IS_NTLM: &str = "auth: windows is NTLM, not Kerberos: where a policy refuses NTLM, the account is in \
    Protected Users, or the master requires Extended Protection, use `auth: sql` with `encrypt: required`";
