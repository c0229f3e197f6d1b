//! The statements and the complete reading, judged by a server: always by the stand-in master, and by any server that
//! speaks TDS and T-SQL where `MSX_TEST_SERVER` names one. `tests/sql/README.md` says how.
//!
//! It has no harness, for the standard one cannot say that something was skipped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod fixture;
mod page;
mod server;
mod single;

use server::{Judge, Server};
use std::process::ExitCode;

/// What came of each check.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Tally {
    /// Writes down what came of one check.
    pub(crate) fn check(&mut self, name: &str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("{name} ... ok");
            }
            Err(why) => {
                self.failed += 1;
                println!("{name} ... FAILED: {why}");
            }
        }
    }

    /// Writes down what was not checked, and why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        println!("{name} ... skipped: {why}");
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut tally = Tally::default();
    tally.check("fixture: its tables are the documented ones", fixture::tables_are_documented());
    for year in [2012, 2019, 2022, 2025] {
        let lab = Server::lab(&runtime, year, "msdb");
        judge(&runtime, &lab, &mut tally);
    }
    judge(&runtime, &Server::lab(&runtime, 2022, "msx fixture]"), &mut tally);
    match Server::real() {
        Ok(Some(real)) => judge(&runtime, &real, &mut tally),
        Ok(None) => tally.skip("real server", "MSX_TEST_SERVER is not set"),
        Err(why) => tally.check("real server", Err(why)),
    }
    println!("\ntest result: {} passed; {} failed; {} skipped", tally.passed, tally.failed, tally.skipped);
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn judge(runtime: &tokio::runtime::Runtime, server: &Server, tally: &mut Tally) {
    Judge { server, tally }.run(runtime);
}
