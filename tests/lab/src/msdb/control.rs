//! One-line commands, so that a shell can break things while a lab runs.

use super::Lab;
use super::fleet::Operation;
use crate::tsql::world::Mishap;
use crate::wire::{Reply, ServerError};
use jiff::{SignedDuration, Span};
use std::time::Duration;

/// What [`Lab::command`] understands.
pub(crate) const HELP: &str = "\
stop NAME | resume NAME | enlist NAME | delete NAME | defect NAME | rename NAME
post NAME [insert|update|delete|start|stop|re_enlist|defect|sync_time|set_poll]
fail NAME TEXT | resync NAME|ALL | skew NAME MINUTES
advance 2h | speed 60 | now | targets
grant RIGHT | revoke RIGHT | drop TABLE | agent on|off | operator on|off | restart
member NAME | refuse ADDRESS ERROR STATE | close ERROR STATE | open | single_user on|off
fault TABLE lock 5s | wait 5s | error 1205 [AFTER] | abort 601 [AFTER] | cut BYTES | drip BYTES 10ms | close | reset
clear | help";

impl Lab {
    /// Carries out one command and answers what came of it.
    ///
    /// # Errors
    /// Why it was not understood.
    pub fn command(&self, line: &str) -> Result<String, String> {
        let (verb, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let rest = rest.trim();
        let found = |found: bool| if found { Ok("ok".to_owned()) } else { Err(format!("no target {rest:?}")) };
        match verb.to_lowercase().as_str() {
            "" | "help" => Ok(HELP.to_owned()),
            "stop" => found(self.stop(rest)),
            "resume" => found(self.resume(rest)),
            "enlist" => found(self.with(|fleet, now| fleet.enlist(rest, now).is_some())),
            "delete" => found(self.with(|fleet, now| {
                let there = fleet.target(rest).is_some();
                fleet.delete(rest, true, now);
                there
            })),
            "defect" => found(self.with(|fleet, _| {
                let there = fleet.target(rest).is_some();
                fleet.defect(rest);
                there
            })),
            "rename" => found(self.with(|fleet, _| {
                fleet.rename_machine(rest);
                fleet.target(rest).is_some()
            })),
            "post" => {
                let (name, operation) = rest.rsplit_once(' ').unwrap_or((rest, "insert"));
                let operation = operation_named(operation).ok_or_else(|| format!("no operation {operation:?}"))?;
                Ok(format!("instance_id {}", self.post(name.trim(), operation)))
            }
            "fail" => {
                let (name, text) = rest.split_once(' ').ok_or("fail NAME TEXT")?;
                let instance = self.post(name, Operation::Insert);
                self.with(|fleet, _| fleet.fail(instance, text));
                Ok(format!("instance_id {instance}"))
            }
            "resync" => {
                self.with(|fleet, now| {
                    if rest.eq_ignore_ascii_case("all") { fleet.resync_all(now) } else { fleet.resync(rest, now) }
                });
                Ok("ok".to_owned())
            }
            "skew" => {
                let (name, minutes) = rest.rsplit_once(' ').ok_or("skew NAME MINUTES")?;
                let minutes: i64 = minutes.parse().map_err(|_| "skew NAME MINUTES")?;
                let set = self.with(|fleet, _| {
                    fleet.target_mut(name).map(|t| t.skew = SignedDuration::from_mins(minutes)).is_some()
                });
                found(set)
            }
            "advance" => {
                self.advance(duration(rest)?);
                Ok(self.now().to_string())
            }
            "speed" => {
                let speed: f64 = rest.parse().map_err(|_| "speed NUMBER")?;
                let _ = self.clone().speed(speed);
                Ok("ok".to_owned())
            }
            "now" => Ok(self.now().to_string()),
            "targets" => Ok(self.with(|fleet, _| {
                let line = |t: &super::Target| {
                    format!("{}\t{}\tlast poll {}", t.name, if t.alive { "polls" } else { "silent" }, t.last_poll_date)
                };
                fleet.targets.values().map(line).collect::<Vec<String>>().join("\n")
            })),
            "grant" => {
                self.grant(rest);
                Ok("ok".to_owned())
            }
            "revoke" => {
                self.revoke(rest);
                Ok("ok".to_owned())
            }
            "drop" => {
                self.drop_table(rest);
                Ok("ok".to_owned())
            }
            "agent" => {
                self.agent_running(rest == "on");
                Ok("ok".to_owned())
            }
            "operator" => {
                self.operator(rest == "on");
                Ok("ok".to_owned())
            }
            "restart" => {
                self.restart();
                Ok("ok".to_owned())
            }
            "member" => {
                self.add_member(rest, "WINDOWS_GROUP");
                Ok("ok".to_owned())
            }
            "refuse" => {
                let words: Vec<&str> = rest.split_whitespace().collect();
                let [host, error, state] = words.as_slice() else {
                    return Err("refuse ADDRESS ERROR STATE".to_owned());
                };
                let number = |word: &str| word.parse().map_err(|_| format!("{word:?} is no number"));
                self.refuse_login(host, number(error)?, number(state)?);
                Ok("ok".to_owned())
            }
            "close" => {
                let (error, state) = rest.split_once(' ').ok_or("close ERROR STATE")?;
                let wrong = |_| "close ERROR STATE".to_owned();
                self.close(Some((error.parse().map_err(wrong)?, state.parse().map_err(wrong)?)));
                Ok("ok".to_owned())
            }
            "open" => {
                self.close(None);
                Ok("ok".to_owned())
            }
            "single_user" => {
                self.single_user(rest == "on");
                Ok("ok".to_owned())
            }
            "fault" => {
                let (table, what) = rest.split_once(' ').ok_or("fault TABLE WHAT")?;
                self.fault(table, mishap(what)?);
                Ok("ok".to_owned())
            }
            "clear" => {
                self.clear_faults();
                Ok("ok".to_owned())
            }
            other => Err(format!("no command {other:?}; try help")),
        }
    }
}

fn operation_named(name: &str) -> Option<Operation> {
    Some(match name {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        "start" => Operation::Start,
        "stop" => Operation::Stop,
        "re_enlist" => Operation::ReEnlist,
        "defect" => Operation::Defect,
        "sync_time" => Operation::SyncTime,
        "set_poll" => Operation::SetPoll,
        _ => return None,
    })
}

fn mishap(what: &str) -> Result<Mishap, String> {
    let words: Vec<&str> = what.split_whitespace().collect();
    let number =
        |at: usize| words.get(at).map_or(Ok(0), |w| w.parse::<usize>().map_err(|_| format!("{w:?} is no number")));
    let pause = |at: usize| {
        let text = words.get(at).ok_or("how long?")?;
        Duration::try_from(duration(text)?).map_err(|_| format!("{text:?} is negative"))
    };
    let replies = |reply| Ok(Mishap::Replies { after: 0, replies: vec![reply] });
    match words.first().copied().unwrap_or_default() {
        "lock" => Ok(Mishap::Lock(pause(1)?)),
        "wait" => replies(Reply::Wait(pause(1)?)),
        verb @ ("error" | "abort") => {
            let number_of = u32::try_from(number(1)?).map_err(|_| "error NUMBER [AFTER]")?;
            let class = match number_of {
                601 => 12,
                1205 => 13,
                _ => 16,
            };
            let error =
                ServerError::new(number_of, class, format!("A fault that the lab was told to raise ({number_of})."));
            Ok(Mishap::Error { after: number(2)?, error, abort: verb == "abort" })
        }
        "cut" => replies(Reply::CutAfter(number(1)?)),
        "drip" => replies(Reply::Drip { bytes: number(1)?.max(1), pause: pause(2)? }),
        "close" => replies(Reply::Close),
        "reset" => replies(Reply::Reset),
        other => Err(format!("no fault {other:?}; try help")),
    }
}

/// `90m`, `2h`, `3d`, `500ms`.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let invalid = |_| format!("{text:?} is no duration, such as 90s, 2h or 3d");
    let span: Span = text.parse().map_err(invalid)?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(invalid)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::msdb::Scenario;

    #[test]
    fn commands_change_the_lab() {
        let lab = Lab::scenario(Scenario::Healthy).at("2026-11-22T12:00:00Z");
        assert_eq!(lab.command("stop SQL03").unwrap(), "ok");
        assert_eq!(lab.command("advance 2h").unwrap(), "2026-11-22T14:00:00Z");
        let targets = lab.command("targets").unwrap();
        assert!(targets.contains("SQL03\tsilent\tlast poll 2026-11-22T11:5"), "{targets}");
        assert_eq!(lab.command("refuse 10.1.0.8 18456 8").unwrap(), "ok");
        assert!(lab.command("post SQL03 set_poll").unwrap().starts_with("instance_id "));
        for wrong in
            ["stop SQL99", "post SQL03 sing", "advance soon", "fault systargetservers hiccup", "refuse x y", "fly"]
        {
            assert!(lab.command(wrong).is_err(), "{wrong}");
        }
        assert!(lab.command("help").unwrap().contains("fault TABLE"));
        for fault in ["lock 5s", "wait 10ms", "error 1205 3", "abort 601 1", "cut 100", "drip 1 10ms", "close", "reset"]
        {
            assert_eq!(lab.command(&format!("fault sysjobs {fault}")).unwrap(), "ok", "{fault}");
        }
    }
}
