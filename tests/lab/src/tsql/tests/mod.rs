//! Statements against a lab, judged by their replies.
#![allow(clippy::unwrap_used, clippy::panic)]

mod batches;
mod queries;
mod speed;

use crate::msdb::{Lab, Scenario, USER};
use crate::wire::{Backend, Column, Login, Reply, Value};

fn lab() -> Lab {
    Lab::scenario(Scenario::Healthy).at("2026-11-22T12:00:00Z")
}

fn login() -> Login {
    Login { user: USER.to_owned(), session: 51, ..Login::default() }
}

fn run(lab: &Lab, sql: &str) -> Vec<Reply> {
    lab.batch(&login(), sql)
}

fn errors(replies: &[Reply]) -> Vec<u32> {
    let numbers = replies.iter().filter_map(|reply| match reply {
        Reply::Error(error) => Some(error.number),
        _ => None,
    });
    numbers.collect()
}

fn rows(replies: &[Reply]) -> Vec<Vec<Value>> {
    crate::tsql::session::rows(replies)
}

fn columns(replies: &[Reply]) -> Vec<Column> {
    let sets = replies.iter().filter_map(|reply| match reply {
        Reply::Columns(columns) => Some(columns.to_vec()),
        _ => None,
    });
    sets.flatten().collect()
}

/// The only value of a batch that must not fail.
fn value(lab: &Lab, expression: &str) -> Value {
    let replies = run(lab, &format!("SELECT {expression} AS x"));
    assert_eq!(errors(&replies), [0; 0], "{expression}: {replies:?}");
    rows(&replies)[0][0].clone()
}

fn error(lab: &Lab, sql: &str) -> u32 {
    let replies = run(lab, sql);
    let found = errors(&replies);
    assert!(rows(&replies).is_empty(), "{sql} answered rows");
    *found.first().unwrap_or_else(|| panic!("{sql} did not fail"))
}
