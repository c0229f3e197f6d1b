//! From OpenMetrics to the text format 0.0.4.

use std::fmt;

/// Rewrites the headers of counters, whose HELP and TYPE lines name the samples with `_total` in 0.0.4, and drops
/// UNIT and EOF lines. Samples are the same in both formats, as long as none has an exemplar.
pub(crate) fn from_openmetrics(page: &str, out: &mut impl fmt::Write) -> fmt::Result {
    // HELP comes before TYPE, which alone tells what the family is: it waits for it.
    let mut help: Option<(&str, &str)> = None;
    for line in page.split_inclusive('\n') {
        let Some(header) = line.strip_prefix("# ") else {
            out.write_str(line)?;
            continue;
        };
        if let Some((name, text)) = header.strip_prefix("HELP ").and_then(|rest| rest.split_once(' ')) {
            help = Some((name, text));
        } else if let Some((name, kind)) = header.strip_prefix("TYPE ").and_then(|rest| rest.split_once(' ')) {
            let suffix = if kind.trim_end() == "counter" { "_total" } else { "" };
            if let Some((_, text)) = help.take() {
                write!(out, "# HELP {name}{suffix} {text}")?;
            }
            write!(out, "# TYPE {name}{suffix} {kind}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::from_openmetrics;

    #[test]
    fn counters_get_their_suffix_and_nothing_else_changes() {
        let page = "# HELP a_seconds Help of a.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total{x=\"# TYPE b counter\"} 1\n# HELP b Help # of b.\n# TYPE b gauge\nb 2\n# EOF\n";
        let expected = "# HELP a_seconds_total Help of a.\n# TYPE a_seconds_total counter\na_seconds_total{x=\"# TYPE b counter\"} 1\n# HELP b Help # of b.\n# TYPE b gauge\nb 2\n";
        let mut out = String::new();
        from_openmetrics(page, &mut out).unwrap();
        assert_eq!(out, expected);
    }
}
