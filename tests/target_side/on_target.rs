//! The exporter on a target: `once` for a textfile collector, and `serve`.

use super::exporter::{Folder, Serving, exporter, until};
use super::test_server::{TestServer, refused};
use msx_lab::msdb::Lab;
use msx_lab::tds::certs::Authority;
use msx_lab::tds::{Encryption, Identity, Options};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const ENGINE: &str = r#"{target="SQL01",check="engine",direction="to_master",master="localhost"}"#;

fn presenting(encryption: Encryption, identity: Option<Identity>) -> TestServer {
    let options = Options { encryption, identity: identity.map(Arc::new), ..Options::default() };
    TestServer::start(Lab::fleet(1, 0, 0), options)
}

/// One page of a target whose master is at a port of `localhost`, from a file that a textfile collector would read.
/// The certificates in `store` are all that the machine trusts.
fn once(port: u16, store: &str, variable: Option<(&str, &str)>) -> String {
    let folder = Folder::new();
    let page = folder.path().join("msx.prom");
    let mut call = exporter();
    call.args(["once", "--role=target", "--local.name=SQL01", &format!("--master.address=localhost:{port}")]);
    call.arg("--output.interval=10m").arg(format!("--output.file={}", page.display()));
    call.env("SSL_CERT_FILE", folder.write("store.pem", store));
    let extra = variable.map(|(name, pem)| (name, folder.write("extra.pem", pem)));
    let done = call.envs(extra).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.stdout.is_empty());
    std::fs::read_to_string(page).unwrap()
}

/// The reason that stands on a page, if any.
fn reason(page: &str) -> Option<&str> {
    let mut lines =
        page.lines().filter_map(|line| line.strip_prefix(r#"msx_master_certificate_valid{target="SQL01",reason=""#));
    let reason = lines.next().map(|rest| rest.strip_suffix(r#""} 1"#).unwrap());
    assert_eq!(lines.next(), None, "only the reason that holds is written");
    reason
}

#[test]
fn the_masters_certificate_is_judged_as_a_target_would() {
    let authority = Authority::new("Corp CA").unwrap();
    let good = || authority.issue(&["localhost"]).unwrap();
    for (encryption, identity, expected) in [
        (Encryption::Required, Some(good()), "ok"),
        (Encryption::LoginOnly, Some(good()), "ok"),
        (Encryption::Strict, Some(good()), "ok"),
        (Encryption::Required, Some(authority.issue(&["msx02.corp.example"]).unwrap()), "name_mismatch"),
        (Encryption::Required, Some(authority.issue_expired(&["localhost"]).unwrap()), "expired"),
        (Encryption::Required, None, "untrusted"),
        (Encryption::None, None, "no_tls"),
    ] {
        let master = presenting(encryption, identity);
        let page = once(master.address.port(), authority.pem(), None);
        assert_eq!(reason(&page), Some(expected), "{encryption:?}: {page}");
        assert!(page.contains(&format!("msx_port_open{ENGINE} 1\n")), "{page}");
        assert!(page.contains(&format!("msx_port_required{ENGINE} 1\n")), "{page}");
        assert_eq!(master.logins.load(Ordering::SeqCst), 0, "no login happens");
    }
}

#[test]
fn the_page_says_when_where_and_how_often_it_is_taken() {
    let page = once(refused(), Authority::new("Corp CA").unwrap().pem(), None);
    let now = jiff::Timestamp::now().as_second() as f64;
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name}{{target=\"SQL01\"}} ")));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    assert!((now - value("msx_target_page_timestamp_seconds").unwrap()).abs() < 60.0, "{page}");
    assert_eq!(value("msx_target_page_interval_seconds"), Some(600.0));
    assert!(page.contains(r#"msx_target_page_info{target="SQL01",node=""#), "{page}");
    assert!(page.contains(r#"",source="exporter",version="0."#), "{page}");
    assert!(page.ends_with("\n# EOF\n"), "{page}");
    // Without the service manager of Windows nothing is known of services, and nothing is said.
    for name in ["instance_running", "agent_running", "agent_start_mode"] {
        assert!(!page.contains(name), "{name}: {page}");
    }
}

#[test]
fn an_authority_can_be_trusted_by_the_configuration_alone() {
    let (own, other) = (Authority::new("Corp CA").unwrap(), Authority::new("Other CA").unwrap());
    let master = presenting(Encryption::Required, Some(own.issue(&["localhost"]).unwrap()));
    let port = master.address.port();
    assert_eq!(reason(&once(port, other.pem(), None)), Some("untrusted"));
    let variable = ("MSX_EXPORTER__MASTER__CA_FILE", own.pem());
    assert_eq!(reason(&once(port, other.pem(), Some(variable))), Some("ok"));
}

#[test]
fn a_way_that_is_closed_is_said_and_nothing_is_said_of_the_certificate() {
    let page = once(refused(), Authority::new("Corp CA").unwrap().pem(), None);
    assert!(page.contains(&format!("msx_port_open{ENGINE} 0\n")), "{page}");
    assert_eq!(reason(&page), None);
    for line in page.lines().filter(|line| line.starts_with("msx_")) {
        let of_this_page = ["msx_port_", "msx_exporter_", "msx_target_page_"];
        assert!(of_this_page.iter().any(|known| line.starts_with(known)), "{line}");
    }
}

#[test]
fn without_a_name_it_says_which_key_is_missing() {
    let done = exporter().args(["once", "--role=target", "--master.address=localhost"]).output().unwrap();
    assert_eq!(done.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&done.stderr).contains("local.name: is missing"));
}

#[test]
fn a_target_serves_its_own_way_and_nothing_else() {
    let master = presenting(Encryption::Required, None);
    let config = format!(
        "role: target\nmaster: {{ address: 'localhost:{}' }}\nlocal: {{ name: SQL01 }}\nexpected_targets: [SQL02]\n",
        master.address.port()
    );
    let serving = Serving::start(&config);
    let page = until("port and certificate", || {
        let (status, page) = serving.get("/metrics");
        assert_eq!(status, 200);
        (reason(&page).is_some() && page.contains(&format!("msx_port_open{ENGINE} 1\n"))).then_some(page)
    });
    assert!(!page.contains("msx_up") && !page.contains("msx_targets"), "{page}");
    let (status, page) = serving.get("/probe?target=sql01");
    assert_eq!(status, 200);
    assert!(page.contains(&format!("msx_port_open{ENGINE} 1\n")) && page.contains("rpc_mapper"), "{page}");
    assert!(!page.contains("to_target") && !page.contains("msx_exporter"), "{page}");
    assert_eq!(serving.get("/probe?target=SQL02").0, 403);
    let (status, why) = serving.get("/sd?port=9182");
    assert!(status == 503 && why.starts_with("with role: target no master is read"), "{status}: {why}");
    assert!(serving.get("/").1.contains("no authority that this machine trusts signed it"));
    assert_eq!(master.logins.load(Ordering::SeqCst), 0, "no login happens");
}
