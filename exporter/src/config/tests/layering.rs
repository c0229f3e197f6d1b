//! Good configurations: what they mean, and which source wins.

use super::super::{Auth, ConfigFile, Depth, Encrypt, PasswordSource, Role, Trust, check, load};
use super::sources;
use crate::model::Check;
use std::path::PathBuf;
use std::time::Duration;

const LOGIN: &str = "master: { user: msx_exporter, password_file: /run/secrets/msx }\n";

#[test]
fn the_file_of_the_manual_loads_and_says_what_the_defaults_say() {
    let text = include_str!("../testdata/good/manual.yml");
    let written = load(&sources("/etc/manual.yml", text)).unwrap();
    let mut short = load(&sources("/etc/short.yml", LOGIN)).unwrap();
    assert_eq!(written.ports.overrides.len(), 1);
    assert!(written.ports.overrides[0].matches.matches(r"sql01\payroll"));
    short.ports.overrides.clone_from(&written.ports.overrides);
    assert_eq!(format!("{written:?}"), format!("{short:?}"));
}

#[test]
fn toml_means_the_same_as_yaml() {
    let toml = load(&sources("/etc/c.toml", include_str!("../testdata/good/full.toml"))).unwrap();
    let yaml = load(&sources("/etc/c.yml", include_str!("../testdata/good/full.yml"))).unwrap();
    assert_eq!(format!("{toml:?}"), format!("{yaml:?}"));
    assert_eq!(yaml.maintenance.len(), 1);
    assert_eq!(yaml.targets.labels[0].labels["route"], "0123");
    assert_eq!(yaml.ports.checks[&Check::Smb].depth, Depth::Connect);
}

#[test]
fn a_flag_beats_the_environment_that_beats_the_file_that_beats_the_default() {
    let address = |sources| load(&sources).unwrap().master.address.host;
    let file = || sources("/etc/c.yml", "master: { address: of-file, user: u, password_file: /run/secrets/msx }");
    let variable = || file().with_variable("MSX_EXPORTER__MASTER__ADDRESS", "of-environment");
    assert_eq!(address(sources("/etc/c.yml", LOGIN)), "localhost");
    assert_eq!(address(file()), "of-file");
    assert_eq!(address(variable()), "of-environment");
    assert_eq!(address(variable().with_flag("--master.address", "master.address", "of-flag")), "of-flag");
}

#[test]
fn variables_hold_any_key_and_keep_their_text() {
    let config = load(
        &sources("/etc/c.yml", "")
            .with_variable("MSX_EXPORTER__MASTER__USER", "0123")
            .with_variable("MSX_EXPORTER__MASTER__PASSWORD", "{ not: yaml }# %")
            .with_variable("MSX_EXPORTER__EXPECTED_TARGETS", "[SQL01, '0123']")
            .with_variable("MSX_EXPORTER__PORTS__CHECKS__ENGINE__DEPTH", "protocol")
            .with_variable("MSX_EXPORTER__TARGETS__LABELS", "[{ match: 'A.*', route: a }]")
            .with_variable("MSX_EXPORTER__MASTER__TIMEOUT", "")
            .with_variable("MSX_EXPORTER_SERVICE_HOST", "10.0.0.1"),
    )
    .unwrap();
    let Auth::Sql { user, password: PasswordSource::Value(password) } = &config.master.auth else { panic!() };
    assert_eq!((user.as_str(), password.reveal()), ("0123", "{ not: yaml }# %"));
    assert_eq!(config.expected_targets, ["SQL01", "0123"]);
    assert_eq!(config.ports.checks[&Check::Engine].depth, Depth::Protocol);
    assert_eq!(config.targets.labels.len(), 1);
    assert_eq!(config.master.timeout, Duration::from_secs(8));
}

#[test]
fn an_empty_variable_takes_back_what_the_file_says() {
    let file = sources("/etc/c.yml", "master: { user: u, password_file: /run/secrets/msx, ca_file: /etc/ca.pem }");
    let config = load(
        &file
            .with_variable("MSX_EXPORTER__MASTER__PASSWORD_FILE", "")
            .with_variable("MSX_EXPORTER__MASTER__PASSWORD", "p"),
    )
    .unwrap();
    assert!(matches!(config.master.auth, Auth::Sql { password: PasswordSource::Value(_), .. }));
    assert_eq!(config.master.ca_file, Some(PathBuf::from("/etc/ca.pem")));
}

#[test]
fn off_can_be_written_as_people_write_it() {
    for (written, meant) in
        [("off", Encrypt::Off), ("false", Encrypt::Off), ("no", Encrypt::Off), ("Strict", Encrypt::Strict)]
    {
        let text = format!("master: {{ user: u, password_file: /run/secrets/msx, encrypt: {written} }}");
        assert_eq!(load(&sources("/etc/c.yml", text)).unwrap().master.encrypt, meant, "{written}");
    }
    let text = "master: { user: u, password_file: /run/secrets/msx, trust_server_certificate: true }";
    assert_eq!(load(&sources("/etc/c.yml", text)).unwrap().master.trust_server_certificate, Trust::Always);
}

#[test]
fn a_target_needs_no_login_and_no_file() {
    let mut target = sources("/etc/c.yml", "").with_flag("--role", "role", "target").with_flag(
        "--master.address",
        "master.address",
        r"MSX01\MAIN",
    );
    target.file = ConfigFile::Usual(PathBuf::from("/nowhere.yml"));
    let faults = load(&target).unwrap_err().to_string();
    assert_eq!(faults.lines().filter(|line| line.starts_with("local.name: is missing")).count(), 1, "{faults}");
    target.windows = true;
    assert_eq!(load(&target).unwrap().local.name, None);
    target.windows = false;
    let target = target.with_flag("--local.name", "local.name", "SQL01");
    let config = load(&target).unwrap();
    assert_eq!(config.role, Role::Target);
    assert_eq!(config.master.address.instance.as_deref(), Some("MAIN"));
    assert!(check(&target).unwrap().contains("/nowhere.yml (not there"));
}

#[test]
fn files_from_windows_editors_are_read() {
    assert!(load(&sources("/etc/c.yml", format!("\u{feff}{}", LOGIN.replace('\n', "\r\n")))).is_ok());
    let utf16: Vec<u8> = format!("\u{feff}{LOGIN}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(load(&sources("/etc/c.yml", utf16)).is_ok());
    let faults = load(&sources("/etc/c.yml", b"master: { address: gr\xfcn }".to_vec())).unwrap_err().to_string();
    assert!(
        faults.starts_with("/etc/c.yml: is neither UTF-8 nor UTF-16 with a byte order mark; hint: save it as UTF-8"),
        "{faults}"
    );
}

#[test]
fn the_account_of_the_service_is_for_windows_and_the_check_says_ntlm() {
    let text = "master: { auth: windows }";
    let report = check(&sources("/etc/c.yml", text).on_windows()).unwrap();
    assert!(report.contains("remark: auth: windows is NTLM, not Kerberos"), "{report}");
    let faults = load(&sources("/etc/c.yml", text)).unwrap_err().to_string();
    assert!(faults.contains("master.auth: auth: windows is NTLM"), "{faults}");
}

#[test]
fn on_windows_the_case_of_a_variable_does_not_matter() {
    let config = load(
        &sources("/etc/c.yml", "master: { auth: windows }").on_windows().with_variable("msx_exporter__role", "master"),
    );
    assert_eq!(config.unwrap().role, Role::Master);
}
