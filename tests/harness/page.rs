//! Reads an exposition, strictly: a line that is not understood fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// One series with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A page, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) samples: Vec<Sample>,
}

impl Page {
    /// Reads either format.
    pub(crate) fn parse(text: &str) -> Page {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let samples: Vec<Sample> =
            lines.map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line}"))).collect();
        let mut seen = BTreeSet::new();
        for sample in &samples {
            assert!(seen.insert((&sample.name, &sample.labels)), "twice on one page: {sample:?}");
        }
        Page { text: text.to_owned(), samples }
    }

    /// The value of the one series of this name that has these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found = self.all(name, labels);
        assert!(found.len() < 2, "{name}{labels:?} names several series");
        found.first().map(|sample| sample.value)
    }

    /// Every series of this name that has these labels.
    pub(crate) fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |sample: &Sample| {
            sample.name == name && labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value))
        };
        self.samples.iter().filter(|sample| has(sample)).collect()
    }

    /// `msx_up`.
    pub(crate) fn up(&self) -> bool {
        self.value("msx_up", &[]) == Some(1.0)
    }

    /// The names of targets that any series speaks of.
    pub(crate) fn targets(&self) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|sample| sample.labels.get("target")).map(String::as_str).collect()
    }

    /// The cause that holds for a target.
    pub(crate) fn cause(&self, target: &str) -> Option<&str> {
        let causes = self.all("msx_target_diagnosis", &[("target", target)]);
        assert!(causes.len() < 2, "several causes for {target}: {causes:?}");
        causes.first().and_then(|sample| sample.labels.get("cause")).map(String::as_str)
    }

    /// `msx_exporter_sql_errors_total` of a stage.
    pub(crate) fn errors(&self, stage: &str) -> f64 {
        self.value("msx_exporter_sql_errors_total", &[("stage", stage)]).unwrap()
    }

    /// `msx_exporter_collector_success` of a collector.
    pub(crate) fn success(&self, collector: &str) -> Option<f64> {
        self.value("msx_exporter_collector_success", &[("collector", collector)])
    }

    /// `msx_exporter_collector_permission` of a collector.
    pub(crate) fn permission(&self, collector: &str) -> Option<f64> {
        self.value("msx_exporter_collector_permission", &[("collector", collector)])
    }
}

fn sample(line: &str) -> Option<Sample> {
    let name_ends = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_ends);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(key.to_owned(), value).is_none().then_some(())?;
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}
