//! The questions that only the doctor asks: in a session of their own, one statement after the other, so that each
//! fails alone.

use super::cells::{CellError, Cells, Positions};
use super::error::ReadError;
use super::faults;
use super::rights::{Right, bracketed, performance_state, server_state};
use super::session::{self, Connection};
use super::stage_tracker::Progress;
use super::statements;
use crate::config::{Auth, Config, Master};
use crate::model::Stage;
use futures_util::TryStreamExt;
use std::net::IpAddr;
use tiberius::{QueryItem, Row};
use tokio::time::{Instant, timeout_at};

/// No reader needs a longer list; further rows are read from the wire and dropped.
const MOST_ROWS: usize = 5_000;
/// `status` of `sys.dm_server_services`: 4 is running.
const RUNNING: i64 = 4;

/// The answers of the master. Each part is there, or the error with the grant that would show it.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterAnswers {
    /// The addresses at which its engine listens for T-SQL, without loopback and the listeners of availability groups.
    pub listeners: Result<Vec<Listener>, ReadError>,
    /// The members of TargetServersRole.
    pub members: Result<Vec<Member>, ReadError>,
    /// The grant that lets its login see who arrives.
    pub arrivals_grant: String,
}

/// The answers of a target's own instance.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetAnswers {
    /// `SERVERPROPERTY('ProductVersion')`.
    pub version: String,
    /// The addresses at which its engine listens for T-SQL.
    pub listeners: Result<Vec<Listener>, ReadError>,
    /// Its SQL Server Agent; `None` where it has none.
    pub agent: Result<Option<Agent>, ReadError>,
    /// The nodes of a failover cluster instance; empty where it is none.
    pub nodes: Result<Vec<String>, ReadError>,
}

/// A socket on which the engine listens (`sys.dm_tcp_listener_states`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// `0.0.0.0` and `::` stand for all addresses.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
}

/// A member of TargetServersRole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The database user's name.
    pub name: String,
    /// `type_desc`, such as `WINDOWS_GROUP`.
    pub kind: String,
}

/// A SQL Server Agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The account of its service.
    pub account: String,
    /// Whether it runs.
    pub running: bool,
}

/// Asks the master.
///
/// # Errors
/// Why no session could be opened.
pub async fn ask_master(master: &Master) -> Result<MasterAnswers, ReadError> {
    let mut inquiry = Inquiry::open(master).await?;
    // The ports come first, because the other questions may use up the time.
    let listeners = inquiry.listeners().await;
    let members = match inquiry.sees_members().await {
        Ok(()) => inquiry.ask(statements::DOCTOR_MEMBERS, member).await,
        Err(fault) => Err(fault),
    };
    let arrivals_grant = named(&Right::PerformanceState.grant(inquiry.major, &master.msdb), &master.auth);
    Ok(MasterAnswers { listeners, members, arrivals_grant })
}

/// Asks the target's own instance, where the configuration has a login for it. An error says why no session could be
/// opened.
pub async fn ask_target(config: &Config) -> Option<Result<TargetAnswers, ReadError>> {
    let here = Master {
        address: config.local.address.clone()?,
        auth: config.local.auth.clone(),
        host_name_in_certificate: None,
        ..config.master.clone()
    };
    let mut inquiry = match Inquiry::open(&here).await {
        Ok(inquiry) => inquiry,
        Err(fault) => return Some(Err(fault)),
    };
    let right = named(&server_grant(server_state(inquiry.major)), &here.auth);
    let agent = inquiry.ask(statements::DOCTOR_AGENT, agent).await.map_err(|fault| missing(fault, &right));
    let right = named(&server_grant(performance_state(inquiry.major)), &here.auth);
    let nodes = inquiry.ask(statements::DOCTOR_NODES, node).await.map_err(|fault| missing(fault, &right));
    Some(Ok(TargetAnswers {
        nodes,
        agent: agent.map(|list| list.into_iter().next()),
        listeners: inquiry.listeners().await,
        version: inquiry.version,
    }))
}

struct Inquiry<'a> {
    /// `None` once an answer was not read to its end.
    client: Option<Connection>,
    master: &'a Master,
    deadline: Instant,
    version: String,
    major: u32,
}

impl Inquiry<'_> {
    async fn open(master: &Master) -> Result<Inquiry<'_>, ReadError> {
        let progress = Progress::default();
        let deadline = Instant::now() + master.timeout;
        let session = timeout_at(deadline, session::open(master, deadline, &progress)).await.map_err(|_| {
            let doing = format!("connecting to {}", master.address);
            ReadError::timed_out(progress.stage(), &doing, master.timeout)
        })??;
        Ok(Inquiry {
            client: Some(session.client),
            master,
            deadline,
            major: session.capabilities.major_version(),
            version: session.capabilities.product_version,
        })
    }

    async fn listeners(&mut self) -> Result<Vec<Listener>, ReadError> {
        let right = named(&server_grant(server_state(self.major)), &self.master.auth);
        let all = self.ask(statements::DOCTOR_LISTENERS, listener).await.map_err(|fault| missing(fault, &right))?;
        Ok(all.into_iter().filter(|listener| !listener.address.to_canonical().is_loopback()).collect())
    }

    /// SQL Server leaves out memberships that the login may not see without an error, so the right is asked for first.
    async fn sees_members(&mut self) -> Result<(), ReadError> {
        if self.ask(statements::DOCTOR_RIGHTS, may_view_definition).await?.contains(&true) {
            return Ok(());
        }
        let msdb = &self.master.msdb;
        let fault = ReadError::new(Stage::Permission, format!("the login may not see who is in a role of {msdb}"));
        let grant = format!("USE {}; GRANT VIEW DEFINITION TO <user>", bracketed(msdb));
        Err(fault.with_hint(named(&grant, &self.master.auth)))
    }

    async fn ask<T>(&mut self, statement: &str, decode: fn(&Row) -> Result<T, CellError>) -> Result<Vec<T>, ReadError> {
        let Some(mut client) = self.client.take() else {
            return Err(ReadError::new(Stage::Query, "not asked: the statement before it lost the connection"));
        };
        let text = statements::prepare(statement, &self.master.msdb);
        match timeout_at(self.deadline, collect(&mut client, &text, decode)).await {
            Ok(Ok(rows)) => {
                self.client = Some(client);
                rows.map_err(ReadError::from)
            }
            Ok(Err(error)) => {
                self.client = faults::leaves_connection_usable(&error).then_some(client);
                Err(faults::on_reading(&error))
            }
            Err(_) => Err(ReadError::timed_out(Stage::Query, "asking for the doctor's facts", self.master.timeout)),
        }
    }
}

/// Reads an answer to its end whatever it holds, because the next statement uses the same connection.
async fn collect<T>(
    client: &mut Connection,
    text: &str,
    decode: fn(&Row) -> Result<T, CellError>,
) -> Result<Result<Vec<T>, CellError>, tiberius::error::Error> {
    let mut rows = Ok(Vec::new());
    let mut stream = client.simple_query(text).await?;
    while let Some(item) = stream.try_next().await? {
        if let (QueryItem::Row(row), Ok(list)) = (item, &mut rows)
            && list.len() < MOST_ROWS
        {
            match decode(&row) {
                Ok(read) => list.push(read),
                Err(error) => rows = Err(error),
            }
        }
    }
    Ok(rows)
}

fn server_grant(permission: &str) -> String {
    format!("USE master; GRANT {permission} TO <login>")
}

/// The grant with the name of the login, which its user in a database shares; a Windows account is not known from here.
fn named(grant: &str, auth: &Auth) -> String {
    match auth {
        Auth::Sql { user, .. } => {
            ["<login>", "<user>"].iter().fold(grant.to_owned(), |text, place| text.replace(place, &bracketed(user)))
        }
        Auth::Windows => grant.to_owned(),
    }
}

/// Names the missing grant; the other hints are about tables that the doctor does not read.
fn missing(fault: ReadError, grant: &str) -> ReadError {
    let hint = (fault.stage == Stage::Permission).then(|| grant.to_owned());
    ReadError { hint, ..fault }
}

fn columns(row: &Row) -> Vec<String> {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn may_view_definition(row: &Row) -> Result<bool, CellError> {
    let [may] = Positions::locate(&["may_view_definition"], &columns(row))?.cells(Cells::new(row))?;
    Ok(may.integer_or_null()? == Some(1))
}

fn listener(row: &Row) -> Result<Listener, CellError> {
    let [address, port] = Positions::locate(&["ip_address", "port"], &columns(row))?.cells(Cells::new(row))?;
    let address = address.text()?;
    // A link-local address carries its scope behind the percent sign.
    let bare = address.split('%').next().unwrap_or_default().trim();
    let parsed = bare.parse().map_err(|_| CellError::new(format!("column ip_address is no address: {address:?}")))?;
    Ok(Listener { address: parsed, port: port.integer()? })
}

fn member(row: &Row) -> Result<Member, CellError> {
    let [name, kind] = Positions::locate(&["member_name", "member_type"], &columns(row))?.cells(Cells::new(row))?;
    Ok(Member { name: name.text()?, kind: kind.text_or_null()?.unwrap_or_default() })
}

fn node(row: &Row) -> Result<String, CellError> {
    let [name] = Positions::locate(&["node_name"], &columns(row))?.cells(Cells::new(row))?;
    name.text()
}

fn agent(row: &Row) -> Result<Agent, CellError> {
    let [status, account] = Positions::locate(&["status", "service_account"], &columns(row))?.cells(Cells::new(row))?;
    Ok(Agent { account: account.text()?, running: status.integer_or_null()? == Some(RUNNING) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PasswordSource;

    #[test]
    fn a_grant_names_a_login_that_is_known() {
        let sql = Auth::Sql { user: "CORP msx]".to_owned(), password: PasswordSource::File("x".into()) };
        for (auth, login) in [(sql, "[CORP msx]]]"), (Auth::Windows, "<login>")] {
            let grant = named(&server_grant("VIEW SERVER STATE"), &auth);
            assert_eq!(grant, format!("USE master; GRANT VIEW SERVER STATE TO {login}"));
        }
    }
}
