//! The command line that the service control manager keeps for an instance, as words.
//!
//! It holds the flags that `service install` was called with, so that they are visible in the properties of the
//! service. What the words mean is the business of the program's own command line, which is handed in.

/// Whether the program of a command line is the exporter, whatever its arguments are.
pub fn runs_exporter(line: &str) -> bool {
    let words = split(line);
    let file = words.first().and_then(|program| program.rsplit(['\\', '/']).next()).unwrap_or_default();
    ["msx_exporter.exe", "msx_exporter"].iter().any(|own| file.eq_ignore_ascii_case(own))
}

/// Splits a command line by the rules of CommandLineToArgvW: quotes group, and a backslash is literal unless a quote
/// follows.
pub fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut slashes = 0;
    for c in line.chars() {
        if c == '\\' {
            slashes += 1;
            continue;
        }
        let before = std::mem::take(&mut slashes);
        if before > 0 {
            let kept = if c == '"' { before / 2 } else { before };
            word.get_or_insert_default().push_str(&"\\".repeat(kept));
        }
        match c {
            '"' if before % 2 == 1 => word.get_or_insert_default().push('"'),
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if slashes > 0 {
        word.get_or_insert_default().push_str(&"\\".repeat(slashes));
    }
    words.extend(word);
    words
}

/// Joins words so that [`split`] returns them. The program is always quoted: without quotes Windows tries each part of
/// a path with spaces as a program.
pub fn join(program: &str, arguments: &[String]) -> String {
    let mut line = format!("\"{program}\"");
    for word in arguments {
        line.push(' ');
        if !word.is_empty() && !word.contains([' ', '\t', '"']) {
            line.push_str(word);
            continue;
        }
        line.push('"');
        let mut slashes = 0;
        for c in word.chars() {
            if c == '\\' {
                slashes += 1;
                continue;
            }
            let doubled = if c == '"' { 2 * slashes + 1 } else { slashes };
            line.push_str(&"\\".repeat(doubled));
            slashes = 0;
            line.push(c);
        }
        line.push_str(&"\\".repeat(2 * slashes));
        line.push('"');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_program_is_known_by_its_file() {
        let line = join(r"C:\Program Files\msx_exporter\msx_exporter.exe", &["service".to_owned(), "a b".to_owned()]);
        assert_eq!(line, r#""C:\Program Files\msx_exporter\msx_exporter.exe" service "a b""#);
        for (line, is_ours) in [
            (line.as_str(), true),
            (r"C:\x\MSX_EXPORTER.EXE --log.level=debug service run", true),
            (r"C:\windows\system32\svchost.exe service run", false),
            (r"C:\msx_exporter.exe\other.exe", false),
            ("", false),
        ] {
            assert_eq!(runs_exporter(line), is_ours, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split_again(words in prop::collection::vec(r#"[a-z "\\=\t.:]{0,8}"#, 0..5)) {
            let line = join(r"C:\a b\x.exe", &words);
            let mut back = split(&line);
            prop_assert_eq!(back.remove(0), r"C:\a b\x.exe");
            prop_assert_eq!(back, words);
        }
    }
}
