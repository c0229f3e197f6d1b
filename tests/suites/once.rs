//! What a command leaves: the page of `once`, the file that is replaced, and data that cannot be written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::exporter::{Setup, code, command, data, log, run};
use harness::{Page, TestServer};
use msx_lab::msdb::Scenario;
use std::fs;
use std::process::{Command, Stdio};

fn flag(path: &std::path::Path) -> String {
    format!("--output.file={}", path.display())
}

#[test]
fn the_page_has_nothing_of_the_process_that_wrote_it() {
    let master = TestServer::play(Scenario::Healthy);
    let output = Setup::of(&master).run(&["once"]);
    assert_eq!(code(&output), 0, "{}", log(&output));
    let page = data(&output);
    for name in ["process_", "msx_exporter_build_info", "msx_exporter_config"] {
        assert!(!page.contains(name), "{name}: {page}");
    }
    let page = Page::parse(&page);
    assert_eq!(page.all("msx_exporter_collector_success", &[]).len(), 5);
    assert_eq!(log(&output), "", "news are not for the mail of cron");
}

#[test]
fn a_label_stands_on_each_series_of_the_page() {
    let master = TestServer::play(Scenario::Everything);
    let setup = Setup::of(&master);
    let plain = data(&setup.run(&["once"]));
    let output = setup.run(&["once", "--output.label=msx=msx01", r#"--output.label=site=A "B"\C"#]);
    assert_eq!(code(&output), 0, "{}", log(&output));
    let labelled = data(&output);
    let series = |page: &str| page.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series(&plain) > 100);
    assert_eq!(series(&labelled), series(&plain));
    for line in labelled.lines().filter(|line| !line.starts_with('#')) {
        let (_, labels) = line.split_once('{').unwrap();
        assert!(labels.contains(r#"msx="msx01",site="A \"B\"\\C""#), "{line}");
    }
    Page::parse(&labelled);

    for (label, part) in [
        ("target=x", "one of the metric"),
        ("instance=x", "belongs to Prometheus"),
        ("a-b=x", "not the name of a label"),
        ("msx", "NAME=VALUE"),
    ] {
        let output = setup.run(&["once", &format!("--output.label={label}")]);
        assert_eq!((code(&output), data(&output)), (64, String::new()), "{label}");
        assert!(log(&output).contains(part), "{label}: {}", log(&output));
    }
    let twice = setup.run(&["once", "--output.label=msx=a", "--output.label=msx=b"]);
    assert_eq!(code(&twice), 64);
    assert!(log(&twice).contains("given twice"), "{}", log(&twice));
}

#[test]
fn documents_of_other_commands_go_to_a_file_too() {
    let setup = Setup::new("127.0.0.1:1");
    for (command, part) in [("grants", "systargetservers"), ("doctor", "1433")] {
        let path = setup.folder().path().join(command);
        let output = setup.run(&[command, &flag(&path)]);
        assert_eq!(data(&output), "", "{command}");
        let document = fs::read_to_string(&path).unwrap();
        assert!(document.contains(part), "{command}: {document}{}", log(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn data_that_cannot_be_written_is_a_failure() {
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let config = format!("--config.file={}", setup.write().display());
    for words in [&["once"][..], &["grants"], &["doctor"], &["catalogue"], &["check-config"], &["--help"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command().args(words).arg(&config).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_ne!(code(&output), 0, "{words:?}");
        assert!(log(&output).contains("standard output cannot be written: "), "{words:?}: {}", log(&output));
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let at = |name: &str| setup.folder().path().join(name);
    let victim = setup.folder().write("victim", "untouched");
    symlink(&victim, at("link")).unwrap();
    // What /dev/stdout is.
    symlink("/proc/self/fd/1", at("stdout")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let device = Command::new("mknod").arg(at("device")).args(["c", "1", "3"]).stderr(Stdio::null()).status();
    let mut refused = vec![("link", "a symbolic link"), ("stdout", "a symbolic link"), ("pipe", "a named pipe")];
    // Root alone may make one.
    refused.extend(device.is_ok_and(|status| status.success()).then_some(("device", "a device")));
    for (name, kind) in refused {
        let before = fs::symlink_metadata(at(name)).unwrap().file_type();
        let output = setup.run(&["once", &flag(&at(name))]);
        assert_eq!((code(&output), data(&output)), (1, String::new()), "{name}");
        assert!(log(&output).contains(kind), "{name}: {}", log(&output));
        let after = fs::symlink_metadata(at(name)).unwrap().file_type();
        assert_eq!((after, after.is_fifo()), (before, name == "pipe"), "{name}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    assert!(setup.folder().names().iter().all(|name| !name.ends_with(".tmp")), "{:?}", setup.folder().names());
}

#[cfg(unix)]
#[test]
fn the_page_is_for_everyone_and_keeps_the_mode_that_it_has() {
    use std::os::unix::fs::PermissionsExt;
    let master = TestServer::play(Scenario::Healthy);
    let setup = Setup::of(&master);
    let path = setup.folder().path().join("msx.prom");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let config = format!("--config.file={}", setup.write().display());
    // As under systemd: what is created is for its owner alone.
    let once = || {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(harness::exporter::binary());
        assert!(shell.args(["once", &config, &flag(&path)]).env_clear().status().unwrap().success());
    };
    once();
    assert_eq!(mode(), 0o644);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    once();
    assert_eq!(mode(), 0o640);
}

/// Only root can make a file system of that size; elsewhere the test of the writer itself stands for this one.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_page_and_no_other_file() {
    let master = TestServer::play(Scenario::Everything);
    let setup = Setup::of(&master);
    let disk = setup.folder().path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(&disk).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) {
        eprintln!("no file system of 32 kB could be mounted");
        return;
    }
    let path = disk.join("msx.prom");
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        fs::write(&path, "old").unwrap();
        for _ in 0..2 {
            let output = setup.run(&["once", &flag(&path)]);
            assert_eq!((code(&output), data(&output)), (1, String::new()), "{}", log(&output));
            assert!(log(&output).contains("No space left"), "{}", log(&output));
            let names: Vec<_> = fs::read_dir(&disk).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["msx.prom"]);
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        }
    }));
    let unmounted = Command::new("umount").arg(&disk).status().unwrap().success();
    assert!(unmounted);
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

#[test]
fn help_says_where_a_document_goes() {
    for command in ["once", "grants", "doctor"] {
        assert!(data(&run(&[command, "--help"])).contains("--output.file <FILE>"), "{command}");
    }
}
