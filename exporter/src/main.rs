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
    if let Some(service) = cli::service_run(&line) {
        return finish(commands::run_service(&service, parsed));
    }
    let invocation = match parsed {
        Ok(invocation) => invocation,
        Err(exit) if exit.code == FINE => return finish(Ok(exit.text)),
        Err(exit) => return complain(&exit.text, exit.code),
    };
    if let Err(error) = logging::init(invocation.log, journal(invocation.log.format)) {
        return complain(&error.to_string(), FAILED);
    }
    let done = match &invocation.command {
        Command::Catalogue => commands::catalogue(),
        Command::CheckConfig => commands::check_config(&invocation),
        Command::Grants(grants) => commands::grants(&invocation, grants),
        Command::Doctor(doctor) => commands::doctor(&invocation, doctor),
        Command::Once { labels, interval } => commands::once(&invocation, labels, *interval),
        Command::Serve => commands::serve(&invocation),
        Command::Service(action) => commands::service(action),
        Command::RunService(name) => commands::run_service(name, Ok(invocation.clone())),
    };
    finish(commands::deliver(done, invocation.output.as_deref()))
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

/// Data goes to standard output, and what went wrong to standard error. Data that was not written is a failure, also
/// where its reader has gone, as with `| head`, but then there is nothing to say about it.
fn finish(done: Done) -> ExitCode {
    logging::flush();
    let (data, failure) = match done {
        Ok(data) => (data, None),
        Err(failure) => (failure.data.clone(), Some(failure)),
    };
    let unwritten = print(&data).err();
    if let Some(error) = unwritten.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        complain(&format!("standard output cannot be written: {error}"), FAILED);
    }
    match failure {
        Some(Failure { code, complaint, .. }) => complain(&complaint, code),
        None if unwritten.is_some() => ExitCode::from(FAILED),
        None => ExitCode::from(FINE),
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    // The last line may not have an end, and waits in the buffer for it.
    out.flush()
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
    ExitCode::from(code)
}
