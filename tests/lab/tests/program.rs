//! What the program `lab` says to a person.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;
use std::process::Command;

#[test]
fn what_it_refuses_is_readable() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    for (arguments, says) in [
        (["--lisen", "x"], "lab: \"--lisen\" is not known\nusage: lab".to_owned()),
        (["--scenario", "nope"], "lab: there is no scenario \"nope\"; --list shows all\n".to_owned()),
        (["--listen", &address], format!("lab: cannot listen on {address}: ")),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_lab")).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.starts_with(&says), "{arguments:?}: {said}");
    }
}
