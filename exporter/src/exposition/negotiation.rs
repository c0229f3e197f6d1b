//! Which format and which coding a client gets (RFC 9110, section 12.5).

use super::Format;

/// The best format that an `Accept` header allows. Text 0.0.4 unless OpenMetrics is named and liked no less:
/// curl, textfile readers and old agents read nothing else.
pub fn negotiate(accept: Option<&str>) -> Format {
    let mut openmetrics = 0;
    let mut text = Specific::default();
    for range in accept.unwrap_or_default().split(',') {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut version, mut weight) = (None, 1000);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => weight = thousandths(value).unwrap_or(0),
                "version" => version = Some(value.trim().trim_matches('"')),
                // charset= and escaping= change nothing: our names are the same under every escaping scheme.
                _ => {}
            }
        }
        match (kind.as_str(), version) {
            // The draft 0.0.1 is what Prometheus called the same text before OpenMetrics 1.0.0; we do not write it.
            ("application/openmetrics-text", None | Some("1.0.0")) => openmetrics = openmetrics.max(weight),
            ("text/plain", None | Some("0.0.4")) => text.exact = text.exact.max(Some(weight)),
            ("text/*", None) => text.kind = text.kind.max(Some(weight)),
            ("*/*", None) => text.any = text.any.max(Some(weight)),
            _ => {}
        }
    }
    if openmetrics > 0 && openmetrics >= text.weight() { Format::OpenMetrics100 } else { Format::Text004 }
}

/// Weights of the ranges that text 0.0.4 fits into: the most specific one counts.
#[derive(Default)]
struct Specific {
    exact: Option<u16>,
    kind: Option<u16>,
    any: Option<u16>,
}

impl Specific {
    fn weight(&self) -> u16 {
        self.exact.or(self.kind).or(self.any).unwrap_or(0)
    }
}

/// Whether an `Accept-Encoding` header allows gzip: named (or meant by `*`), and not with weight 0.
pub fn accepts_gzip(accept_encoding: Option<&str>) -> bool {
    let (mut gzip, mut any) = (None, None);
    for coding in accept_encoding.unwrap_or_default().split(',') {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1000, |(_, value)| thousandths(value).unwrap_or(0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            gzip = gzip.max(Some(weight));
        } else if name == "*" {
            any = Some(weight);
        }
    }
    gzip.or(any).is_some_and(|weight| weight > 0)
}

/// A `qvalue` of RFC 9110, section 12.4.2, in thousandths. `None` where it is none.
fn thousandths(value: &str) -> Option<u16> {
    let value = value.trim();
    let (integral, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match integral {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, accepts_gzip, negotiate};

    /// What Prometheus 2.42 sends.
    const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    /// What Prometheus 3 sends.
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    /// What Prometheus 3 sends with `scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]`.
    const TEXT_ONLY: &str =
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4";

    #[test]
    fn each_client_gets_what_it_reads() {
        for (accept, format) in [
            (None, Format::Text004),
            (Some(""), Format::Text004),
            (Some("*/*"), Format::Text004),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Format::Text004),
            (Some(PROMETHEUS_2), Format::OpenMetrics100),
            (Some(PROMETHEUS_3), Format::OpenMetrics100),
            (Some(TEXT_ONLY), Format::Text004),
            (Some("application/openmetrics-text"), Format::OpenMetrics100),
            (Some("text/plain,application/openmetrics-text"), Format::OpenMetrics100),
            (Some("Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.1"), Format::OpenMetrics100),
            (Some("application/openmetrics-text;version=0.0.1"), Format::Text004),
            (Some("application/openmetrics-text;version=2.0.0"), Format::Text004),
            (Some("application/openmetrics-text;q=0"), Format::Text004),
            (Some("application/openmetrics-text;q=0.4,text/plain;q=0.5"), Format::Text004),
            (Some("application/openmetrics-text;q=0.5,text/plain;q=0.4,*/*"), Format::OpenMetrics100),
            (Some("application/openmetrics-text;q=0.5,text/*;q=0.9"), Format::Text004),
            (Some("application/openmetrics-text;q=nonsense,*/*;q=0.1"), Format::Text004),
            (Some("application/openmetrics-text;q=1.5,text/plain;q=0.1"), Format::Text004),
        ] {
            assert_eq!(negotiate(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn gzip_is_given_only_where_it_is_allowed() {
        for (header, expected) in [
            (None, false),
            (Some(""), false),
            (Some("identity"), false),
            (Some("gzip"), true),
            (Some("GZIP"), true),
            (Some("deflate, gzip;q=1.0, *;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.000"), false),
            (Some("gzip;q=0.001"), true),
            (Some("*"), true),
            (Some("*;q=0"), false),
            (Some("gzip;q=0, *"), false),
            (Some("br"), false),
        ] {
            assert_eq!(accepts_gzip(header), expected, "{header:?}");
        }
    }
}
