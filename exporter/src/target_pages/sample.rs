//! One line of the text format of Prometheus: a name, labels, a value.

/// Labels of one series. The exporter writes seven at most, and `--output.label` adds a few.
const MOST_LABELS: usize = 32;
/// Bytes of a name. The longest of the exporter has 48.
const LONGEST_NAME: usize = 128;
/// Bytes of the value of a label. The longest names have 512 characters.
const LONGEST_VALUE: usize = 2_048;

/// A series with its value.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Vec<(&'a str, String)>,
    pub(super) value: f64,
}

impl<'a> Sample<'a> {
    /// `None` for any other line, for one with a timestamp too, and where a label holds a control character.
    pub(super) fn parse(line: &'a str) -> Option<Sample<'a>> {
        let (name, mut rest) = split_name(line)?;
        let mut labels = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                if let Some(after) = rest.strip_prefix('}') {
                    rest = after;
                    break;
                }
                let (label, after) = split_name(rest)?;
                let (value, after) = quoted(after.strip_prefix("=\"")?)?;
                if labels.len() == MOST_LABELS || labels.iter().any(|(known, _)| *known == label) {
                    return None;
                }
                labels.push((label, value));
                rest = match after.strip_prefix(',') {
                    Some(after) => after,
                    None if after.starts_with('}') => after,
                    None => return None,
                };
            }
        }
        let value = rest.strip_prefix(' ')?;
        let plain = value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let value = value.parse::<f64>().ok().filter(|value| plain && value.is_finite())?;
        Some(Sample { name, labels, value })
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_str())
    }
}

/// The name at the beginning of a text, and the rest.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = text.bytes().position(|byte| !is_name(byte)).unwrap_or(text.len());
    (1..=LONGEST_NAME).contains(&end).then(|| text.split_at(end))
}

/// The value of a label behind its opening quote, and what follows the closing one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            _ if at >= LONGEST_VALUE => return None,
            '\\' => value.push(match characters.next()?.1 {
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            character if character.is_control() => return None,
            character => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_series_is_a_name_with_labels_and_a_value() {
        let sample = Sample::parse(r#"msx_x{target="SQL01\\A",name="a \"b\", {c}"} 1.5e3"#).unwrap();
        assert_eq!((sample.name, sample.value), ("msx_x", 1500.0));
        assert_eq!((sample.label("target"), sample.label("name")), (Some(r"SQL01\A"), Some(r#"a "b", {c}"#)));
        assert_eq!(Sample::parse("msx_up 1").unwrap().labels, []);
        assert!(Sample::parse(r#"x{a="ü",} 0"#).is_some(), "a comma may follow the last label");
    }

    #[test]
    fn any_other_line_is_refused() {
        let many: Vec<String> = (0..=MOST_LABELS).map(|index| format!("l{index}=\"\"")).collect();
        let many = format!("x{{{}}} 1", many.join(","));
        let long = format!("{} 1", "x".repeat(LONGEST_NAME + 1));
        for line in [
            "",
            "x",
            "x ",
            "x  1",
            " x 1",
            "x 1 2",
            "x{} ",
            "x{a} 1",
            r#"x{a="} 1"#,
            r#"x{a="b"c="d"} 1"#,
            r#"x{a="\n"} 1"#,
            "x{a=\"\u{7}\"} 1",
            r#"x{a="1",a="2"} 1"#,
            r#"x{a="b" } 1"#,
            "x NaN",
            "x inf",
            "x 1e999",
            "x 0x1",
            "{} 1",
            &many,
            &long,
        ] {
            assert_eq!(Sample::parse(line), None, "{line}");
        }
    }
}
