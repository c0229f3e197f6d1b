//! What `service status` says of an instance.

use super::ServiceName;
use crate::exit::{ABSENT, Done, Failure, STOPPED, UNSEEN};
use std::fmt;

/// A part of what is known: its text, or why it could not be read.
pub type Part = Result<String, String>;

/// The state of a service as its manager reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs as this process.
    Running(Option<u32>),
    /// It starts, stops, or pauses.
    Changing(&'static str),
    /// It does not run, and this is how it ended.
    Stopped(Ending),
}

/// How a service that does not run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a code of Windows.
    Windows(u32),
    /// With an exit code of its own.
    Own(u32),
}

/// `ERROR_SERVICE_NEVER_STARTED`.
const NEVER_STARTED: u32 = 1077;

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Running(Some(process)) => write!(f, "running as process {process}"),
            State::Running(None) => f.write_str("running"),
            State::Changing(state) => f.write_str(state),
            State::Stopped(Ending::Windows(0) | Ending::Own(0)) => f.write_str("stopped"),
            State::Stopped(Ending::Windows(NEVER_STARTED)) => f.write_str("stopped, and not started since Windows was"),
            State::Stopped(Ending::Windows(code)) => write!(f, "stopped with error {code} of Windows"),
            State::Stopped(Ending::Own(code)) => write!(f, "stopped with exit code {code} of the exporter"),
        }
    }
}

/// What is known of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The instance.
    pub service: ServiceName,
    /// Its state; `None` where there is no such service.
    pub state: Result<Option<State>, String>,
    /// The other parts, each with its title.
    pub parts: Vec<(&'static str, Part)>,
}

impl Status {
    /// The text for standard output. It runs, or the exit code says why not.
    ///
    /// # Errors
    /// 2 where it does not run, 3 where its state is not known, 4 where there is no such service.
    pub fn done(&self) -> Done {
        let data = self.to_string();
        let service = &self.service;
        let (code, complaint) = match &self.state {
            Ok(Some(State::Running(_))) => return Ok(data),
            Ok(Some(_)) => (STOPPED, format!("the service {service} does not run")),
            Ok(None) => (ABSENT, format!("there is no service {service}; hint: msx_exporter service install")),
            Err(fault) => (UNSEEN, format!("whether the service {service} runs is not known: {fault}")),
        };
        Err(Failure { code, data, complaint })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.as_ref().map_err(Clone::clone).map(|state| match state {
            Some(state) => state.to_string(),
            None => "not installed".to_owned(),
        });
        let first = [("service", Ok(self.service.to_string())), ("state", state)];
        let rows = || first.iter().chain(&self.parts);
        let width = rows().map(|(title, _)| title.len()).max().unwrap_or_default();
        for (title, part) in rows() {
            let text = part.clone().unwrap_or_else(|fault| format!("not known: {fault}"));
            let mut lines = text.trim_end().lines();
            writeln!(f, "{title:width$}  {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(f, "{:width$}  {line}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: Result<Option<State>, String>) -> Status {
        let parts = vec![
            ("start type", Ok("automatic, delayed".to_owned())),
            ("configuration", Ok("x.yml has faults:\nx.yml:3: one\nx.yml:4: two\n".to_owned())),
            ("last event", Err("wevtutil.exe does not answer within 20 s".to_owned())),
        ];
        Status { service: ServiceName::default(), state, parts }
    }

    #[test]
    fn each_part_has_its_row_and_what_is_not_known_its_reason() {
        insta::assert_snapshot!(status(Ok(Some(State::Running(Some(7))))), @r"
        service        msx_exporter
        state          running as process 7
        start type     automatic, delayed
        configuration  x.yml has faults:
                       x.yml:3: one
                       x.yml:4: two
        last event     not known: wevtutil.exe does not answer within 20 s
        ");
    }

    #[test]
    fn the_exit_code_says_whether_it_runs() {
        for (state, code, row) in [
            (Ok(Some(State::Running(None))), None, "running"),
            (Ok(Some(State::Changing("starting"))), Some(STOPPED), "starting"),
            (Ok(Some(State::Stopped(Ending::Windows(0)))), Some(STOPPED), "stopped"),
            (Ok(Some(State::Stopped(Ending::Own(64)))), Some(STOPPED), "stopped with exit code 64 of the exporter"),
            (
                Ok(Some(State::Stopped(Ending::Windows(1077)))),
                Some(STOPPED),
                "stopped, and not started since Windows was",
            ),
            (Ok(Some(State::Stopped(Ending::Windows(1067)))), Some(STOPPED), "stopped with error 1067 of Windows"),
            (Ok(None), Some(ABSENT), "not installed"),
            (Err("access denied".to_owned()), Some(UNSEEN), "not known: access denied"),
        ] {
            let done = status(state).done();
            assert_eq!(done.as_ref().err().map(|failure| failure.code), code, "{row}");
            let text = done.unwrap_or_else(|failure| failure.data);
            assert_eq!(text.lines().nth(1), Some(format!("state          {row}").as_str()));
        }
    }
}
