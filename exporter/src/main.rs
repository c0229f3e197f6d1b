//! The command line: what was typed becomes a run, and the run an exit code.

use msx_exporter::cli::{self, Command};
use msx_exporter::commands;
use msx_exporter::exit::{Done, FAILED, FINE, Failure};
use msx_exporter::logging::{self, Journal};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let line: Vec<OsString> = std::env::args_os().collect();
    let parsed = cli::parse(&line);
    let asks = matches!(&parsed, Err(exit) if exit.code == FINE);
    if cli::is_service_run(&line) && !asks {
        return finish(commands::run_service(parsed));
    }
    let invocation = match parsed {
        Ok(invocation) => invocation,
        Err(exit) if exit.code == FINE => return print(&exit.text),
        Err(exit) => return complain(&exit.text, exit.code),
    };
    if logging::init(invocation.log, journal(invocation.log.format)).is_err() {
        return complain("the log was set up twice", FAILED);
    }
    let done = match &invocation.command {
        Command::Catalogue => commands::catalogue(),
        Command::CheckConfig => commands::check_config(&invocation),
        Command::Grants(grants) => commands::grants(&invocation, grants),
        Command::Doctor(doctor) => commands::doctor(&invocation, doctor),
        Command::Once { output } => commands::once(&invocation, output.as_deref()),
        Command::Serve => commands::serve(&invocation),
        Command::Service(action) => commands::service(action),
    };
    finish(done)
}

/// The Event Log of Windows, where its format was asked for.
#[cfg(windows)]
fn journal(format: logging::Format) -> Option<Box<dyn Journal>> {
    use msx_exporter::windows_service::{event_log, names};
    (format == logging::Format::Eventlog).then(|| event_log(names::DEFAULT)).flatten()
}

/// There is none here.
#[cfg(not(windows))]
fn journal(_: logging::Format) -> Option<Box<dyn Journal>> {
    None
}

fn finish(done: Done) -> ExitCode {
    match done {
        Ok(text) => print(&text),
        Err(Failure { code, data, complaint }) => {
            print(&data);
            complain(&complaint, code)
        }
    }
}

/// Data goes to standard output. A reader that has gone, as with `| head`, is no failure.
fn print(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::from(FINE)
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
    ExitCode::from(code)
}
