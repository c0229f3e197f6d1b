//! The command line that the service control manager keeps for an instance.
//!
//! It holds the flags with which `service install` was called, so that they stay where they are seen: in the properties
//! of the service. `service configure` replaces those that are given again.

use super::names::ServiceName;
use std::path::Path;

/// Flags that stand alone; all others have a value.
const SWITCHES: [&str; 2] = ["--web.enable-lifecycle", "--web.enable-probe"];
/// Flags of the serving program, by their beginnings. What else is typed is for the installation.
const SERVING: [&str; 3] = ["--config.", "--web.", "--log."];

/// A flag with its value, or a switch.
type Flag = (String, Option<String>);

/// The flags for serving among all arguments that were typed, each as one word.
pub fn serving(typed: &[String]) -> Vec<String> {
    words(flags(typed))
}

/// The arguments of the program for an instance: which it is, where its configuration is, then its flags. The file is
/// named in any case: the account of a service may have another environment than the one who installs it.
pub fn arguments(service: &ServiceName, folder: &Path, flags: &[String]) -> Vec<String> {
    let file = "--config.file=";
    let named = flags.iter().any(|flag| flag.starts_with(file));
    let usual = (!named).then(|| format!("{file}{}", service.configuration(folder).display()));
    let own = ["service".to_owned(), "run".to_owned(), format!("--service.name={service}")];
    own.into_iter().chain(usual).chain(flags.iter().cloned()).collect()
}

/// The flags of before, but for those that are given again.
pub fn changed(before: &[String], given: &[String]) -> Vec<String> {
    let given = flags(given);
    let mut all = flags(before);
    all.retain(|(name, _)| !given.iter().any(|(other, _)| other == name));
    all.extend(given);
    words(all)
}

/// Whether a command line of a service is one of ours, and its arguments after the program.
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

fn flags(words: &[String]) -> Vec<Flag> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        if !name.starts_with("--") || SWITCHES.contains(&name) {
            if SWITCHES.contains(&name) {
                found.push((name.to_owned(), value));
            }
            continue;
        }
        let value = if SERVING.iter().any(|beginning| name.starts_with(beginning)) && value.is_none() {
            words.next().cloned()
        } else {
            value
        };
        if SERVING.iter().any(|beginning| name.starts_with(beginning)) {
            found.push((name.to_owned(), value));
        }
    }
    found
}

fn words(flags: Vec<Flag>) -> Vec<String> {
    let word = |(name, value): Flag| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    };
    flags.into_iter().map(word).collect()
}

/// Splits a command line as programs for Windows do (CommandLineToArgvW): quotes group, backslashes are themselves
/// unless a quote follows.
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

/// Joins words so that [`split`] gives them back. The program is quoted in any case: a path with a space and without
/// quotes lets Windows try each part of it.
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
    fn only_flags_for_serving_are_kept() {
        let typed = all(&[
            "--log.level",
            "debug",
            "service",
            "install",
            "--service.name=x",
            "--service.account",
            r"CORP\msx$",
            "--web.listen-address=:1",
            "--web.enable-probe",
            "--service.firewall",
            "--web.listen-address",
            ":2",
            "--master.address",
            "MSX01",
        ]);
        assert_eq!(
            serving(&typed),
            ["--log.level=debug", "--web.listen-address=:1", "--web.enable-probe", "--web.listen-address=:2"]
        );
    }

    #[test]
    fn what_is_given_again_replaces_what_was() {
        let before = all(&[
            "service",
            "run",
            "--service.name=x",
            "--web.listen-address=:1",
            "--web.listen-address=:2",
            "--log.level=debug",
        ]);
        assert_eq!(
            changed(&before, &all(&["--web.listen-address=:3", "--web.enable-probe"])),
            ["--log.level=debug", "--web.listen-address=:3", "--web.enable-probe"]
        );
        assert_eq!(changed(&before, &[]).len(), 3);
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
