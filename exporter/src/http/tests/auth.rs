use super::super::{Options, Web};
use super::client::{Client, Reply, connect, connect_from};
use super::server::{DETAIL, Server, Stub};
use super::tls::Folder;
use crate::exposition::ProbeCounts;
use crate::model::{ProbeFailure, Refusal};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpStream;

/// A bcrypt hash of the lowest cost, under the prefix that htpasswd writes.
fn hash(password: &str) -> String {
    bcrypt::hash_with_result(password, 4).unwrap().format_for_version(bcrypt::Version::TwoY)
}

fn guarded(folder: &Folder) -> Server {
    let (right, other) = (hash("right: one"), hash("another"));
    let file = folder.write(
        "web.yml",
        &format!(
            "basic_auth_users:\n  prometheus: {right}\n  bob: {other}\nhttp_server_config:\n  http2: false\n  headers:\n    \
             X-Frame-Options: sameorigin\n    Strict-Transport-Security: max-age=60\n    X-XSS-Protection: ''\n"
        ),
    );
    Server::with(Stub::new(), Options::default(), Web::open(Some(&file)).unwrap())
}

async fn with(client: &mut Client<TcpStream>, user: &str, password: &str) -> Reply {
    let coded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    client.ask("GET", "/", &format!("Authorization: Basic {coded}\r\n")).await
}

#[tokio::test]
async fn only_who_proves_it_comes_in() {
    let folder = Folder::new();
    let server = guarded(&folder);
    let mut client = connect(server.address).await;
    for _ in 0..2 {
        assert_eq!(with(&mut client, "prometheus", "right: one").await.status, 200);
        assert_eq!(with(&mut client, "bob", "another").await.status, 200);
        for (user, password) in [
            ("prometheus", "wrong"),
            ("prometheus", ""),
            ("prometheus", "another"),
            // The password of the decoy hash must not authenticate a user.
            ("nobody", "right: one"),
            ("nobody", "another"),
            ("", ""),
        ] {
            let reply = with(&mut client, user, password).await;
            assert_eq!(reply.status, 401, "{user} {password}");
            assert!(reply.header("www-authenticate").unwrap().starts_with("Basic realm="));
        }
    }
    for header in ["", "Authorization: Bearer x\r\n", "Authorization: Basic\r\n", "Authorization: Basic ==\r\n"] {
        for path in ["/metrics", "/-/healthy", "/nothing"] {
            assert_eq!(client.ask("GET", path, header).await.status, 401, "{path} {header}");
        }
    }
    assert_eq!(server.site.waits.lock().unwrap().len(), 4, "no one else reached the site");
}

#[tokio::test]
async fn who_proved_it_sees_the_details() {
    let folder = Folder::new();
    let server = guarded(&folder);
    let reply = with(&mut connect(server.address).await, "prometheus", "right: one").await;
    assert!(reply.text().contains(DETAIL));
}

#[tokio::test]
async fn the_configured_headers_are_on_every_answer() {
    let folder = Folder::new();
    let server = guarded(&folder);
    let mut client = connect(server.address).await;
    for reply in [client.ask("GET", "/", "").await, with(&mut client, "prometheus", "right: one").await] {
        assert_eq!(reply.header("x-frame-options"), Some("sameorigin"));
        assert_eq!(reply.header("strict-transport-security"), Some("max-age=60"));
        assert_eq!(reply.header("x-xss-protection"), None);
    }
}

#[tokio::test]
async fn one_client_cannot_keep_the_verifier_busy() {
    let folder = Folder::new();
    let server = guarded(&folder);
    // All at once from one address: some are verified, some get 503, none is authenticated.
    let guesses = (0..64).map(|guess| {
        let address = server.address;
        async move { with(&mut connect(address).await, "prometheus", &format!("guess {guess}")).await.status }
    });
    for status in futures_util::future::join_all(guesses).await {
        assert!(matches!(status, 401 | 503), "{status}");
    }
    assert_eq!(with(&mut connect(server.address).await, "prometheus", "right: one").await.status, 200);
}

#[tokio::test]
async fn guesses_from_thirty_addresses_cost_a_right_user_no_request() {
    let folder = Folder::new();
    // Expensive enough that all of them wait.
    let hash = bcrypt::hash_with_result("right: one", 8).unwrap().to_string();
    let file = folder.write("web.yml", &format!("basic_auth_users:\n  prometheus: {hash}\n"));
    let server = Server::with(Stub::new(), Options::default(), Web::open(Some(&file)).unwrap());
    let (address, over) = (server.address, std::sync::Arc::new(AtomicBool::new(false)));
    let guessers: Vec<_> = (0..60)
        .map(|index| {
            let over = over.clone();
            tokio::spawn(async move {
                let mut client = connect_from(&format!("127.0.1.{}", index % 30 + 1), address).await;
                let mut guesses = 0;
                while !over.load(Ordering::Relaxed) {
                    with(&mut client, "prometheus", &format!("guess {index} {guesses}")).await;
                    guesses += 1;
                }
                guesses
            })
        })
        .collect();
    let failed = || server.web.refusal_counts().unwrap_or_default()[Refusal::Password];
    super::soon("the guesses", async {
        while failed() < 30 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let before = failed();
    let reply = with(&mut connect_from("127.0.0.9", address).await, "prometheus", "right: one").await;
    let meanwhile = failed() - before;
    over.store(true, Ordering::Relaxed);
    assert_eq!(reply.status, 200);
    // Each of the 30 other clients had at most one turn before this one, and a few came before it waited. In order of
    // arrival nearly all 60 requests would have come first.
    assert!(meanwhile <= 45, "{meanwhile}");
    for guesser in guessers {
        assert!(guesser.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn failed_logins_are_counted_and_missing_ones_are_not() {
    let folder = Folder::new();
    let server = guarded(&folder);
    let mut client = connect(server.address).await;
    assert_eq!(client.ask("GET", "/", "").await.status, 401);
    assert_eq!(with(&mut client, "prometheus", "right: one").await.status, 200);
    assert_eq!(with(&mut client, "prometheus", "wrong").await.status, 401);
    assert_eq!(with(&mut client, "unknown", "wrong").await.status, 401);
    assert_eq!(server.web.refusal_counts().unwrap()[Refusal::Password], 2);
    assert_eq!(server.web.probe_counts().unwrap(), ProbeCounts::default(), "these were no probes");
    assert_eq!(client.ask("GET", "/probe?target=SQL01", "").await.status, 401);
    let counts = server.web.probe_counts().unwrap();
    assert_eq!((counts.asked, counts.failed[ProbeFailure::Credentials]), (1, 1));
}

#[tokio::test]
async fn the_rate_limit_holds() {
    let folder = Folder::new();
    let file = folder.write("web.yml", "rate_limit:\n  interval: 1h\n  burst: 2\n");
    let server = Server::with(Stub::new(), Options::default(), Web::open(Some(&file)).unwrap());
    let mut client = connect(server.address).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.ask("GET", "/-/ready", "").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
}
