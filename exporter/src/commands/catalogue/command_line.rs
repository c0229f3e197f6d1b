//! The commands and their flags, as the parser of the command line has them.

use crate::cli;
use clap::Arg;
use serde::Serialize;

/// One command, or the program itself.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CommandFacts {
    /// The words after the program's name; empty for the program itself.
    pub(super) path: Vec<String>,
    /// Whether `--help` leaves it out.
    pub(super) hidden: bool,
    pub(super) help: String,
    /// Its own flags; those inherited from the command above are listed there.
    pub(super) flags: Vec<FlagFacts>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct FlagFacts {
    /// The flag without its dashes.
    pub(super) name: String,
    /// Whether the commands below take it too.
    pub(super) global: bool,
    /// The placeholder of its value; `null` where it takes none.
    pub(super) value: Option<String>,
    /// The words of a choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) values: Vec<String>,
    pub(super) default: Option<String>,
    pub(super) help: String,
}

/// The program and all its commands, each before those below it.
pub(super) fn facts() -> Vec<CommandFacts> {
    let mut program = cli::definition();
    program.build();
    let mut all = Vec::new();
    gather(&program, &[], &[], &mut all);
    all
}

fn gather(command: &clap::Command, path: &[String], above: &[&str], all: &mut Vec<CommandFacts>) {
    let own = command.get_arguments().filter(|flag| !flag.get_long().is_some_and(|name| above.contains(&name)));
    all.push(CommandFacts {
        path: path.to_vec(),
        hidden: command.is_hide_set(),
        help: command.get_about().map(ToString::to_string).unwrap_or_default(),
        flags: own.filter_map(flag).collect(),
    });
    let known: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
    for below in command.get_subcommands() {
        let path = [path, &[below.get_name().to_owned()]].concat();
        gather(below, &path, &known, all);
    }
}

fn flag(flag: &Arg) -> Option<FlagFacts> {
    let takes = flag.get_action().takes_values();
    let defaults: Vec<_> = flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    Some(FlagFacts {
        name: flag.get_long()?.to_owned(),
        // Every command has a `--help` of its own.
        global: flag.is_global_set() || flag.get_id() == "help",
        value: flag.get_value_names().filter(|_| takes).map(|names| names.join(" ")),
        values: flag.get_possible_values().iter().filter(|_| takes).map(|value| value.get_name().to_owned()).collect(),
        default: (takes && !defaults.is_empty()).then(|| defaults.join(", ")),
        help: flag.get_help().map(ToString::to_string).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_flag_stands_at_the_highest_command_that_takes_it() {
        let commands = facts();
        let of = |path: &[&str]| commands.iter().find(|command| command.path == path).unwrap();
        let names = |path| of(path).flags.iter().map(|flag| flag.name.as_str()).collect::<Vec<_>>();
        assert!(names(&[]).contains(&"config.file") && names(&[]).contains(&"help"));
        let once = ["output.file", "output.label", "output.interval", "role", "master.address", "local.name"];
        assert_eq!(names(&["once"]), once);
        assert_eq!(names(&["grants"]), ["login.kind", "login.name", "server.version", "revoke", "output.file"]);
        assert_eq!(names(&["service"]), ["service.name"]);
        assert_eq!(names(&["service", "uninstall"]), ["purge"]);
        assert!(of(&["catalogue"]).hidden && !of(&["serve"]).hidden);
        let root = of(&[]);
        let level = root.flags.iter().find(|flag| flag.name == "log.level").unwrap();
        assert_eq!((level.default.as_deref(), level.values.len()), (Some("info"), 5));
        let lifecycle = root.flags.iter().find(|flag| flag.name == "web.enable-lifecycle").unwrap();
        assert_eq!((lifecycle.value.as_deref(), lifecycle.default.as_deref()), (None, None));
    }
}
