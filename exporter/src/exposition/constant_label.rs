//! A label that stands on each series of a page.

use super::catalogue::catalogue;
use std::str::FromStr;

/// A label with the same value on each series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstantLabel {
    /// A name that no label of ours has.
    pub name: String,
    /// Not empty: an empty label is none.
    pub value: String,
}

/// Why a text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstantLabelError {
    /// There is no name or no value.
    #[error("write it as NAME=VALUE, such as msx=msx01")]
    Incomplete,
    /// The name has other characters.
    #[error("{0:?} is not the name of a label: letters, digits and _, no digit in front")]
    Name(String),
    /// Prometheus sets it itself.
    #[error(
        "the label {0} belongs to Prometheus; choose another, such as msx, and turn it into instance when it is scraped"
    )]
    Prometheus(String),
    /// A metric has it.
    #[error("the label {0} is one of the metric {1}; choose another, such as site")]
    Ours(String, &'static str),
}

impl FromStr for ConstantLabel {
    type Err = ConstantLabelError;

    fn from_str(text: &str) -> Result<ConstantLabel, ConstantLabelError> {
        let (name, value) = text.split_once('=').ok_or(ConstantLabelError::Incomplete)?;
        if name.is_empty() || value.is_empty() {
            return Err(ConstantLabelError::Incomplete);
        }
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(ConstantLabelError::Name(name.to_owned()));
        }
        if name.starts_with("__") || matches!(name, "job" | "instance" | "le" | "quantile") {
            return Err(ConstantLabelError::Prometheus(name.to_owned()));
        }
        if let Some(metric) = catalogue().iter().find(|metric| metric.labels.contains(&name)) {
            return Err(ConstantLabelError::Ours(name.to_owned(), metric.name));
        }
        Ok(ConstantLabel { name: name.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_neither_ours_nor_that_of_prometheus() {
        let label: ConstantLabel = "msx=msx01=a \"b\"".parse().unwrap();
        assert_eq!((label.name.as_str(), label.value.as_str()), ("msx", "msx01=a \"b\""));
        for (bad, part) in [
            ("site", "NAME=VALUE"),
            ("site=", "NAME=VALUE"),
            ("=x", "NAME=VALUE"),
            ("2x=x", "not the name of a label"),
            ("a-b=x", "not the name of a label"),
            ("__meta=x", "belongs to Prometheus"),
            ("instance=x", "belongs to Prometheus"),
            ("le=x", "belongs to Prometheus"),
            ("quantile=x", "belongs to Prometheus"),
            ("target=x", "is one of the metric msx_"),
            ("collector=x", "is one of the metric msx_exporter_collector_success"),
        ] {
            let error = bad.parse::<ConstantLabel>().unwrap_err().to_string();
            assert!(error.contains(part), "{bad}: {error}");
            // What is proposed is taken.
            let words = error.split(|c: char| !c.is_ascii_alphanumeric() && c != '=').collect::<Vec<_>>();
            for name in words.windows(3).filter(|words| words[0] == "such" && words[1] == "as").map(|words| words[2]) {
                let (name, _) = name.split_once('=').unwrap_or((name, ""));
                assert!(format!("{name}=x").parse::<ConstantLabel>().is_ok(), "{bad}: {error}");
            }
        }
    }
}
