use super::super::{Options, ReloadError, Web};
use super::client::{connect, get};
use super::server::{DETAIL, Server, Stub, fleet};
use super::tls::Folder;
use crate::config::{ConfigError, ConfigErrors};
use crate::model::ProbeFailure;
use crate::probe::{Probe, Visited};
use jiff::Timestamp;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

#[tokio::test]
async fn every_route_answers_with_its_type_and_its_length() {
    let server = Server::plain();
    for (path, status, content_type) in [
        ("/", 200, HTML),
        ("/target?name=SQL+01%5cPAYROLL", 200, HTML),
        ("/target?name=sql+01%5cpayroll+", 200, HTML),
        ("/target?name=NOBODY", 404, HTML),
        ("/target", 400, HTML),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("/api/v1/targets", 200, "application/json"),
        ("/api/v1/targets?name=sql+01%5cpayroll", 200, "application/json"),
        ("/api/v1/targets?name=%E4", 400, TEXT),
        ("/api/v1/targets?name=NOBODY", 404, TEXT),
        ("/api/v1/targets?target=SQL01", 400, TEXT),
        ("/?state=not_enlisted&q=pay&jobs=&sort=name&by=cause", 200, HTML),
        ("/?state=fine", 400, HTML),
        ("/?q=%E4", 400, HTML),
        ("/?page=2", 404, HTML),
        ("/history?kind=left&state=ok&q=x&since=2026-11-22T12:00&until=2026-11-23", 200, HTML),
        ("/history?kind=gone", 400, HTML),
        ("/history?jobs=failing", 400, HTML),
        ("/history?page=2", 404, HTML),
        ("/api/v1/history?kind=left&group=", 200, "application/json"),
        ("/api/v1/history?since=now", 400, TEXT),
        ("/jobs?page=&", 200, HTML),
        ("/jobs?page=9", 400, HTML),
        ("/target?name=SQL01&x=1", 400, HTML),
        ("/doctor?form=csv", 400, HTML),
        ("/doctor?format=pdf", 400, HTML),
        ("/api/v1/jobs?name=x", 400, TEXT),
        ("/api/v1/doctor?format=csv", 400, TEXT),
        ("/sd?port=9182", 200, "application/json"),
        ("/sd", 400, TEXT),
        ("/sd?port=0", 400, TEXT),
        ("/sd?port=65536", 400, TEXT),
        ("/sd?port=+1", 400, TEXT),
        ("/sd?per=target", 200, "application/json"),
        ("/sd?per=instance", 400, TEXT),
        ("/probe", 400, TEXT),
        ("/probe?target=SQL01", 503, TEXT),
        ("/-/healthy", 200, TEXT),
        ("/-/ready", 200, TEXT),
        ("/nothing", 404, TEXT),
        ("/metrics/", 404, TEXT),
        ("//metrics", 404, TEXT),
    ] {
        let reply = get(server.address, path).await;
        assert_eq!((reply.status, reply.header("content-type")), (status, Some(content_type)), "{path}");
        assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = reply.header("content-security-policy");
        assert_eq!(policy.is_some(), content_type == HTML, "{path}");
        assert!(policy.is_none_or(|policy| policy.contains("default-src 'none'") && !policy.contains("unsafe")));
        assert_eq!(reply.header("x-frame-options").is_some(), content_type == HTML, "{path}");
        assert_eq!(reply.header("referrer-policy").is_some(), content_type == HTML, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_page_for_a_browser_and_a_text_for_a_program() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    let deep = "/x".repeat(40);
    for (path, accept, content_type, root) in [
        ("/nothing", "text/html,application/xhtml+xml,*/*;q=0.8", HTML, ""),
        ("/a/b/c", "application/xml, TEXT/HTML;q=0.9", HTML, "../../"),
        ("/metrics/", "text/html", HTML, "../"),
        ("/nothing", "*/*", TEXT, ""),
        ("/api/v1/nothing", "text/html", TEXT, ""),
        (&deep, "text/html", TEXT, ""),
    ] {
        let reply = client.ask("GET", path, &format!("Accept: {accept}\r\n")).await;
        assert_eq!((reply.status, reply.header("content-type")), (404, Some(content_type)), "{path}");
        let text = reply.text();
        for link in ["jobs\"", "static/style.css?", "metrics\""] {
            assert_eq!(text.contains(&format!("\"{root}{link}")), content_type == HTML, "{path}: {link} in {text}");
        }
    }
}

#[tokio::test]
async fn no_query_breaks_a_page_or_gets_into_it() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    let (long, zeros) = ("x".repeat(10_000), "%00".repeat(3_000));
    let texts = [
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "%22%3E%3Cimg+src%3Dx%3E",
        "%00%0D%0ASet-Cookie:%20a=b",
        "%E2%80%AE'--",
    ];
    let broken = ["%", "%4", "%zz", "%C0%AF", "%ED%A0%80", &long, &zeros];
    for (path, free, closed) in [
        ("/history", &["name", "group", "q"][..], &["state", "kind", "since", "until", "page", "x"][..]),
        ("/", &["name", "group", "q"], &["state", "jobs", "sort", "by", "page", "x"]),
    ] {
        for path in [path, if path == "/" { "/api/v1/targets" } else { "/api/v1/history" }] {
            let (free, closed) = (free.iter().map(|name| (name, true)), closed.iter().map(|name| (name, false)));
            for (name, is_free) in free.chain(closed) {
                let queries = texts.iter().map(|value| (format!("{name}={value}"), is_free));
                let refused = broken.iter().flat_map(|value| [format!("{name}={value}"), format!("{value}={name}")]);
                let twice = format!("{name}=ok&{name}=ok");
                for (query, is_fine) in queries.chain(refused.chain([twice]).map(|query| (query, false))) {
                    let reply = client.ask("GET", &format!("{path}?{query}"), "").await;
                    let expected = match (is_fine, *name, path) {
                        (false, ..) => 400,
                        (true, "name", "/api/v1/targets") => 404,
                        (true, ..) => 200,
                    };
                    let shown = &query[..query.len().min(40)];
                    assert_eq!(reply.status, expected, "{path}?{shown}");
                    assert_eq!(reply.header("set-cookie"), None, "{path}?{shown}");
                    let (is_page, text) = (reply.header("content-type") == Some(HTML), reply.text());
                    assert!(text.len() < 20_000, "{path}?{shown}: {} bytes", text.len());
                    assert!(
                        !is_page || !(text.contains("<script>") || text.contains("<img")),
                        "{path}?{shown}: {text}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn what_pages_refer_to_is_kept_under_its_tag_and_asked_for_again_without() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    let page = client.ask("GET", "/", "").await.text();
    let links: Vec<&str> = page.split('"').filter(|text| text.starts_with("static/")).collect();
    assert_eq!(links.len(), 3, "{page}");
    for link in links {
        let (path, _) = link.split_once('?').unwrap();
        let kept = client.ask("GET", &format!("/{link}"), "").await;
        assert_eq!((kept.status, kept.header("cache-control")), (200, Some("max-age=31536000, immutable")), "{link}");
        let other = client.ask("GET", &format!("/{path}?v=0"), "").await;
        assert_eq!((other.status, other.header("cache-control")), (200, Some("no-store")), "{path}");
        let again = client
            .ask("GET", &format!("/{path}"), &format!("If-None-Match: \"x\", {}\r\n", kept.header("etag").unwrap()))
            .await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    let page = client.ask("GET", "/", "").await;
    let known = format!("If-None-Match: {}\r\n", page.header("etag").unwrap());
    let again = client.ask("GET", "/", &known).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, page.header("etag")));
    assert_eq!(client.ask("GET", "/target?name=NOBODY", &known).await.status, 404);
    client.ask("GET", "/metrics", &known).await;
    client.ask("GET", "/api/v1/targets", "").await;
    let ages: Vec<u64> = server.site.ages.lock().unwrap().iter().map(Duration::as_secs).collect();
    assert_eq!(ages, [15, 15, 15, 0, 15], "only a scrape has a reading of its own");
}

#[tokio::test]
async fn who_asks_for_one_target_requests_a_look_for_it() {
    let server = Server::plain();
    for path in ["/", "/metrics", "/api/v1/targets", "/target", "/target?name=A", "/api/v1/targets?name=B"] {
        get(server.address, path).await;
    }
    assert_eq!(*server.site.looks.lock().unwrap(), ["A", "B"]);
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    for path in [
        "/",
        "/target?name=SQL%2001%5CPAYROLL",
        "/metrics",
        "/api/v1/targets",
        "/-/healthy",
        "/-/ready",
        "/nothing",
        "/-/reload",
    ] {
        for headers in ["", "Accept-Encoding: gzip\r\n"] {
            let mut get = client.ask("GET", path, headers).await;
            let mut head = client.ask("HEAD", path, headers).await;
            get.body.clear();
            // The clock may advance by a second between the two.
            for reply in [&mut get, &mut head] {
                reply.headers.retain(|(name, _)| name != "date");
            }
            assert_eq!(get, head, "{path} {headers}");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_learns_the_right_ones() {
    let server = Server::plain();
    for (method, path, allow) in [
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("OPTIONS", "/-/healthy", "GET, HEAD"),
        ("GET", "/-/reload", "POST"),
        ("PUT", "/-/reload", "POST"),
    ] {
        let reply = connect(server.address).await.ask(method, path, "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_negotiated_is_said() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    let accept = "Accept: application/openmetrics-text;version=1.0.0\r\nAccept: text/plain;q=0.5\r\n";
    let reply = client.ask("GET", "/metrics", accept).await;
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert_eq!(reply.header("vary"), Some("Accept, Accept-Encoding"));
    assert!(reply.text().ends_with("# EOF\n"));

    let plain = client.ask("GET", "/metrics", "").await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("Accept, Accept-Encoding"));
    let zipped = client.ask("GET", "/metrics", "Accept-Encoding: deflate, gzip;q=0.5\r\n").await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.len() < plain.body.len());
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(zipped.body.as_slice()).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
    assert_eq!(client.ask("GET", "/", "").await.header("vary"), Some("Accept-Encoding"));
}

#[tokio::test]
async fn a_scrape_waits_as_long_as_prometheus_does() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    client.ask("GET", "/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 4.000000\r\n").await;
    client.ask("GET", "/metrics", "X-Prometheus-Scrape-Timeout-Seconds: NaN\r\n").await;
    client.ask("GET", "/", "").await;
    let waits = server.site.waits.lock().unwrap().clone();
    assert_eq!(waits, [3500, 8500, 8500].map(Duration::from_millis));
}

#[tokio::test]
async fn details_are_shown_where_the_configuration_says_so() {
    let server = Server::plain();
    for path in ["/", "/api/v1/targets"] {
        assert!(!get(server.address, path).await.text().contains(DETAIL), "{path}");
    }
    server.site.settings.lock().unwrap().explain_details = true;
    for path in ["/", "/api/v1/targets"] {
        assert!(get(server.address, path).await.text().contains(DETAIL), "{path}");
    }
}

#[tokio::test]
async fn no_target_is_known_while_the_master_is_not_read() {
    let unread = Arc::new(crate::diagnosis::MasterFleet { master: None, ..fleet(1) }.into());
    let server = Server::with(Stub { fleet: unread, ..Stub::new() }, Options::default(), Web::open(None).unwrap());
    let reply = get(server.address, "/target?name=SQL+01%5CPAYROLL").await;
    assert_eq!((reply.status, reply.header("retry-after"), reply.header("content-type")), (503, Some("1"), Some(HTML)));
    assert_eq!(get(server.address, "/metrics").await.status, 200);
    for path in ["/sd?port=9182", "/sd?per=target"] {
        assert_eq!(get(server.address, path).await.status, 503, "{path}: never an empty list");
    }
}

#[tokio::test]
async fn a_probe_is_an_exposition_or_a_trace_and_waits_as_long_as_prometheus_does() {
    let server = Server::plain();
    let mut client = connect(server.address).await;
    for (outcome, status) in
        [(ProbeFailure::NotListed, 403), (ProbeFailure::NoRoster, 503), (ProbeFailure::NoTime, 503)]
    {
        *server.site.probe.lock().unwrap() = Err(outcome);
        assert_eq!(client.ask("GET", "/probe?target=SQL01", "").await.status, status, "{outcome:?}");
    }
    let visited = Visited { findings: Vec::new(), addresses: Vec::new(), steps: Vec::new() };
    let probe = Probe { target: "SQL01".to_owned(), began: Timestamp::UNIX_EPOCH, took: Duration::ZERO, visited };
    *server.site.probe.lock().unwrap() = Ok(Arc::new(probe));
    server.site.waits.lock().unwrap().clear();
    let openmetrics = "Accept: application/openmetrics-text\r\nX-Prometheus-Scrape-Timeout-Seconds: 4\r\n";
    let reply = client.ask("GET", "/probe?target=SQL01", openmetrics).await;
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert_eq!((reply.status, reply.text().as_str()), (200, "# EOF\n"));
    let trace = client.ask("GET", "/probe?target=SQL01&debug=true", openmetrics).await;
    assert_eq!(trace.header("content-type"), Some(TEXT));
    assert!(trace.text().starts_with("Probe of SQL01, begun 1970-01-01"), "{}", trace.text());
    assert_eq!(*server.site.waits.lock().unwrap(), [Duration::from_millis(3500); 2]);
    assert_eq!(client.ask("GET", "/probe", "").await.status, 400);
    let counts = server.web.probe_counts().unwrap();
    let failed = [ProbeFailure::NotListed, ProbeFailure::NoRoster, ProbeFailure::NoTime, ProbeFailure::NoTarget];
    assert_eq!((counts.asked, failed.map(|why| counts.failed[why])), (6, [1; 4]));
}

#[tokio::test]
async fn probing_from_elsewhere_needs_its_flag() {
    let allowed = Options { probe: true, ..Options::default() };
    for (options, status) in [(Options::default(), 403), (allowed, 503)] {
        // Without an address that is not loopback, the machine has no other origin to test.
        let Some(own) = own_address() else { return };
        let server = Server::at(SocketAddr::new(own, 0), Stub::new(), options, Web::open(None).unwrap());
        let reply = get(server.address, "/probe?target=SQL01").await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.text().contains("--web.enable-probe"), status == 403);
        assert_eq!(server.web.probe_counts().unwrap().failed[ProbeFailure::Forbidden], u64::from(status == 403));
    }
}

/// An address of this machine that is not loopback. A connected UDP socket sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|own| own.ip()).filter(|own| !own.is_loopback())
}

#[tokio::test]
async fn everything_stands_under_the_prefix() {
    let options = Options::under(Some("https://mon.example/ext"), Some("/msx")).unwrap();
    let server = Server::with(Stub::new(), options, Web::open(None).unwrap());
    for (path, status) in [
        ("/msx/metrics", 200),
        ("/msx/-/healthy", 200),
        ("/msx/", 200),
        ("/metrics", 404),
        ("/msxx/", 404),
        ("/ext/", 404),
    ] {
        assert_eq!(get(server.address, path).await.status, status, "{path}");
    }
    for path in ["/", "/msx"] {
        let reply = get(server.address, path).await;
        assert_eq!((reply.status, reply.header("location")), (302, Some("/ext/")), "{path}");
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let server = Server::plain();
    for (head, status) in [
        ("HTTP/1.1\r\n", 400),
        ("HTTP/1.1\r\nHost: x\r\nHost: x\r\n", 400),
        ("HTTP/1.0\r\nHost: x\r\nHost: y\r\n", 400),
        ("HTTP/1.1\r\nHost: x\r\n", 200),
        ("HTTP/1.0\r\n", 200),
    ] {
        let mut client = connect(server.address).await;
        client.send(&format!("GET /-/healthy {head}\r\n")).await;
        assert_eq!(client.reply(false).await.unwrap().status, status, "{head}");
    }
}

#[tokio::test]
async fn reloading_needs_its_flag() {
    let server = Server::plain();
    let reply = connect(server.address).await.ask("POST", "/-/reload", "Content-Length: 0\r\n").await;
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("--web.enable-lifecycle"));

    let options = Options { lifecycle: true, ..Options::default() };
    let server = Server::with(Stub::new(), options, Web::open(None).unwrap());
    let mut client = connect(server.address).await;
    assert_eq!(client.ask("POST", "/-/reload", "Content-Length: 0\r\n").await.status, 200);
    for error in [wrong(), ReloadError::Reading("SECRET".to_owned())] {
        server.site.reloads.lock().unwrap().push(Err(error));
        let reply = client.ask("POST", "/-/reload", "").await;
        assert_eq!(reply.status, 500);
        let text = reply.text();
        assert!(text.contains("stays in force") && !text.contains("c.yml") && !text.contains("SECRET"), "{text}");
    }
    for header in
        ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"]
    {
        assert_eq!(client.ask("POST", "/-/reload", &format!("{header}\r\n")).await.status, 403, "{header}");
    }
    for header in ["Origin: https://x", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"] {
        assert_eq!(client.ask("POST", "/-/reload", &format!("{header}\r\n")).await.status, 200, "{header}");
    }
    server.site.reloads.lock().unwrap().push(Err(ReloadError::UnderWay));
    let reply = client.ask("POST", "/-/reload", "").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
}

fn wrong() -> ReloadError {
    ReloadError::Faults(ConfigErrors(vec![ConfigError::new(
        Some("c.yml:7:3"),
        "ports.interval",
        "SECRET is not a duration",
    )]))
}

#[tokio::test]
async fn who_proved_it_learns_where_the_faults_are_and_never_what_is_written_there() {
    let folder = Folder::new();
    let hash = bcrypt::hash_with_result("x", 4).unwrap();
    let file = folder.write("web.yml", &format!("basic_auth_users: {{ prometheus: {hash} }}"));
    let options = Options { lifecycle: true, ..Options::default() };
    let server = Server::with(Stub::new(), options, Web::open(Some(&file)).unwrap());
    server.site.reloads.lock().unwrap().push(Err(wrong()));
    // prometheus:x
    let login = "Authorization: Basic cHJvbWV0aGV1czp4\r\n";
    let text = connect(server.address).await.ask("POST", "/-/reload", login).await.text();
    assert!(text.contains("\nc.yml:7:3: ports.interval\n") && !text.contains("SECRET"), "{text}");
}
