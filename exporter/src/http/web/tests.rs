#![allow(clippy::unwrap_used)]

use super::super::tests::tls::{Authority, Folder, configured};
use super::*;

/// A bcrypt hash of `x`.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e";

fn faults(text: &str) -> Vec<String> {
    let (folder, authority) = (Folder::new(), Authority::new());
    configured(&folder, &authority, "");
    let file = folder.write("web.yml", text);
    let faults = Web::open(Some(&file)).err().map(|faults| faults.all().to_vec()).unwrap_or_default();
    faults.iter().map(|fault| fault.to_string().replace(&file.display().to_string(), "web.yml")).collect()
}

#[test]
fn every_fault_has_its_path() {
    let pair = "cert_file: server.crt, key_file: server.key";
    for (text, expected) in [
        ("a: b: c", "web.yml:1:5: not YAML"),
        ("[]", "web.yml:1:1: is a list; hint: write a mapping of keys to values"),
        ("---\na: 1\n---\nb: 2\n", "web.yml:3:1: a second document begins here"),
        ("tls: {}", "web.yml:1:1: tls: unknown key"),
        ("a: &x 1\nb: *x", "web.yml:2:4: b: a YAML alias"),
        ("a: !x 1", "web.yml:1:7: a: a YAML tag"),
        (&"a: {".repeat(17), "nested more than 16 levels deep"),
        (&"x: 1\n".repeat(300_000), "web.yml:1:1: is larger than 1 MiB"),
        (&format!("x: [{}]", "a,".repeat(100_000)), "holds more than 100000 keys and values"),
        ("tls_server_config: { certfile: x }", "tls_server_config.certfile: unknown key"),
        ("tls_server_config: 7", "web.yml:1:20: tls_server_config: is a single value"),
        ("tls_server_config: { cert_file: server.crt }", "key_file (or key) is missing"),
        ("tls_server_config: { key_file: server.key }", "cert_file (or cert) is missing"),
        ("tls_server_config: { client_auth_type: RequireAnyClientCert }", "cert_file (or cert) is missing"),
        ("tls_server_config: { cert_file: none.crt, key_file: server.key }", "tls_server_config.cert_file: "),
        ("tls_server_config: { cert_file: server.key, key_file: server.key }", "cert_file: holds no certificate"),
        ("tls_server_config: { cert_file: server.crt, key_file: server.crt }", "key_file: holds no private key"),
        (
            &format!("tls_server_config: {{ {pair}, client_auth_type: Any }}"),
            "tls_server_config.client_auth_type: is not known",
        ),
        (&format!("tls_server_config: {{ {pair}, client_ca_file: clients.crt }}"), "needs a client_auth_type"),
        (
            &format!("tls_server_config: {{ {pair}, client_auth_type: RequestClientCert, client_allowed_sans: [a] }}"),
            "tls_server_config.client_allowed_sans: needs",
        ),
        (
            &format!("tls_server_config: {{ {pair}, max_version: TLS11 }}"),
            "tls_server_config.max_version: no version is left",
        ),
        (&format!("tls_server_config: {{ {pair}, min_version: TLS13, max_version: TLS12 }}"), "is below min_version"),
        (
            &format!("tls_server_config: {{ {pair}, max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256] }}"),
            "tls_server_config.cipher_suites: no suite is left for TLS 1.2",
        ),
        (
            &format!("tls_server_config: {{ {pair}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA] }}"),
            "tls_server_config.cipher_suites: nothing of this list is left: suites with CBC",
        ),
        (
            &format!("tls_server_config: {{ {pair}, cipher_suites: [TLS_AES_128_GCM_SHA256, NONSENSE] }}"),
            "tls_server_config.cipher_suites: is not known",
        ),
        (
            &format!("tls_server_config: {{ {pair}, curve_preferences: [CurveP521] }}"),
            "tls_server_config.curve_preferences: nothing of this list is left: CurveP521",
        ),
        (
            &format!(
                "tls_server_config: {{ {pair}, client_auth_type: RequireAnyClientCert, client_allowed_sans: [] }}"
            ),
            "tls_server_config.client_allowed_sans: names no one",
        ),
        (
            &format!("tls_server_config: {{ {pair}, curve_preferences: X25519 }}"),
            "curve_preferences: is a single value where a list is expected",
        ),
        (
            &format!("tls_server_config: {{ {pair}, prefer_server_cipher_suites: 1 }}"),
            "prefer_server_cipher_suites: is neither true nor false",
        ),
        ("http_server_config: { headers: { Server: x } }", "http_server_config.headers.Server: this header cannot"),
        ("http_server_config: { headers: { X-Frame-Options: never } }", "must be deny or sameorigin"),
        ("http_server_config: { headers: { X-XSS-Protection: \"a\\nb\" } }", "characters that no header may have"),
        ("basic_auth_users:\n  alice: secret\n", "web.yml:2:10: basic_auth_users.alice: is not a bcrypt hash"),
        ("basic_auth_users: { alice: 12345 }", "basic_auth_users.alice: is not a bcrypt hash"),
        ("basic_auth_users: { alice: }", "basic_auth_users.alice: is nothing where"),
        (&format!("basic_auth_users: {{ ~: {HASH} }}"), "the name of a user is empty"),
        (&format!("basic_auth_users: {{ 'a:b': {HASH} }}"), "cannot hold a colon"),
        (
            &format!("basic_auth_users: {{ a: {} }}", HASH.replace("$04", "$31")),
            "basic_auth_users.a: the cost of the hash is not",
        ),
        ("rate_limit: { interval: 1x, burst: 1 }", "web.yml:1:25: rate_limit.interval: is not a duration"),
        ("rate_limit: { interval: 1s }", "rate_limit.burst: must be 1 or more"),
        ("rate_limit: { interval: 1s, burst: -1 }", "rate_limit.burst: is not an integer"),
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
    let twice = faults("basic_auth_users: { 'TOP SECRET': a, 'TOP SECRET': b }");
    assert!(twice.len() == 1 && !twice[0].contains("SECRET"), "{twice:?}");
}

#[test]
fn no_value_is_shown_wherever_it_stands() {
    const SECRET: &str = "TOPSECRET";
    let pair = "cert_file: server.crt, key_file: server.key";
    let mut shown = 0;
    for (section, keys) in [
        (
            "tls_server_config",
            &[
                "cert",
                "cert_file",
                "key",
                "key_file",
                "client_ca",
                "client_ca_file",
                "client_auth_type",
                "client_allowed_sans",
                "min_version",
                "max_version",
                "cipher_suites",
                "curve_preferences",
                "prefer_server_cipher_suites",
            ][..],
        ),
        ("http_server_config", &["http2", "headers"]),
        ("basic_auth_users", &["alice"]),
        ("rate_limit", &["interval", "burst"]),
    ] {
        for key in keys {
            for value in [
                "TOPSECRET",
                "[TOPSECRET]",
                "{ a: TOPSECRET }",
                "{ X-Frame-Options: TOPSECRET, X-XSS-Protection: \"TOPSECRET\\n\" }",
                "\"TOPSECRET\\nTOPSECRET\"",
                "\"TOPSECRET\\0\"",
                "!TOPSECRET x",
                "*TOPSECRET",
                "\"TOPSECRET",
                "TOPSECRET: x: y",
                "TOPSECRET $x",
            ] {
                for text in [
                    format!("{section}: {{ {key}: {value} }}"),
                    format!("{section}:\n  {key}: {value}\n"),
                    format!("tls_server_config: {{ {pair} }}\n{section}: {{ {key}: {value} }}"),
                    format!("{section}: {value}"),
                    format!("{section}:\n  {key}:\n  - {value}\n"),
                    format!("{section}:\n  {key}: |\n    {value}\n    {value}\n"),
                ] {
                    let found = faults(&text);
                    assert!(!found.iter().any(|fault| fault.contains(SECRET)), "{text}\n{found:?}");
                    shown += found.len();
                }
            }
        }
    }
    assert!(shown > 500, "{shown}");
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

/// What the toolkit's own examples hold, and its documentation.
#[test]
fn what_the_toolkit_takes_is_taken_with_a_warning_where_it_is_not_met() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let suites = "  cipher_suites:\n  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n  - TLS_AES_128_GCM_SHA256\n  - \
                  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA\n  - TLS_RSA_WITH_AES_256_GCM_SHA384\n";
    let curves = "  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519, X25519MLKEM768]\n";
    for (more, warnings) in [
        ("  client_auth_type: VerifyClientCertIfGiven\n", &["client_ca_file: is missing"][..]),
        ("  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: clients.crt\n", &[]),
        (suites, &["cipher_suites: 2 of 4 are not offered"]),
        (curves, &["curve_preferences: 1 of 5 are not offered"]),
        ("  min_version: TLS10\n  prefer_server_cipher_suites: y\n", &["min_version: TLS 1.0 and 1.1"]),
        ("  min_version: TLS11\n  max_version: TLS12\n", &["min_version: TLS 1.0 and 1.1"]),
        ("  cert: not used\n  prefer_server_cipher_suites: Off\n", &["cert: is not used"]),
        ("http_server_config: { http2: true }\n", &["http_server_config.http2: HTTP/2 is not served"]),
        ("http_server_config: { http2: on }\n", &["http_server_config.http2: HTTP/2 is not served"]),
        ("http_server_config: { http2: N, headers: { X-XSS-Protection: 0, X-Frame-Options: } }\n", &[]),
        ("rate_limit: { interval: 1000000000, burst: 2 }\n", &[]),
    ] {
        let web = Web::open(Some(&configured(&folder, &authority, more))).unwrap();
        let found = web.warnings();
        assert_eq!(found.len(), warnings.len(), "{more}: {found:?}");
        assert!(found.iter().zip(warnings).all(|(found, expected)| found.contains(expected)), "{more}: {found:?}");
        assert!(web.current().tls.is_some());
        assert_eq!(web.current().verifies_clients, more.contains("clients.crt"), "{more}");
    }
}

#[test]
fn a_file_that_is_missing_says_which() {
    let error = Web::open(Some(Path::new("/nowhere/web.yml"))).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/web.yml: cannot be read"), "{error}");
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

    // Certificate and key are replaced one after the other; in between they do not match.
    let other = authority.issue("other.example");
    folder.write("server.crt", &format!("{}\n", other.certificate));
    web.look();
    assert!(Arc::ptr_eq(&first, &web.current()), "they do not fit yet");
    folder.write("server.key", &format!("{}\n", other.key));
    web.look();
    let second = web.current();
    assert!(!Arc::ptr_eq(&first, &second));

    // A half-written file must not remove the authentication.
    for (text, what) in [("", "tls_server_config: TLS cannot"), (users.as_str(), "tls_server_config: TLS cannot")] {
        folder.write("web.yml", text);
        web.look();
        assert!(Arc::ptr_eq(&second, &web.current()));
        assert!(web.reload().unwrap_err().to_string().contains(what));
    }
    configured(&folder, &authority, "");
    assert!(web.reload().unwrap_err().to_string().contains("basic_auth_users: the last user"));
    assert!(!web.is_current());
    configured(&folder, &authority, &users);
    web.reload().unwrap();
    assert!(web.is_current());
    assert!(!Arc::ptr_eq(&second, &web.current()));
}

/// A full configuration truncated after each line, and after each byte of the lines that demand something.
#[test]
fn a_file_that_is_cut_anywhere_demands_no_less() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let demands = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n  client_allowed_sans: \
                   [prometheus]\n  min_version: TLS13\n";
    let full = format!("{demands}basic_auth_users:\n  alice: {HASH}\n  bob: {HASH}\n");
    let file = configured(&folder, &authority, &full);
    let text = std::fs::read_to_string(&file).unwrap();
    let web = Web::open(Some(&file)).unwrap();
    let mut taken = 0;
    for end in 0..text.len() {
        folder.write("web.yml", &text[..end]);
        let before = web.current();
        let result = web.reload();
        let now = web.current();
        assert!(now.tls.is_some() && now.verifies_clients && now.users.is_some(), "{}", &text[..end]);
        assert!(now.demands.less_than(&before.demands).is_empty(), "{}", &text[..end]);
        assert_eq!(result.is_ok(), !Arc::ptr_eq(&before, &now));
        assert_eq!(result.is_ok(), web.is_current());
        taken += usize::from(result.is_ok());
    }
    // Only those without bob, who is refused at once.
    assert!((1..10).contains(&taken), "{taken}");
}

#[test]
fn a_user_who_was_removed_is_out_and_one_who_was_added_is_in() {
    let folder = Folder::new();
    let [hash, other] = ["x", "y"].map(|password| bcrypt::hash_with_result(password, 4).unwrap().to_string());
    let file = folder.write("web.yml", &format!("basic_auth_users: {{ alice: {hash}, bob: {hash} }}"));
    let web = Web::open(Some(&file)).unwrap();
    let known = |user: &str| {
        let users = web.current().users.clone().unwrap();
        users.remembers(user, "x") || users.verify(user, "x")
    };
    assert_eq!(["alice", "bob", "carol"].map(known), [true, true, false]);
    folder.write("web.yml", &format!("basic_auth_users: {{ bob: {other}, carol: {hash} }}"));
    web.look();
    assert_eq!(["alice", "bob", "carol"].map(known), [false, false, true]);
}

#[test]
fn a_user_who_was_right_before_is_remembered_over_a_reload_unless_the_hash_changed() {
    let folder = Folder::new();
    let [hash, other] = ["x", "x"].map(|password| bcrypt::hash_with_result(password, 4).unwrap().to_string());
    let file = folder.write("web.yml", &format!("basic_auth_users: {{ alice: {hash}, bob: {hash}, carol: {hash} }}"));
    let web = Web::open(Some(&file)).unwrap();
    let users = || web.current().users.clone().unwrap();
    assert_eq!(["alice", "bob"].map(|user| users().verify(user, "x")), [true; 2]);
    assert_eq!(["alice", "bob", "carol"].map(|user| users().remembers(user, "x")), [true, true, false]);
    folder.write("web.yml", &format!("basic_auth_users: {{ alice: {hash}, bob: {other}, carol: {hash} }}\n"));
    web.look();
    assert_eq!(["alice", "bob", "carol"].map(|user| users().remembers(user, "x")), [true, false, false]);
    assert!(!users().remembers("alice", "y"));
    folder.write("web.yml", &format!("basic_auth_users: {{ bob: {other} }}"));
    web.look();
    folder.write("web.yml", &format!("basic_auth_users: {{ alice: {hash}, bob: {other} }}"));
    web.look();
    assert!(!users().remembers("alice", "x"), "who was removed in between is forgotten");
}

#[test]
fn a_cost_for_which_nothing_is_promised_is_known() {
    let folder = Folder::new();
    let over = |cost: &str| {
        let file = folder.write("web.yml", &format!("basic_auth_users: {{ a: {} }}", HASH.replace("$04", cost)));
        Web::open(Some(&file)).unwrap().current().users.clone().unwrap().over_cost()
    };
    assert_eq!([over("$04"), over("$12"), over("$13"), over("$18")], [None, None, Some(13), Some(18)]);
}

/// Each level repeats the one below nine times, which would expand to gigabytes.
#[test]
fn a_few_lines_cannot_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..8 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{below}]\n");
    }
    let found = faults(&text);
    assert!(found[0].contains("web.yml:2:10: a1[0]: a YAML alias; hint: write the value out"), "{found:?}");
    let many = faults(&format!("a: &a x\nb: [{}]", "*a ,".repeat(50_000)));
    assert_eq!(many.len(), 101, "{:?}", many.last());
}

#[test]
fn what_was_read_and_not_put_in_force_is_read_again() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let file = configured(&folder, &authority, "");
    let web = Web::open(Some(&file)).unwrap();
    folder.write("web.yml", &format!("{}\n", std::fs::read_to_string(&file).unwrap()));
    let before = web.current();
    drop(web.prepare().unwrap());
    web.look();
    assert!(!Arc::ptr_eq(&before, &web.current()));
}
