//! The labels of a sample, as both formats write them.

/// The labels of one series. Each metric that has labels has at least one.
pub(super) trait Labels {
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
pub(super) struct Line<'a> {
    text: &'a mut String,
    next: char,
}

impl<'a> Line<'a> {
    /// Begins with the name of the sample.
    pub(super) fn new(text: &'a mut String, name: &str) -> Line<'a> {
        text.push_str(name);
        Line { text, next: '{' }
    }

    /// Goes on behind a label.
    pub(super) fn after(text: &'a mut String) -> Line<'a> {
        Line { text, next: ',' }
    }

    /// Adds a label. `name` is written as it is.
    pub(super) fn label(&mut self, name: &str, value: &str) {
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
