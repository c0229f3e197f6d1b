//! What `cargo demo` runs first: it says what comes, and builds what it then starts.

use msx_demo::{Arguments, USAGE, arguments, check_free};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const WHAT_COMES: &str = "\
cargo demo builds the exporter and a stand-in master, and starts both; no SQL Server is needed. The first time this
takes about three minutes on two cores, and downloads the crates; after that, seconds.";

fn main() -> ExitCode {
    let listen = match arguments(std::env::args().skip(1)) {
        Ok(Arguments::Help) => {
            let _ = writeln!(std::io::stdout(), "{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Arguments::Run(listen)) => listen,
        Err(error) => return refuse(&error, 64),
    };
    if let Err(error) = check_free(listen) {
        return refuse(&error, 1);
    }
    let _ = writeln!(std::io::stderr(), "{WHAT_COMES}");
    match build() {
        Ok(demo) => run(Command::new(demo).arg(format!("--listen={listen}"))),
        Err(error) => refuse(&error, 1),
    }
}

fn refuse(error: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::from(code)
}

/// Builds both in the profile that this was built in, with cargo's own progress, and answers the demo's path.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.args(["build", "--locked", "--package", "msx-exporter", "--package", "msx-lab"]);
    command.args(["--bin", "msx_exporter", "--bin", "demo"]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let built = command.status().map_err(|error| format!("{} cannot be run: {error}", cargo.display()))?;
    if !built.success() {
        return Err("the demo could not be built, for the reason that cargo gives above; the first build needs a C \
                    compiler, and a network for the crates"
            .to_owned());
    }
    let here = std::env::current_exe().map_err(|error| format!("this program does not know its folder: {error}"))?;
    Ok(here.with_file_name(format!("demo{}", std::env::consts::EXE_SUFFIX)))
}

/// The demo takes the place of this program, so that every signal reaches it.
#[cfg(unix)]
fn run(demo: &mut Command) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = demo.exec();
    refuse(&format!("{} cannot be run: {error}", demo.get_program().display()), 1)
}

#[cfg(not(unix))]
fn run(demo: &mut Command) -> ExitCode {
    match demo.status() {
        Ok(status) => ExitCode::from(if status.success() { 0 } else { 1 }),
        Err(error) => refuse(&format!("{} cannot be run: {error}", demo.get_program().display()), 1),
    }
}
