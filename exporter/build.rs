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
    if env::var("CARGO_CFG_WINDOWS").is_ok() {
        resources();
    }
}

/// What Windows shows of the program in a file's properties, and the message table for the Event Viewer. Without the
/// tools of binutils there is no program: an event without a text helps no one.
fn resources() {
    println!("cargo::rerun-if-changed=events.mc");
    let (Ok(out), Ok(arch), Ok(version)) =
        (env::var("OUT_DIR"), env::var("CARGO_CFG_TARGET_ARCH"), env::var("CARGO_PKG_VERSION"))
    else {
        return println!("cargo::error=cargo says neither where to build nor what");
    };
    let tool = |name: &str| format!("{arch}-w64-mingw32-{name}");
    let numbers: Vec<&str> = version.split(['.', '-', '+']).take(3).collect();
    let numbers = format!("{},0", numbers.join(","));
    let script = format!(
        "1 VERSIONINFO\nFILEVERSION {numbers}\nPRODUCTVERSION {numbers}\nBEGIN\nBLOCK \"StringFileInfo\"\nBEGIN\n\
         BLOCK \"040904b0\"\nBEGIN\nVALUE \"FileDescription\", \"MSX exporter for Prometheus\"\n\
         VALUE \"FileVersion\", \"{version}\"\nVALUE \"InternalName\", \"msx_exporter\"\n\
         VALUE \"OriginalFilename\", \"msx_exporter.exe\"\nVALUE \"ProductName\", \"msx_exporter\"\n\
         VALUE \"ProductVersion\", \"{version}\"\nEND\nEND\nBLOCK \"VarFileInfo\"\nBEGIN\n\
         VALUE \"Translation\", 0x409, 1200\nEND\nEND\n#include \"events.rc\"\n"
    );
    if let Err(error) = std::fs::write(Path::new(&out).join("program.rc"), script) {
        return println!("cargo::error=program.rc: {error}");
    }
    let steps = [
        (tool("windmc"), vec!["-U".to_owned(), "-h".into(), out.clone(), "-r".into(), out.clone(), "events.mc".into()]),
        (tool("windres"), vec!["-I".into(), out.clone(), format!("{out}/program.rc"), format!("{out}/program.o")]),
    ];
    for (program, arguments) in steps {
        match Command::new(&program).args(&arguments).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let words = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
                return println!("cargo::error={program}: {words}");
            }
            Err(error) => return println!("cargo::error={program}: {error}; hint: binutils-mingw-w64-x86-64 has it"),
        }
    }
    println!("cargo::rustc-link-arg-bins={out}/program.o");
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
