//! Shows the exhibits of the lab's tests to foreign clients: a server for each kind of encryption, a named instance
//! at 127.0.0.94 behind a SQL Browser, and a master of each version whose clock stands still.
//!
//! `types <directory>` writes the authority's certificate to `<directory>/ca.pem` and prints one line of JSON with the
//! ports. It ends when its standard input does, so that it never outlives the script that started it.

#[path = "../tests/tds/exhibit.rs"]
mod exhibit;

use msx_lab::browser::{Browser, Instance};
use msx_lab::msdb::{self, Lab, Scenario};
use msx_lab::tds::certs::{Authority, Identity};
use msx_lab::tds::{Encryption, Options, Server};
use msx_lab::test_server::TestServer;
use std::error::Error;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

const BROWSER: &str = "127.0.0.94:1434";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("usage: types <directory>")?);
    let authority = Authority::new("msx-lab")?;
    let ca = directory.join("ca.pem");
    std::fs::write(&ca, authority.pem())?;
    let identity = Arc::new(authority.issue(&["localhost", "127.0.0.1"])?);

    let mut told = serde_json::json!({ "ca": ca, "user": exhibit::USER, "password": exhibit::PASSWORD });
    for (name, address, encryption) in [
        ("none", "127.0.0.1:0", Encryption::None),
        ("login_only", "127.0.0.1:0", Encryption::LoginOnly),
        ("required", "127.0.0.1:0", Encryption::Required),
        ("strict", "127.0.0.1:0", Encryption::Strict),
        ("instance", "127.0.0.94:0", Encryption::None),
    ] {
        let options = Options { encryption, identity: Some(identity.clone()), ..Options::default() };
        let server = Server::bind(address, options).await?;
        told[name] = server.local_addr()?.port().into();
        if name == "instance" {
            // Clients ask port 1434 and no other, so the browser lives at an address that nothing else uses.
            let known = vec![Instance::new("PAYROLL", server.local_addr()?.port()), Instance::new("OTHER", 9)];
            let browser = Browser::bind(BROWSER, known).await?;
            tokio::spawn(browser.run(std::future::pending()));
        }
        tokio::spawn(server.run(Arc::new(exhibit::Exhibit), std::future::pending()));
    }

    told["lab_user"] = msdb::USER.into();
    told["lab_password"] = msdb::PASSWORD.into();
    let mut masters = Vec::new();
    for version in [2012, 2014, 2016, 2017, 2019, 2022, 2025] {
        let master = serve(&master(version, &[])?, &identity).await?;
        told["masters"][version.to_string()] = master.address.port().into();
        masters.push(master);
    }
    // Errors in the middle of the rows, and a lock that is never given up.
    let faults = ["fault syscategories abort 601 1", "fault objects error 1205 1", "fault sysjobs lock 1h"];
    let broken = serve(&master(2022, &faults)?, &identity).await?;
    told["broken"] = broken.address.port().into();

    writeln!(std::io::stdout(), "{told}")?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// A master with something of everything, to which these commands are given.
fn master(version: u16, commands: &[&str]) -> Result<Lab, String> {
    let lab = Lab::scenario(Scenario::Everything).version(version).at("2026-11-22T12:00:00Z").speed(0.0);
    for line in ["grant VIEW DEFINITION", "grant syscategories"].iter().chain(commands) {
        lab.command(line)?;
    }
    Ok(lab)
}

async fn serve(lab: &Lab, identity: &Arc<Identity>) -> std::io::Result<TestServer> {
    let options = Options { encryption: Encryption::LoginOnly, identity: Some(identity.clone()), ..Options::default() };
    TestServer::start(lab, "127.0.0.1:0", options).await
}
