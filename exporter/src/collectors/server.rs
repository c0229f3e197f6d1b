//! The master itself.

use super::truth;
use crate::exposition::catalogue as metric;
use crate::exposition::family_writer::Value;
use crate::exposition::in_order::InOrder;
use crate::model::{Certificate, Collector};
use crate::sqlserver::{Capabilities, Msdb, Needs, Place, ResultSet, Right, Set, Statement, row};

const AGENT: Statement = Statement::new("agent", include_str!("agent.sql"));
const OPERATOR: Statement = Statement::new("operator", include_str!("operator.sql"));
/// `status` of `sys.dm_server_services`: 4 is running.
const AGENT_RUNS: i32 = 4;

pub(super) const NEEDS: Needs =
    Needs { collector: Collector::Server, essential: &[], helpful: &[Right::OperatorName, Right::ServerState] };

row! {
    /// The service of SQL Server Agent.
    #[derive(Debug)]
    struct AgentRow {
        status: i32 = "status",
    }
}

row! {
    /// The operator MSXOperator, where it exists.
    #[derive(Debug)]
    struct OperatorRow {
        _name: String = "operator_name",
    }
}

/// The master itself. A field is `None` where the login may not see it or the version does not have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerFacts {
    /// `SERVERPROPERTY('ServerName')`.
    pub name: String,
    /// `SERVERPROPERTY('ProductVersion')`, such as 16.0.4135.4.
    pub version: String,
    /// `SERVERPROPERTY('Edition')`.
    pub edition: String,
    /// Where it is and what it calls itself.
    pub place: Place,
    /// How our own session logged in: SQL, NTLM or KERBEROS.
    pub auth_scheme: Option<String>,
    /// Whether our own session is encrypted after the login.
    pub encrypted: bool,
    /// Whether SQL Server Agent runs on the master.
    pub agent_running: Option<bool>,
    /// Whether the operator MSXOperator exists.
    pub operator_present: Option<bool>,
    /// The certificate that the master presents, where it was looked at.
    pub certificate: Option<Certificate>,
}

/// What is asked for.
pub(super) struct Sets {
    agent: Option<ResultSet<AgentRow>>,
    operator: Option<ResultSet<OperatorRow>>,
}

impl Sets {
    /// What the login may see.
    pub(super) fn allowed(capabilities: &Capabilities) -> Sets {
        let operator = capabilities.msdb == Msdb::Readable && capabilities.holds(Right::OperatorName);
        Sets {
            agent: capabilities.holds(Right::ServerState).then(|| ResultSet::of(&AGENT)),
            operator: operator.then(|| ResultSet::of(&OPERATOR)),
        }
    }

    pub(super) fn all(&mut self) -> Vec<&mut dyn Set> {
        let agent = self.agent.as_mut().map(|set| set as &mut dyn Set);
        agent.into_iter().chain(self.operator.as_mut().map(|set| set as &mut dyn Set)).collect()
    }

    /// Puts together what was read and what the session knows.
    pub(super) fn collect(
        self,
        capabilities: &Capabilities,
        encrypted: bool,
        certificate: Option<Certificate>,
    ) -> ServerFacts {
        let agent = self.agent.and_then(|set| set.rows.into_iter().next_back());
        ServerFacts {
            name: capabilities.server_name.clone(),
            version: capabilities.product_version.clone(),
            edition: capabilities.edition.clone(),
            place: capabilities.place.clone(),
            auth_scheme: capabilities.auth_scheme.clone(),
            encrypted,
            agent_running: agent.map(|agent| agent.status == AGENT_RUNS),
            operator_present: self.operator.map(|set| !set.rows.is_empty()),
            certificate,
        }
    }
}

/// What comes straight from the rows, and what the session knows.
pub(crate) fn metrics<'a>(families: &mut InOrder<'a>, server: &'a ServerFacts) {
    let labels = [
        ("server", server.name.as_str()),
        ("version", server.version.as_str()),
        ("edition", server.edition.as_str()),
        ("auth_scheme", server.auth_scheme.as_deref().unwrap_or_default()),
        ("encrypted", truth(server.encrypted)),
    ];
    families.family(&metric::SERVER_INFO, [(labels, Value::from(true))]);
    families.single(&metric::AGENT_RUNNING, server.agent_running);
    families.single(&metric::OPERATOR_PRESENT, server.operator_present);
    let certificate = server.certificate.as_ref();
    families.single(&metric::CERTIFICATE_EXPIRY, certificate.map(|certificate| certificate.not_after));
    families.family(
        &metric::CERTIFICATE_INFO,
        certificate.map(|certificate| {
            let labels = [
                ("subject", certificate.subject.as_str()),
                ("issuer", certificate.issuer.as_str()),
                ("self_signed", truth(certificate.self_signed)),
            ];
            (labels, Value::from(true))
        }),
    );
}
