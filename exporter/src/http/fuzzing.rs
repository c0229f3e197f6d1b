//! What reads requests and the web configuration, for the fuzz targets in `tests/fuzz`. No public interface: it exists
//! with the feature `fuzzing` alone, and changes with the decoders.

use super::{auth, deadline, router, web};
use crate::exposition::{accepts_gzip, negotiate};
use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue};
use std::time::Duration;

/// A web configuration.
pub fn web_configuration(bytes: &[u8]) {
    web::read_any(bytes);
}

/// The query of a request in the first line, its headers in the others.
pub fn request(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let headers: HeaderMap = lines.filter_map(header).collect();
    router::read_any(query);
    auth::read_any(&headers);
    // Longer is no time to wait for.
    assert!(deadline::wait(&headers, Duration::from_secs(8)) <= Duration::from_secs(3600));
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    negotiate(text(ACCEPT));
    accepts_gzip(text(ACCEPT_ENCODING));
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Bytes, and pieces that are nearly right.
    fn pieces(right: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let right = proptest::sample::select(right).prop_map(|piece| piece.as_bytes().to_vec());
        vec(prop_oneof![right, vec(any::<u8>(), 0..40)], 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_request_is_read_without_a_panic(bytes in pieces(&[
            "name=%zz&port=99999&per=target", "\n", "Authorization: Basic ", "YWxpY2U6c2VjcmV0", "====", "Accept: ", "text/plain;q=9e999", ",;;=",
            "Accept-Encoding: gzip;q=", "X-Prometheus-Scrape-Timeout-Seconds: ", "-nan", "1e999",
        ])) {
            request(&bytes);
        }

        #[test]
        fn any_web_configuration_is_read_without_a_panic(bytes in pieces(&[
            "tls_server_config:\n", "  cert_file: x\n", "  min_version: TLS99\n", "basic_auth_users:\n", "  a: $2y$99$\n", "rate_limit: { interval: ",
            "99999999999999999999h", "http_server_config:\n  headers:\n", "    X-Frame-Options: 1\n", "\t", "&a", "*a", "[", "}",
        ])) {
            web_configuration(&bytes);
        }
    }
}
