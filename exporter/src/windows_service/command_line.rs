//! The command line that the service control manager keeps for an instance.
//!
//! It holds the flags that `service install` was called with, so that they are visible in the properties of the
//! service. The program's own command line defines what the flags mean.

use super::names::ServiceName;
use std::path::Path;

/// The arguments of an instance: its name, the path of its configuration, then its flags. The path is always named,
/// because the account of the service may have another environment than the user who installs it.
pub fn arguments(service: &ServiceName, folder: &Path, flags: &[String]) -> Vec<String> {
    let file = "--config.file=";
    let named = flags.iter().any(|flag| flag.starts_with(file));
    let usual = (!named).then(|| format!("{file}{}", service.configuration(folder).display()));
    let own = ["service".to_owned(), "run".to_owned(), format!("--service.name={service}")];
    own.into_iter().chain(usual).chain(flags.iter().cloned()).collect()
}

/// The arguments behind the program in a command line that `arguments` made; `None` for any other command line.
pub fn of_ours(line: &str) -> Option<Vec<String>> {
    let mut words = split(line).into_iter();
    let program = words.next()?;
    let file = program.rsplit(['\\', '/']).next()?.to_ascii_lowercase();
    let arguments: Vec<String> = words.collect();
    let ours = matches!(file.as_str(), "msx_exporter.exe" | "msx_exporter")
        && arguments.first().is_some_and(|word| word == "service")
        && arguments.get(1).is_some_and(|word| word == "run");
    ours.then_some(arguments)
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
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn all(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_line_of_ours_is_known() {
        let named = all(&["--config.file=own.yml"]);
        let service = "x".parse().unwrap();
        let line =
            join(r"C:\Program Files\msx_exporter\msx_exporter.exe", &arguments(&service, Path::new("d"), &named));
        let expected =
            r#""C:\Program Files\msx_exporter\msx_exporter.exe" service run --service.name=x --config.file=own.yml"#;
        assert_eq!(line, expected);
        assert_eq!(of_ours(&line).unwrap(), ["service", "run", "--service.name=x", "--config.file=own.yml"]);
        let usual = format!("--config.file={}", Path::new("d").join("x.yml").display());
        assert_eq!(arguments(&service, Path::new("d"), &[])[3], usual);
        assert_eq!(of_ours(r"C:\x\MSX_EXPORTER.EXE service run"), Some(all(&["service", "run"])));
        assert_eq!(of_ours(r"C:\windows\system32\svchost.exe service run"), None);
        assert_eq!(of_ours(r"C:\x\msx_exporter.exe serve"), None);
        assert_eq!(of_ours(""), None);
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
