//! What `--version` says of the build: the revision of the source and the compiler.
#![allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MSX_REVISION");
    println!("cargo::rustc-env=MSX_REVISION={}", revision());
    let rustc = env::var("RUSTC").ok().and_then(|rustc| first_line(&rustc, &["--version"]));
    println!("cargo::rustc-env=MSX_RUSTC={}", rustc.as_deref().unwrap_or("unknown"));
}

/// The variable first: who builds from an archive has no repository, and who builds twice wants the same bytes.
fn revision() -> String {
    if let Some(given) = env::var("MSX_REVISION").ok().filter(|given| !given.is_empty()) {
        return given;
    }
    if let Some(log) =
        first_line("git", &["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists())
    {
        println!("cargo::rerun-if-changed={log}");
    }
    first_line("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}
