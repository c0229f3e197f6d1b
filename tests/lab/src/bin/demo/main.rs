//! What `cargo demo` starts once it is built: a stand-in master with 24 targets in all states, and the real exporter on it.

mod folder;
mod signals;

use folder::Folder;
use jiff::{SignedDuration, Timestamp};
use msx_demo::{Arguments, USAGE, arguments, check_free};
use msx_lab::msdb::{Arrival, Lab, Scenario, USER};
use msx_lab::tds::{Encryption, Options};
use msx_lab::test_server::TestServer;
use signals::Signals;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// Within this the exporter answers on any machine; past it, it never will.
const START: Duration = Duration::from_secs(30);

/// What to look at first.
const NOTABLE: [(&str, &str); 13] = [
    ("SQL05", "silent for 20 minutes, and a login from its host is refused: its page says what to paste where"),
    ("SQL03", "enlisted with sp_msx_enlist, never polled: status 0, date_downloaded empty"),
    ("SQL04", "polled until three days ago; its engine, which must be reachable, refuses"),
    ("SQL01\\PAYROLL", "an instruction failed: everything behind it is held"),
    ("SQL06", "an instruction failed, and then it stopped polling"),
    ("SQL07", "polls, and takes nothing"),
    ("SQL08", "its clock is 12 minutes ahead"),
    ("DEFECTING", "a DEFECT waits for it"),
    ("SQL09", "deleted while it was dead: its DEFECT is an orphan, below the targets"),
    ("RENAMED-OLD", "renamed without defecting first: its name is gone"),
    ("RENAMED-NEW", "expected by the configuration, not enlisted"),
    ("SLOW-DB", "polls every 15 minutes"),
    ("SQL02", "fine, and two of its jobs fail"),
];

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match arguments(std::env::args().skip(1)) {
        Ok(Arguments::Help) => print(USAGE),
        Ok(Arguments::Run(listen)) => demo(listen).await,
        Err(error) => Err(error),
    };
    let Err(error) = ended else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::FAILURE
}

/// Runs until a signal ends it. Whatever ends it, both parts are stopped and the folder is removed.
async fn demo(listen: SocketAddr) -> Result<(), String> {
    let mut signals = Signals::new().map_err(|error| format!("signals cannot be waited for: {error}"))?;
    check_free(listen)?;
    let program = exporter()?;
    let lab = master();
    let options = Options { encryption: Encryption::Required, ..Options::default() };
    let master = TestServer::start(&lab, "127.0.0.1:0", options)
        .await
        .map_err(|error| format!("the stand-in master cannot listen on 127.0.0.1: {error}"))?;
    let folder = Folder::create(master.address)?;
    let mut child = start(&program, &folder, listen)?;
    let outcome = tokio::select! {
        outcome = show(&program, &folder, listen, master.address, &mut child) => outcome,
        () = signals.any() => Ok(()),
    };
    let _ = child.kill().await;
    master.stop().await;
    outcome
}

/// All states; and SQL05 has been silent for twenty minutes, while a login from its address is refused at the rhythm of its
/// polls.
fn master() -> Lab {
    let (silent, first) = (SignedDuration::from_mins(20), SignedDuration::from_mins(1));
    let lab = Lab::scenario(Scenario::Everything).at(&(Timestamp::now() - silent).to_string()).speed(1.0);
    lab.stop("SQL05");
    lab.advance(first);
    lab.arrives(folder::REFUSED_ADDRESS, 60, Arrival::Refused(18_456, 8));
    lab.advance(silent - first);
    lab
}

/// The exporter, which is built into the same folder as this program.
fn exporter() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| format!("this program does not know its folder: {error}"))?;
    let program = here.with_file_name(format!("msx_exporter{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        return Err(format!("{} is not there: cargo demo builds it, and then starts this program", program.display()));
    }
    Ok(program)
}

/// Starts the exporter apart from the terminal: what ends this program reaches it from here alone.
fn start(program: &Path, folder: &Folder, listen: SocketAddr) -> Result<Child, String> {
    let log = std::fs::File::create(folder.log())
        .map_err(|error| format!("{} cannot be written: {error}", folder.log().display()))?;
    let mut command = Command::new(program);
    command.arg("serve").arg(format!("--config.file={}", folder.configuration().display()));
    command.arg(format!("--web.listen-address={listen}")).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|error| format!("{} cannot be run: {error}", program.display()))
}

/// Prints the block once the exporter answers, and then waits for its end, which is a fault.
async fn show(
    program: &Path,
    folder: &Folder,
    listen: SocketAddr,
    master: SocketAddr,
    child: &mut Child,
) -> Result<(), String> {
    tokio::select! {
        answers = answers(listen) => answers.map_err(|error| format!("{error}; its log says:\n{}", folder.logged()))?,
        status = child.wait() => return Err(ended(status, folder)),
    }
    print(&block(program, folder, listen, master))?;
    Err(ended(child.wait().await, folder))
}

fn ended(status: std::io::Result<std::process::ExitStatus>, folder: &Folder) -> String {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    format!("the exporter ended by itself ({status}); its log says:\n{}", folder.logged())
}

async fn answers(listen: SocketAddr) -> Result<(), String> {
    let deadline = Instant::now() + START;
    while TcpStream::connect(listen).await.is_err() {
        if Instant::now() > deadline {
            return Err(format!("the exporter does not answer on {listen} within {} s", START.as_secs()));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn block(program: &Path, folder: &Folder, listen: SocketAddr, master: SocketAddr) -> String {
    let (program, config) = (shown(program), folder.configuration());
    let (config, password, log) = (config.display(), folder.password(), folder.log());
    let (password, log) = (password.display(), log.display());
    let targets: Vec<String> = NOTABLE.iter().map(|(name, why)| format!("  {name:14} {why}")).collect();
    let targets = targets.join("\n");
    format!(
        "
A stand-in master with 24 targets in all states, and the exporter on it.

  page           http://{listen}/
  metrics        http://{listen}/metrics
  master         {master}
  user           {USER}, with the password in {password}
  configuration  {config}
  log            {log}

Every command takes this configuration. To paste into another terminal:

  {program} doctor --config.file={config}
  {program} once --config.file={config}

Targets to look at:

{targets}

Ctrl-C ends it."
    )
}

/// The path as it can be typed in this folder.
fn shown(program: &Path) -> String {
    let here = std::env::current_dir().ok();
    let near = here.and_then(|here| program.strip_prefix(here).ok());
    near.unwrap_or(program).display().to_string()
}

/// Prints to standard output. A terminal or a pipe that is gone ends the demo.
fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| format!("standard output is closed: {error}"))
}
