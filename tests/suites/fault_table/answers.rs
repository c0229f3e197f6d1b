//! Answers that are slow, end early, or are not what was asked for.

use crate::fault::Fault;
use crate::play::World;
use msx_lab::tsql::world::Mishap;
use msx_lab::wire::{Column, Reply, Type, Value};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// With the five others of the fleet they are 100,000.
const MANY: usize = 99_995;

pub(crate) fn faults() -> Vec<Fault> {
    let as_much = [
        ("a row has a thousand columns more", wide as fn(&mut World)),
        ("a row of 2 MB", |world| world.master.change_answers(Some(huge))),
    ];
    let harmless = as_much.map(|(what, strike)| Fault { scrape: Duration::from_secs(10), ..changed(what, strike) });
    let mut faults = vec![
        mishap("the master hangs in the middle of a row", |world| row(world, Reply::Drip { bytes: 7, pause: HOUR }))
            .unread(&["stage=query", "no answer within"], &["no answer within"]),
        mishap("the master sends a byte a second", |world| {
            row(world, Reply::Drip { bytes: 1, pause: Duration::from_secs(1) });
        })
        .unread(&["stage=query", "no answer within"], &["no answer within"]),
        mishap("the master resets the connection in the middle of a row", |world| row(world, Reply::Reset))
            .unread(&["stage=query"], &["query"]),
        changed("a column has another type", |world| {
            world.master.change_answers(Some(wrong));
        })
        .unread(&["stage=decode", "poll_interval"], &["poll_interval"]),
        // Played where memory is capped as well, which asks for more.
        Fault { in_gate: false, ..many_targets("the master has 100,000 targets") },
    ];
    faults.extend(harmless);
    faults
}

/// More than limits.targets, and more than is read in a few seconds where nothing is optimised.
pub(crate) fn many_targets(what: &str) -> Fault {
    let minute = Duration::from_secs(60);
    Fault {
        scrape: minute,
        back_within: minute,
        ..changed(what, |world| world.master.change_answers(Some(multiplied)))
    }
    .showing(
        &["msx_up 1", "msx_targets 100000", "msx_exporter_series_limited{collector=\"targets\"} 90000"],
        &[],
        &[],
    )
}

fn mishap(what: &str, strike: fn(&mut World)) -> Fault {
    Fault::new(what, strike, |world| world.master.lab.clear_faults())
}

fn changed(what: &str, strike: fn(&mut World)) -> Fault {
    Fault::new(what, strike, |world| world.master.change_answers(None))
}

fn row(world: &World, reply: Reply) {
    world.master.lab.fault("systargetservers", Mishap::Replies { after: 1, replies: vec![reply] });
}

fn wide(world: &mut World) {
    world.master.change_answers(Some(|replies| {
        let more = (0..1_000).map(|at| Column { name: format!("more_{at}"), ty: Type::Int, nullable: true });
        let (more, nulls): (Vec<_>, Vec<_>) = more.map(|column| (column, Value::Null)).unzip();
        targets(replies, |columns| columns.extend(more.clone()), |values, _| values.extend(nulls.clone()))
    }));
}

/// In one row: where nothing is optimised, six of them keep a master silent until it is connected to again.
fn huge(replies: Vec<Reply>) -> Vec<Reply> {
    cells(replies, "location", Type::NVarChar(None), [Value::Text("x".repeat(1_000_000).into())])
}

fn wrong(replies: Vec<Reply>) -> Vec<Reply> {
    cells(replies, "poll_interval", Type::NVarChar(Some(20)), std::iter::repeat(Value::Text("often".into())))
}

/// Puts another type into a column of the targets, and values into its first rows.
fn cells(replies: Vec<Reply>, name: &str, ty: Type, values: impl IntoIterator<Item = Value>) -> Vec<Reply> {
    let place = |columns: &[Column]| columns.iter().position(|column| column.name == name).unwrap();
    let describe = |columns: &mut Vec<Column>| {
        let at = place(columns);
        columns[at].ty = ty;
    };
    let mut values = values.into_iter();
    targets(replies, describe, |row, columns| {
        if let Some(value) = values.next() {
            row[place(columns)] = value;
        }
    })
}

/// Changes the description and the rows of the targets alone.
fn targets(
    replies: Vec<Reply>,
    mut describe: impl FnMut(&mut Vec<Column>),
    mut change: impl FnMut(&mut Vec<Value>, &[Column]),
) -> Vec<Reply> {
    let mut described: Option<Arc<[Column]>> = None;
    let changed = |reply| match reply {
        Reply::Columns(columns) if columns.first().is_some_and(|first| first.name == "set:targets") => {
            let mut columns = columns.to_vec();
            describe(&mut columns);
            let columns: Arc<[Column]> = columns.into();
            described = Some(columns.clone());
            Reply::Columns(columns)
        }
        Reply::Columns(columns) => {
            described = None;
            Reply::Columns(columns)
        }
        Reply::Row(mut values) => {
            described.iter().for_each(|columns| change(&mut values, columns));
            Reply::Row(values)
        }
        other => other,
    };
    replies.into_iter().map(changed).collect()
}

/// The first target many times, under as many names.
fn multiplied(replies: Vec<Reply>) -> Vec<Reply> {
    let mut inside = None;
    let mut answer = Vec::new();
    for reply in replies {
        match (&reply, &inside) {
            (Reply::Columns(columns), _) => {
                let name = |name| columns.iter().position(|column| column.name == name);
                inside = name("set:targets").and(name("server_name")).zip(name("server_id"));
                answer.push(reply);
            }
            (Reply::Row(values), Some((name, id))) => {
                let many = (0..MANY).map(|index| {
                    let mut values = values.clone();
                    values[*name] = Value::Text(format!("SQL{index:06}").into());
                    values[*id] = Value::Int(index as i64);
                    Reply::Row(values)
                });
                answer.extend(many);
                inside = None;
            }
            _ => answer.push(reply),
        }
    }
    answer
}
