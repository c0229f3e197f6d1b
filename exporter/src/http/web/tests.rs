#![allow(clippy::unwrap_used)]

use super::super::tests::tls::{Authority, Folder, configured};
use super::*;

/// A bcrypt hash of `x`.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e";

fn faults(text: &str) -> Vec<String> {
    let (folder, authority) = (Folder::new(), Authority::new());
    configured(&folder, &authority, "");
    let file = folder.write("web.yml", text);
    Web::open(Some(&file)).err().map(|error| error.faults().to_vec()).unwrap_or_default()
}

#[test]
fn every_fault_has_its_path() {
    let pair = "cert_file: server.crt, key_file: server.key";
    for (text, expected) in [
        ("a: b: c", "is not YAML"),
        ("[]", "the file: must be a mapping"),
        ("---\na: 1\n---\nb: 2\n", "more than one document"),
        ("tls: {}", "tls: unknown key"),
        ("tls_server_config: { certfile: x }", "tls_server_config.certfile: unknown key"),
        ("tls_server_config: 7", "tls_server_config: must be a mapping"),
        ("tls_server_config: { cert_file: server.crt }", "key_file (or key) is missing"),
        ("tls_server_config: { key_file: server.key }", "cert_file (or cert) is missing"),
        ("tls_server_config: { client_auth_type: RequireAnyClientCert }", "cert_file (or cert) is missing"),
        ("tls_server_config: { cert_file: none.crt, key_file: server.key }", "tls_server_config.cert_file: "),
        ("tls_server_config: { cert_file: server.key, key_file: server.key }", "cert_file: holds no certificate"),
        ("tls_server_config: { cert_file: server.crt, key_file: server.crt }", "key_file: holds no private key"),
        (&format!("tls_server_config: {{ {pair}, cert: x }}"), "tls_server_config.cert: give either"),
        (
            &format!("tls_server_config: {{ {pair}, client_auth_type: Any }}"),
            "tls_server_config.client_auth_type: \"Any\"",
        ),
        (
            &format!("tls_server_config: {{ {pair}, client_auth_type: RequireAndVerifyClientCert }}"),
            "tls_server_config.client_ca_file: is missing",
        ),
        (&format!("tls_server_config: {{ {pair}, client_ca_file: clients.crt }}"), "needs a client_auth_type"),
        (
            &format!("tls_server_config: {{ {pair}, client_auth_type: RequestClientCert, client_allowed_sans: [a] }}"),
            "tls_server_config.client_allowed_sans: needs",
        ),
        (&format!("tls_server_config: {{ {pair}, min_version: TLS11 }}"), "tls_server_config.min_version: TLS11"),
        (&format!("tls_server_config: {{ {pair}, min_version: TLS13, max_version: TLS12 }}"), "is below min_version"),
        (
            &format!("tls_server_config: {{ {pair}, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA] }}"),
            "tls_server_config.cipher_suites: \"TLS_RSA_WITH_AES_128_CBC_SHA\"",
        ),
        (
            &format!("tls_server_config: {{ {pair}, curve_preferences: [CurveP521] }}"),
            "tls_server_config.curve_preferences",
        ),
        (&format!("tls_server_config: {{ {pair}, curve_preferences: X25519 }}"), "must be a list of texts"),
        (
            &format!("tls_server_config: {{ {pair}, prefer_server_cipher_suites: 1 }}"),
            "prefer_server_cipher_suites: \"1\"",
        ),
        ("http_server_config: { http2: true }", "http_server_config.http2: HTTP/2 is not served"),
        ("http_server_config: { headers: { Server: x } }", "http_server_config.headers.Server: this header cannot"),
        ("http_server_config: { headers: { X-Frame-Options: never } }", "must be deny or sameorigin"),
        ("http_server_config: { headers: { X-XSS-Protection: \"a\\nb\" } }", "characters that no header may have"),
        ("basic_auth_users: { alice: secret }", "basic_auth_users.alice: is not a bcrypt hash"),
        ("basic_auth_users: { alice: 12345 }", "basic_auth_users.alice: must be a text"),
        (&format!("basic_auth_users: {{ 'a:b': {HASH} }}"), "cannot hold a colon"),
        (&format!("basic_auth_users: {{ a: {} }}", HASH.replace("$04", "$31")), "basic_auth_users.a: the cost is 31"),
        ("rate_limit: { interval: 1, burst: 1 }", "rate_limit.interval: \"1\""),
        ("rate_limit: { interval: 1s }", "rate_limit.burst: must be 1 or more"),
        ("rate_limit: { interval: 1s, burst: -1 }", "rate_limit.burst: \"-1\""),
    ] {
        let found = faults(text);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{text}: {found:?}");
    }
}

#[test]
fn all_faults_come_at_once_and_none_shows_a_secret() {
    let text = "x: 1\nbasic_auth_users: { alice: TOPSECRET, bob: [TOPSECRET] }\nrate_limit: { burst: y }\n\
                tls_server_config: { cert: TOPSECRET, key: TOPSECRET }\n";
    let found = faults(text);
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(!format!("{found:?}").contains("TOPSECRET"));
    let twice = faults("basic_auth_users: { TOPSECRET: a, TOPSECRET: b }");
    assert!(twice.len() == 1 && !twice[0].contains("TOPSECRET"), "{twice:?}");
}

#[test]
fn what_is_right_has_no_fault() {
    for text in ["", "# nothing\n", "tls_server_config: {}", "rate_limit: { interval: 0 }", "basic_auth_users:\n"] {
        assert_eq!(faults(text), [""; 0], "{text}");
    }
    let (folder, authority) = (Folder::new(), Authority::new());
    let own = authority.issue("localhost");
    let indented = |pem: &str| pem.replace('\n', "\n    ");
    let (certificate, key) = (indented(&own.certificate), indented(&own.key));
    let file =
        folder.write("web.yml", &format!("tls_server_config:\n  cert: |\n    {certificate}\n  key: |\n    {key}\n"));
    assert!(Web::open(Some(&file)).unwrap().current().tls.is_some());
}

#[test]
fn a_file_that_is_missing_says_which() {
    let error = Web::open(Some(Path::new("/nowhere/web.yml"))).unwrap_err().to_string();
    assert!(error.starts_with("web configuration /nowhere/web.yml: cannot be read"), "{error}");
}

#[test]
fn a_change_takes_effect_and_a_fault_does_not() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let users = format!("basic_auth_users: {{ alice: {HASH} }}\n");
    let file = configured(&folder, &authority, &users);
    let web = Web::open(Some(&file)).unwrap();
    let first = web.current();
    web.look();
    assert!(Arc::ptr_eq(&first, &web.current()), "nothing changed");

    // Certificate and key are rotated one after the other; in between they do not fit.
    let other = authority.issue("other.example");
    folder.write("server.crt", &format!("{}\n", other.certificate));
    web.look();
    assert!(Arc::ptr_eq(&first, &web.current()), "they do not fit yet");
    folder.write("server.key", &format!("{}\n", other.key));
    web.look();
    let second = web.current();
    assert!(!Arc::ptr_eq(&first, &second));

    // A file that is half written opens no door.
    for (text, what) in [("", "tls_server_config: TLS cannot"), (users.as_str(), "tls_server_config: TLS cannot")] {
        folder.write("web.yml", text);
        web.look();
        assert!(Arc::ptr_eq(&second, &web.current()));
        assert!(web.reload().unwrap_err().to_string().contains(what));
    }
    configured(&folder, &authority, "");
    assert!(web.reload().unwrap_err().to_string().contains("basic_auth_users: the last user"));
    configured(&folder, &authority, &users);
    web.reload().unwrap();
    assert!(!Arc::ptr_eq(&second, &web.current()));
}
