//! The reference of all keys and the example file, both written from the table of keys.

use super::keys::{KEYS, Key, PREFIX, SECTIONS};
use std::fmt::Write;

/// The reference, as Markdown.
pub fn reference() -> String {
    let mut page = format!(
        "# Configuration\n\n\
         <!-- Written from the rows in src/config/sections by tests/generate. -->\n\n\
         A flag beats the environment, that beats the file, that beats the default.\n\n\
         - The file is YAML, or TOML where its name ends in `.toml`. Without `--config.file` it is \
         `/etc/msx_exporter/msx_exporter.yml`, on Windows `%ProgramData%\\msx_exporter\\msx_exporter.yml`; there it may be \
         missing where the environment and the flags say enough.\n\
         - Each key has a variable. Lists are written as YAML in one line: `{PREFIX}EXPECTED_TARGETS='[SQL01, SQL02]'`. \
         An empty variable stands for the default. A variable that begins with `{PREFIX}` and is no key is refused.\n\
         - `null` stands for the default.\n\
         - Names are compared as SQL Server compares them: neither letter case, of any alphabet, nor blanks at the end count. \
         The Turkish `İ` and `ı` have no other case here.\n\
         - The name of a target may be written as people type it: `.`, `(local)` and `localhost` are this computer, \
         `HOST\\MSSQLSERVER` is the default instance, and `tcp:`, a port and a dot at the end of the host are left out.\n\
         - Each file is UTF-8, or UTF-16 with a byte order mark, as the tools of Windows save it.\n\
         - Regular expressions are anchored and ignore case. Write them in single quotes: there a backslash is a backslash.\n\
         - A YAML text holds at most 1 MiB and 100,000 keys and values, without aliases, tags and second documents. Files \
         are regular ones (symbolic links are followed), hold at most 4 MiB and are read within 5 s each.\n\
         - `msx_exporter check-config` reports every fault at once, with file and line, of the web configuration and the flags \
         of the server too. No message shows a password, and none any value of the web configuration.\n"
    );
    table(&mut page, "", "");
    for (section, help) in SECTIONS.iter() {
        table(&mut page, section, help);
    }
    let lists = KEYS.iter().filter_map(|key| match key.kind {
        super::keys::Kind::Items { fields, open } => Some((key, fields, open)),
        _ => None,
    });
    for (key, fields, open) in lists {
        let _ = write!(page, "\n## Items of `{}`\n\n| field | kind | meaning |\n|---|---|---|\n", key.path);
        for field in fields {
            let _ = writeln!(page, "| `{}` | {} | {} |", field.name, cell(&field.kind.describe()), field.help);
        }
        if open {
            page.push_str("| any other | text | a label of this name with this value |\n");
        }
    }
    page
}

fn table(page: &mut String, section: &str, help: &str) {
    let keys: Vec<_> = KEYS.iter().filter(|key| key.section() == section).collect();
    match section {
        "" => page.push_str("\n## Without a section\n"),
        section => {
            let _ = write!(page, "\n## `{section}`\n\n{help}\n");
        }
    }
    page.push_str("\n| key | kind | default | since | meaning |\n|---|---|---|---|---|\n");
    for key in keys {
        let default = key.default.map(|default| format!("`{}`", cell(default))).unwrap_or_default();
        let (path, variable, kind, help) = (&key.path, key.variable(), cell(&key.kind.describe()), cell(key.help));
        let _ = writeln!(page, "| `{path}`<br>`{variable}` | {kind} | {default} | {} | {help} |", key.since);
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A file with every key, which loads as it is once its password file is there.
pub fn example() -> String {
    let mut file =
        "# Every key of msx_exporter, with its default where it has one. Leave out what you do not change.\n\
                    # The reference is CONFIGURATION.md; `msx_exporter check-config` reports what is wrong with a file.\n"
            .to_owned();
    let mut open: Vec<&str> = Vec::new();
    for key in KEYS.iter() {
        let sections: Vec<_> = key.section().split('.').filter(|section| !section.is_empty()).collect();
        let common = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        if sections.is_empty() || common < sections.len() {
            file.push('\n');
        }
        for depth in common..sections.len() {
            let path = sections[..=depth].join(".");
            if let Some((_, help)) = SECTIONS.iter().find(|(section, _)| *section == path) {
                comment(&mut file, depth, help);
            }
            let _ = writeln!(file, "{}{}:", indent(depth), sections[depth]);
        }
        open = sections;
        entry(&mut file, open.len(), key);
    }
    file
}

fn entry(file: &mut String, depth: usize, key: &Key) {
    comment(file, depth, key.help);
    let value = key.example.or(key.default).unwrap_or("null");
    let _ = writeln!(file, "{}{}: {value}", indent(depth), key.name());
}

fn comment(file: &mut String, depth: usize, text: &str) {
    const WIDTH: usize = 110;
    let mut line = String::new();
    for word in text.replace('`', "").split(' ') {
        if !line.is_empty() && line.len() + word.len() > WIDTH {
            let _ = writeln!(file, "{}# {line}", indent(depth));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(file, "{}# {line}", indent(depth));
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}
