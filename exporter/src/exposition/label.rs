//! The labels of a sample, as both formats write them.

/// The labels of one series. Each metric that has labels has at least one.
pub(crate) trait Labels {
    /// The first label: its name and its value.
    fn first(&self) -> (&str, &str);

    /// Writes the others, in order.
    fn rest(&self, line: &mut Line<'_>);
}

impl<V: AsRef<str>, const N: usize> Labels for [(&'static str, V); N] {
    fn first(&self) -> (&str, &str) {
        const { assert!(N > 0, "a family has labels") };
        (self[0].0, self[0].1.as_ref())
    }

    fn rest(&self, line: &mut Line<'_>) {
        for (name, value) in &self[1..] {
            line.label(name, value.as_ref());
        }
    }
}

/// A line whose labels are being written.
pub(crate) struct Line<'a> {
    text: &'a mut String,
    next: char,
}

impl<'a> Line<'a> {
    /// Begins with the name of the sample.
    pub(crate) fn new(text: &'a mut String, name: &str) -> Line<'a> {
        text.push_str(name);
        Line { text, next: '{' }
    }

    /// Goes on behind a label.
    pub(crate) fn after(text: &'a mut String) -> Line<'a> {
        Line { text, next: ',' }
    }

    /// Adds a label. `name` is written as it is.
    pub(crate) fn label(&mut self, name: &str, value: &str) {
        self.text.push(self.next);
        self.next = ',';
        self.text.push_str(name);
        self.text.push_str("=\"");
        escape(self.text, value);
        self.text.push('"');
    }
}

/// Both formats ask for these three and no others.
fn escape(out: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        // All three are single bytes in UTF-8, so both cuts lie between characters.
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        out.push_str(match from.as_bytes()[0] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &from[1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder, text};
    use prometheus_client::metrics::{family::Family, gauge::Gauge};
    use prometheus_client::registry::Registry;
    use proptest::prelude::*;
    use std::fmt;

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct Pair([(&'static str, String); 2]);

    impl EncodeLabelSet for Pair {
        fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
            self.0.as_slice().encode(encoder)
        }
    }

    proptest! {
        /// prometheus-client escapes label values as OpenMetrics asks for: it is the judge here.
        #[test]
        fn any_value_is_written_as_prometheus_client_writes_it(one in any::<String>(), other in "[\\\\\"\n a-c]{0,8}") {
            let labels = [("target", one), ("cause", other)];
            let family = Family::<Pair, Gauge>::default();
            family.get_or_create(&Pair(labels.clone())).set(7);
            let mut registry = Registry::default();
            registry.register("sample", "Help", family);
            let mut page = String::new();
            text::encode_registry(&mut page, &registry).unwrap();

            let mut line = String::new();
            let (name, value) = labels.first();
            Line::new(&mut line, "sample").label(name, value);
            labels.rest(&mut Line::after(&mut line));
            prop_assert_eq!(page, format!("# HELP sample Help.\n# TYPE sample gauge\n{line}}} 7\n"));
        }
    }
}
