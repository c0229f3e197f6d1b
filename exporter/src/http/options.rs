//! The options that the command line sets, and the limits that have no flag.

use super::client::TrustedClients;
use hyper::Uri;
use std::time::Duration;

/// How the server behaves for the lifetime of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The path before every route, without a slash at its end; empty for none. Follows `--web.route-prefix`.
    pub route_prefix: String,
    /// The path of the first page as a browser sees it, for redirects. Links within pages are relative and need none.
    /// Follows `--web.external-url`.
    pub base: String,
    /// `--web.enable-lifecycle`: whether `POST /-/reload` is served.
    pub lifecycle: bool,
    /// `--web.enable-probe`: whether `/probe` answers on addresses that are not loopback to anyone.
    pub probe: bool,
    /// `--web.trusted-clients`: the clients that have places of their own.
    pub trusted: TrustedClients,
    /// Connections at once; trusted clients have as many more. A scrape needs one; the others leave room for clients
    /// that misbehave.
    pub connections: usize,
    /// Connections at once of one client, so that no client can take all of them.
    pub connections_per_client: usize,
    /// For a TLS handshake, and for the head and the body of a request from its first byte (from the start of the
    /// connection for the first request). Ends a client that sends its request too slowly.
    pub request_timeout: Duration,
    /// Between two requests of a connection. Longer than the usual scrape intervals, so that Prometheus keeps its
    /// connection.
    pub idle_timeout: Duration,
    /// For a client to take a complete response. Ends a client that does not read.
    pub answer_timeout: Duration,
    /// For requests that are in flight when the server is asked to stop.
    pub drain_timeout: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Header lines of a request.
    pub headers: usize,
    /// Bytes of a request's body. Nothing here reads one; a small one is tolerated.
    pub body_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            route_prefix: String::new(),
            base: String::new(),
            lifecycle: false,
            probe: false,
            trusted: TrustedClients::default(),
            connections: 512,
            connections_per_client: 128,
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(150),
            answer_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            head_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 4096,
        }
    }
}

impl Options {
    /// Parses `--web.external-url` and `--web.route-prefix` as Prometheus does: the prefix of the routes is the path of
    /// the external URL unless it is given separately, for a proxy that strips it.
    ///
    /// # Errors
    /// What is wrong with either, and what it should look like.
    pub fn under(external_url: Option<&str>, route_prefix: Option<&str>) -> Result<Options, String> {
        let base = external_url.map(url_path).transpose()?;
        let route_prefix = match route_prefix {
            Some(prefix) => Some(plain_path("--web.route-prefix", prefix)?),
            None => base.clone(),
        };
        let route_prefix = route_prefix.unwrap_or_default();
        Ok(Options { base: base.unwrap_or_else(|| route_prefix.clone()), route_prefix, ..Options::default() })
    }

    /// With no more connections than leave half of the process's descriptors to what it does itself: clients and trusted
    /// clients can take a quarter each. `None`: it has no limit.
    pub(crate) fn within(self, descriptors: Option<u64>) -> Options {
        let quarter = descriptors.and_then(|most| usize::try_from(most / 4).ok()).unwrap_or(usize::MAX);
        let connections = self.connections.min(quarter);
        let connections_per_client = self.connections_per_client.min((connections / 4).max(1));
        Options { connections, connections_per_client, ..self }
    }
}

fn url_path(url: &str) -> Result<String, String> {
    let hint = "hint: write it as https://host.example/path";
    let uri: Uri = url.parse().map_err(|error| format!("--web.external-url {url:?}: {error}; {hint}"))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.query().is_none() => plain_path("--web.external-url", uri.path()),
        Some("http" | "https") => Err(format!("--web.external-url {url:?}: it must not have a query; {hint}")),
        _ => Err(format!("--web.external-url {url:?}: it must begin with http:// or https://; {hint}")),
    }
}

/// A path with one slash before it and none after it. Characters that need escaping are refused, because the path is
/// used in headers and links.
fn plain_path(flag: &str, path: &str) -> Result<String, String> {
    let trimmed = path.trim_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if !trimmed.chars().all(plain)
        || trimmed.contains("//")
        || trimmed.split('/').any(|part| matches!(part, "." | ".."))
    {
        return Err(format!(
            "{flag}: the path {path:?} may hold letters, digits, '-', '.', '_', '~' and single slashes, and no part of it may \
             be . or .."
        ));
    }
    Ok(if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_prefix_follows_the_external_url_unless_given() {
        let paths =
            |url, prefix| Options::under(url, prefix).map(|options| (options.base, options.route_prefix)).unwrap();
        let pair = |base: &str, prefix: &str| (base.to_owned(), prefix.to_owned());
        assert_eq!(paths(None, None), pair("", ""));
        assert_eq!(paths(Some("https://mon.example/msx/"), None), pair("/msx", "/msx"));
        assert_eq!(paths(Some("https://mon.example/msx"), Some("/")), pair("/msx", ""));
        assert_eq!(paths(None, Some("a/b/")), pair("/a/b", "/a/b"));
    }

    #[test]
    fn clients_leave_half_of_the_descriptors() {
        for (descriptors, expected) in [
            (None, (512, 128)),
            (Some(4_096), (512, 128)),
            (Some(1_024), (256, 64)),
            (Some(64), (16, 4)),
            (Some(8), (2, 1)),
        ] {
            let options = Options::default().within(descriptors);
            assert_eq!((options.connections, options.connections_per_client), expected, "{descriptors:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_path_is_refused() {
        for (url, prefix) in [
            (Some("mon.example/msx"), None),
            (Some("ftp://mon.example"), None),
            (Some("https://mon.example/?a=b"), None),
            (Some("https://mon example/"), None),
            (None, Some("/a\r\nb")),
            (None, Some("/a//b")),
            (None, Some("/../b")),
            (None, Some("/a/./b")),
            (None, Some(".")),
            (None, Some("/\"><script>")),
        ] {
            assert!(Options::under(url, prefix).is_err(), "{url:?} {prefix:?}");
        }
    }
}
