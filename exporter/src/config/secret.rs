//! A text that cannot be printed.

use std::fmt;

/// A password or the like. Neither `Debug` nor any other formatting shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// What a file with a secret holds, less one line break at its end.
    ///
    /// # Errors
    /// What is wrong with it; never a part of it.
    pub fn from_file(bytes: Vec<u8>) -> Result<Secret, &'static str> {
        let mut text = crate::files::text(bytes)?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() { Err("is empty") } else { Ok(Secret(text)) }
    }

    /// The text itself, for the one place that hands it to the driver.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Secret;

    #[test]
    fn one_line_break_at_the_end_of_a_file_is_no_part_of_the_secret() {
        let secret = |bytes: &str| Secret::from_file(bytes.into()).unwrap();
        for (bytes, text) in
            [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a\t\n", " a\t"), ("a\r", "a\r")]
        {
            assert_eq!(secret(bytes).reveal(), text, "{bytes:?}");
        }
        assert_eq!(format!("{:?}", secret("hunter2")), "<secret>");
        assert_eq!(Secret::from_file(b"\r\n".to_vec()), Err("is empty"));
        assert!(Secret::from_file(vec![0xff]).is_err_and(|wrong| wrong.starts_with("is neither UTF-8")));
    }
}
