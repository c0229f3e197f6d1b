//! `cargo demo`: a stand-in master with 24 targets in all states, and the real exporter on it.

use msx_lab::msdb::{Lab, PASSWORD, Scenario, USER};
use msx_lab::stand::Stand;
use msx_lab::tds::{Encryption, Options};
use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::{Child, Command};

/// What to look at first.
const NOTABLE: [(&str, &str); 12] = [
    ("SQL03", "enlisted with sp_msx_enlist, never polled: status 0, date_downloaded empty"),
    ("SQL04", "polled until three days ago; its engine, which must be reachable, refuses"),
    ("SQL01\\PAYROLL", "an instruction failed: everything behind it is held"),
    ("SQL06", "an instruction failed, and then it stopped polling"),
    ("SQL07", "polls, and takes nothing"),
    ("SQL08", "its clock is 12 minutes ahead"),
    ("DEFECTING", "a DEFECT waits for it"),
    ("SQL09", "deleted while it was dead: its DEFECT is an orphan"),
    ("RENAMED-OLD", "renamed without defecting first: its name is gone"),
    ("RENAMED-NEW", "expected by the configuration, not enlisted"),
    ("SLOW-DB", "polls every 15 minutes"),
    ("SQL02", "fine, and two of its jobs fail"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let exporter = build().await?;
    let lab = Lab::scenario(Scenario::Everything);
    let options = Options { encryption: Encryption::Required, ..Options::default() };
    let stand = Stand::start(&lab, "127.0.0.1:0", options).await?;

    let directory = std::env::temp_dir().join(format!("msx-demo-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let outcome = show(&exporter, &directory, stand.address).await;
    stand.stop().await;
    std::fs::remove_dir_all(&directory)?;
    outcome
}

/// Builds the exporter in the profile that this was built in, and answers where it is.
async fn build() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "msx-exporter"]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status().await?.success() {
        return Err("the exporter does not build".into());
    }
    let here = std::env::current_exe()?;
    let name = format!("msx_exporter{}", std::env::consts::EXE_SUFFIX);
    Ok(here.parent().ok_or("this program lies nowhere")?.join(name))
}

async fn show(exporter: &Path, directory: &Path, master: SocketAddr) -> Result<(), Box<dyn Error>> {
    let config = configuration(directory, master)?;
    let listen = free_address()?;
    let mut child = Command::new(exporter)
        .arg("serve")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={listen}"))
        .kill_on_drop(true)
        .spawn()?;
    say(&format!("a stand-in master listens on {master}, the exporter on {listen}\n"));
    for path in ["/", "/metrics", "/api/v1/targets"] {
        say(&format!("  http://{listen}{path}"));
    }
    say("\ntargets to look at:");
    NOTABLE.iter().for_each(|(name, why)| say(&format!("  {name:14} {why}")));
    say("\nCtrl-C ends it.");
    tokio::select! {
        status = child.wait() => Err(format!("the exporter ended by itself: {}", status?).into()),
        signal = tokio::signal::ctrl_c() => {
            signal?;
            end(child).await
        }
    }
}

/// A terminal's Ctrl-C reaches the exporter too; where it does not, it is killed after its time to drain.
async fn end(mut child: Child) -> Result<(), Box<dyn Error>> {
    if tokio::time::timeout(Duration::from_secs(3), child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

fn configuration(directory: &Path, master: SocketAddr) -> Result<PathBuf, Box<dyn Error>> {
    let password = directory.join("password");
    std::fs::write(&password, PASSWORD)?;
    let config = directory.join("msx_exporter.yml");
    // The targets' engines are played by the master's own port, but for one that is down and one whose name is gone.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let text = format!(
        "role: master\nmaster:\n  address: '{master}'\n  user: {USER}\n  password_file: '{}'\n  encrypt: required\n  \
         trust_server_certificate: true\nexpected_targets: [RENAMED-NEW]\nexplain:\n  details: true\nports:\n  \
         interval: 1m\n  overrides:\n    - {{ match: SQL04, host: 127.0.0.1, engine_port: {nobody}, required: true }}\n    \
         - {{ match: RENAMED-OLD, host: renamed-old.invalid, required: true }}\n    \
         - {{ match: '.*', host: 127.0.0.1, engine_port: {} }}\n",
        password.display(),
        master.port()
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

/// The exporter's own port, or the next one that is free.
fn free_address() -> Result<SocketAddr, Box<dyn Error>> {
    let mut addresses = (9814..9914).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| "no port from 9814 to 9913 is free".into())
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
