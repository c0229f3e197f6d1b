//! One constructor for each kind of row: who calls whom on which port, and why.

use super::request::{End, Need, Row, Seen, Transport};
use crate::model::ServerName;

/// The firewall passes the answers to a connection without a rule of their own.
const STATEFUL: &str = "stateful, no reverse rule; from any source port";
/// SQL Server's TLS starts inside TDS, so a firewall that expects it at the start of the stream breaks it.
const NO_INSPECTION: &str = "stateful, no reverse rule; from any source port; no TLS inspection: TLS runs inside TDS";

/// Who begins where a target calls.
pub(crate) const TARGET: &str = "target";

const WHILE_ENLISTED: &str = "the target leaves this master (is defected)";
const WHILE_ADMINISTERED: &str = "the servers are no longer administered with SSMS";

/// The dynamic range of Windows, from which RPC services such as the service control manager take their ports.
pub(crate) const DYNAMIC_PORTS: &str = "49152-65535";

fn row(source: &End, destination: &End, transport: Transport, ports: impl ToString) -> Row {
    Row {
        source: vec![source.clone()],
        destination: vec![destination.clone()],
        transport: Some(transport),
        ports: ports.to_string(),
        initiator: String::new(),
        need: Need::Required,
        justification: String::new(),
        frequency: String::new(),
        handling: STATEFUL.to_owned(),
        valid_until: String::new(),
        test: String::new(),
        now: Seen::unknown("not looked at"),
        before: None,
    }
}

/// Shown for a port that is not known.
pub(crate) const UNKNOWN_PORT: &str = "unknown";

/// PowerShell's own test of a TCP port.
fn test_tcp(destination: &End, port: &str) -> String {
    let host = in_powershell(ServerName::of(&destination.name).host);
    match port {
        UNKNOWN_PORT => "find the port first".to_owned(),
        _ => format!("Test-NetConnection -ComputerName {host} -Port {port}"),
    }
}

/// A word of a command that is pasted into PowerShell, in quotes where it needs them. Any of five characters ends a text
/// in single quotes there, unless it stands twice.
pub(crate) fn in_powershell(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || ".-_:={}".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let twice = |character| matches!(character, '\'' | '\u{2018}'..='\u{201b}');
    let inner = word.chars().flat_map(|character| std::iter::repeat_n(character, 1 + usize::from(twice(character))));
    format!("'{}'", inner.collect::<String>())
}

/// A port's number in a row.
pub(crate) fn port_text(port: Option<u16>) -> String {
    port.map_or_else(|| UNKNOWN_PORT.to_owned(), |port| port.to_string())
}

/// Polling: the target calls the master's engine.
pub(crate) fn polling(target: &End, master: &End, port: &str, frequency: String, now: Seen) -> Row {
    Row {
        initiator: TARGET.to_owned(),
        justification: "SQL Server Agent on the target polls the master, downloads instructions and uploads outcomes; \
                        sp_msx_enlist takes the same way"
            .to_owned(),
        frequency,
        handling: NO_INSPECTION.to_owned(),
        valid_until: WHILE_ENLISTED.to_owned(),
        test: test_tcp(master, port),
        now,
        ..row(target, master, Transport::Tcp, port)
    }
}

/// A master known as `HOST\INSTANCE`: each connection begins with a question to SQL Browser, even where the port is
/// fixed.
pub(crate) fn browser(target: &End, local_name: &str, master: &End, full_name: &str, port: &str, now: Seen) -> Row {
    Row {
        initiator: TARGET.to_owned(),
        justification: format!(
            "targets know the master as {full_name}, and ask SQL Browser for its port at each connection, whether the \
             port is fixed or not; not needed where an alias for exactly {full_name} with TCP port {port} stands on \
             the target"
        ),
        frequency: "before each connection".to_owned(),
        valid_until: WHILE_ENLISTED.to_owned(),
        test: on_target(full_name, local_name),
        now,
        ..row(target, master, Transport::Udp, 1434)
    }
}

/// The command that looks from a target.
pub(crate) fn on_target(master_address: &str, local_name: &str) -> String {
    let flags = [format!("--master.address={master_address}"), format!("--local.name={local_name}")];
    format!("msx_exporter doctor --role=target {}", flags.map(|flag| in_powershell(&flag)).join(" "))
}

/// Polling never goes from the master to a target.
pub(crate) fn nothing_back(master: &End, targets: Vec<End>) -> Row {
    Row {
        destination: targets,
        transport: None,
        ports: String::new(),
        initiator: "none".to_owned(),
        need: Need::Nothing,
        justification: "the master never calls a target: each connection of polling is opened by the target".to_owned(),
        frequency: "never".to_owned(),
        handling: "no rule".to_owned(),
        valid_until: "not applicable".to_owned(),
        test: "nothing to test".to_owned(),
        now: Seen::new(None, "not needed", None, "by design"),
        ..row(master, master, Transport::Tcp, "")
    }
}

/// The rows of a target as patterns: `{…}` stands for the names and figures of a request.
pub(crate) fn patterns() -> Vec<Row> {
    let end = |name: &str| End { name: name.to_owned(), addresses: Vec::new() };
    let (target, master) = (end("{target}"), end("{master}"));
    let seen = || Seen::new(None, "{state}", None, "{evidence}");
    vec![
        polling(&target, &master, "{port}", "{frequency}".to_owned(), seen()),
        browser(&target, "{target}", &master, r"{host}\{instance}", "{port}", seen()),
        nothing_back(&master, vec![target]),
    ]
}

/// A port of a target that the configuration requires for a reason of its own.
pub(crate) fn configured(
    master: &End,
    target: &End,
    transport: Transport,
    port: String,
    check: &str,
    now: Seen,
) -> Row {
    Row {
        initiator: "master".to_owned(),
        justification: format!("the configuration requires check {check} of this target; polling does not"),
        frequency: "as configured".to_owned(),
        valid_until: "the configuration no longer requires it".to_owned(),
        test: test_tcp(target, &port),
        now,
        ..row(master, target, transport, port)
    }
}

/// Pages of targets on a share: each target writes there, and the exporter reads.
pub(crate) fn page_share(source: &End, share: &End, initiator: &str, now: Seen) -> Row {
    Row {
        initiator: initiator.to_owned(),
        justification:
            "target_pages.files names this share: a target writes there what only it can see, and the exporter \
                        next to the master reads it; polling does not need it"
                .to_owned(),
        frequency: "as the task on the target is scheduled, such as every 10 min".to_owned(),
        valid_until: "target_pages.files names this share no longer".to_owned(),
        test: test_tcp(share, "445"),
        now,
        ..row(source, share, Transport::Tcp, 445)
    }
}

/// T-SQL from the machine with SSMS; `which` of the two servers this one is.
pub(crate) fn management(desk: &End, server: &End, which: &str, port: &str, now: Seen) -> Row {
    Row {
        initiator: "SSMS".to_owned(),
        need: Need::ForPeople,
        justification: format!("SSMS enlists, forces a poll and shows jobs by T-SQL on both servers; this is {which}"),
        frequency: "while somebody works".to_owned(),
        handling: NO_INSPECTION.to_owned(),
        valid_until: WHILE_ADMINISTERED.to_owned(),
        test: test_tcp(server, port),
        now,
        ..row(desk, server, Transport::Tcp, port)
    }
}

/// The wizard's question whether SQL Server Agent runs, over RPC.
pub(crate) fn wizard_rpc(desk: &End, server: &End, now: Seen) -> Row {
    Row {
        initiator: "SSMS".to_owned(),
        need: Need::ForPeople,
        justification:
            "the wizard that makes a target asks the service control manager whether SQL Server Agent runs: \
                        the endpoint mapper, then the dynamic port that it names; either this row or TCP 445; none of \
                        them with sp_msx_enlist"
                .to_owned(),
        frequency: "once for each enlistment".to_owned(),
        valid_until: "the target is enlisted".to_owned(),
        test: test_tcp(server, "135"),
        now,
        ..row(desk, server, Transport::Tcp, format!("135, {DYNAMIC_PORTS}"))
    }
}

/// The same question over a named pipe, which the client tries second.
pub(crate) fn wizard_smb(desk: &End, server: &End, now: Seen) -> Row {
    Row {
        initiator: "SSMS".to_owned(),
        need: Need::ForPeople,
        justification:
            "the same question over SMB: the client tries RPC first and falls back after about 21 s; either \
                        this row or TCP 135 with the dynamic ports"
                .to_owned(),
        frequency: "once for each enlistment".to_owned(),
        valid_until: "the target is enlisted".to_owned(),
        test: test_tcp(server, "445"),
        now,
        ..row(desk, server, Transport::Tcp, 445)
    }
}

#[cfg(test)]
mod tests {
    use super::in_powershell;

    #[test]
    fn no_name_ends_its_quotes() {
        for (word, written) in [
            ("SQL01.corp.example", "SQL01.corp.example"),
            ("größe", "größe"),
            (r"MSX01\HQ", r"'MSX01\HQ'"),
            ("MSX01,1433", "'MSX01,1433'"),
            ("a'; rm b", "'a''; rm b'"),
            ("a\u{2019}$(b)", "'a\u{2019}\u{2019}$(b)'"),
            ("", "''"),
        ] {
            assert_eq!(in_powershell(word), written);
        }
    }
}
