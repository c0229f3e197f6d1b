//! `/probe` and `/sd` next to a master.

use super::exporter::{Serving, until};
use super::test_server::{TestServer, filtered, refused};

#[test]
fn a_probe_tells_open_from_refused_from_filtered() {
    let master = TestServer::with_targets(&["OPEN", "REFUSED", "FILTERED", r"OPEN\HR"]);
    let silent = filtered();
    let serving = Serving::start(&master.config(&format!(
        "expected_targets: [LISTED]\nports:\n  enabled: false\n  timeout: 500ms\n  overrides:\n    \
         - {{ match: OPEN, host: 127.0.0.1, engine_port: {} }}\n    - {{ match: FILTERED, host: 127.0.0.1, engine_port: \
         {} }}\n    - {{ match: '.*', host: 127.0.0.1, engine_port: {} }}\n",
        master.address.port(),
        silent.port,
        refused()
    )));
    for (name, target, state) in [
        ("open", "OPEN", "open"),
        ("REFUSED", "REFUSED", "refused"),
        ("Filtered", "FILTERED", "filtered"),
        ("listed", "LISTED", "refused"),
        ("open%5Chr", r"OPEN\\HR", "refused"),
    ] {
        let (status, page) = serving.get(&format!("/probe?target={name}"));
        assert_eq!(status, 200, "{name}: {page}");
        let labels = format!(r#"target="{target}",check="engine",direction="to_target""#);
        assert!(page.contains(&format!(r#"msx_port_state{{{labels},state="{state}"}} 1"#)), "{name}: {page}");
        assert!(page.contains(&format!("msx_port_open{{{labels}}} {}\n", u8::from(state == "open"))), "{name}: {page}");
        assert!(!page.contains("msx_exporter") && !page.contains("process_"), "{name}: {page}");
    }
    assert_eq!(serving.get("/probe?target=SQL99").0, 403);
    let (status, trace) = serving.get("/probe?target=REFUSED&debug=true");
    assert_eq!(status, 200);
    assert!(trace.contains(" ms  engine tcp ") && trace.contains(": refused\n"), "{trace}");
    assert!(trace.contains("Metrics that would have been returned"), "{trace}");

    let (status, list) = serving.get("/sd?port=9182");
    let entry = |target: &str, host: &str| {
        format!(
            r#"{{"targets":["{host}:9182"],"labels":{{"__meta_msx_target":"{target}","__meta_msx_host":"{host}","__meta_msx_address":"127.0.0.1","__meta_msx_groups":"","__meta_msx_location":""}}}}"#
        )
    };
    let all = [entry("FILTERED", "FILTERED"), entry("OPEN", "OPEN"), entry("REFUSED", "REFUSED")];
    assert_eq!((status, list), (200, format!("[{}]", all.join(","))));
    // The roster outlives the master for the ports alone.
    drop(master);
    until("the master is missed", || (serving.get("/sd?port=9182").0 == 503).then_some(()));
    assert_eq!(serving.get("/probe?target=OPEN").0, 200);
}

#[test]
fn no_target_is_probed_while_no_roster_is_known() {
    let master = TestServer::with_targets(&[]);
    let config = master
        .config("expected_targets: [LISTED]\n")
        .replace(&master.address.to_string(), &format!("127.0.0.1:{}", refused()));
    let (status, why) = Serving::start(&config).get("/probe?target=LISTED");
    assert_eq!(status, 503, "{why}");
}
