//! A stand-in master to run against by hand or from a script.
//!
//! Commands come by standard input and by `--control`, one a line; `help` lists them.

use msx_lab::msdb::{Lab, PASSWORD, Scenario, USER};
use msx_lab::tds::Options;
use msx_lab::test_server::{TestServer, encryption};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const USAGE: &str = "\
usage: lab [options]
  --listen ADDRESS      default 127.0.0.1:1433; port 0 takes a free one
  --control ADDRESS     takes commands on this loopback address as well
  --scenario NAME       default healthy; --list shows all
  --targets N           a fleet of this size instead, with --rows N and --jobs N
  --version YEAR        2012 to 2025, default 2022
  --encrypt MODE        none, login_only, required, strict; default login_only
  --zone IANA           zone of the master's wall time, default UTC
  --at TIMESTAMP        sets the clock, which then runs at --speed
  --speed X             default 1; 0 stops the clock
  --user NAME           a login with the rights that monitoring needs, and
  --password-file FILE  its password
  --exit-on-eof         ends when standard input does

Without --user it is msx_exporter with the password Correct-Horse-9814. Standard input takes commands, one a line; help
lists them. No name server knows SQL03: for login_refused and ended_before_login an exporter needs the address from which
it arrives, as `targets: { addresses: [{ match: SQL03, address: 10.1.0.3 }] }` in its configuration.";

#[derive(Default)]
struct Arguments {
    pairs: Vec<(String, String)>,
    exit_on_eof: bool,
}

impl Arguments {
    fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        self.text(name).map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name} {text:?} is no number")))
    }
}

const OPTIONS: [&str; 13] = [
    "--listen",
    "--control",
    "--scenario",
    "--targets",
    "--rows",
    "--jobs",
    "--version",
    "--encrypt",
    "--zone",
    "--at",
    "--speed",
    "--user",
    "--password-file",
];

fn arguments() -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => {
                say(USAGE);
                return Ok(None);
            }
            "--list" => {
                Scenario::all().iter().for_each(|s| say(&format!("{:22} {}", s.name(), s.description())));
                return Ok(None);
            }
            "--exit-on-eof" => arguments.exit_on_eof = true,
            name if OPTIONS.contains(&name) => {
                let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
                arguments.pairs.push((word, value));
            }
            other => return Err(format!("{other:?} is not known\n{USAGE}")),
        }
    }
    Ok(Some(arguments))
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "lab: {error}");
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = arguments()? else { return Ok(()) };
    let lab = build(&arguments)?;
    let mode = arguments.text("--encrypt").unwrap_or("login_only");
    let encryption =
        encryption(mode).ok_or_else(|| format!("--encrypt {mode:?} is none of none, login_only, required, strict"))?;
    let address = arguments.text("--listen").unwrap_or("127.0.0.1:1433");
    let master = TestServer::start(&lab, address, Options { encryption, ..Options::default() })
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}; hint: --listen names another address"))?;
    say(&format!("listening on {}", master.address));
    if let Some(address) = arguments.text("--control") {
        let listener = TcpListener::bind(address).await?;
        if !listener.local_addr()?.ip().is_loopback() {
            return Err("--control listens on a loopback address only".into());
        }
        say(&format!("control on {}", listener.local_addr()?));
        tokio::spawn(control(listener, lab.clone()));
    }
    let input = converse(lab, BufReader::new(tokio::io::stdin()), tokio::io::stdout());
    let exit_on_eof = arguments.exit_on_eof;
    let ended = async move {
        let _ = input.await;
        if !exit_on_eof {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = ended => {}
        signal = tokio::signal::ctrl_c() => signal?,
    }
    master.stop().await;
    // A thread that waits for standard input would keep the runtime from ending.
    std::process::exit(0);
}

fn build(arguments: &Arguments) -> Result<Lab, Box<dyn Error>> {
    let name = arguments.text("--scenario").unwrap_or("healthy");
    let scenario = match arguments.number("--targets", 0)? {
        0 => Scenario::named(name).ok_or_else(|| format!("there is no scenario {name:?}; --list shows all"))?,
        targets => Scenario::Fleet {
            targets,
            rows: arguments.number("--rows", targets * 10)?,
            jobs: arguments.number("--jobs", 3)?,
        },
    };
    let mut lab = Lab::scenario(scenario).version(arguments.number("--version", 2022)?);
    if let Some(zone) = arguments.text("--zone") {
        jiff::tz::TimeZone::get(zone)?;
        lab = lab.zone(zone);
    }
    if let Some(at) = arguments.text("--at") {
        at.parse::<jiff::Timestamp>()?;
        lab = lab.at(at);
    }
    let lab = lab.speed(arguments.number("--speed", 1.0)?);
    let password = match arguments.text("--password-file") {
        Some(file) => std::fs::read_to_string(file)?.trim_end_matches(['\r', '\n']).to_owned(),
        None => PASSWORD.to_owned(),
    };
    lab.set_password(arguments.text("--user").unwrap_or(USER), &password);
    Ok(lab)
}

async fn control(listener: TcpListener, lab: Lab) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let lab = lab.clone();
        tokio::spawn(async move {
            let (read, write) = connection.split();
            let _ = converse(lab, BufReader::new(read), write).await;
        });
    }
}

/// Answers each command by its result and a line `.`, or by a line that begins with `error`.
async fn converse(
    lab: Lab,
    read: impl AsyncBufRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let mut lines = read.lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match lab.command(&line) {
            Ok(answer) => format!("{answer}\n.\n"),
            Err(error) => format!("error {error}\n.\n"),
        };
        write.write_all(answer.as_bytes()).await?;
        write.flush().await?;
    }
    Ok(())
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
