//! Shows the exhibits of the lab's tests to foreign clients: a server for each kind of encryption, and a named instance
//! at 127.0.0.94 behind a SQL Browser.
//!
//! `types <directory>` writes the authority's certificate to `<directory>/ca.pem` and prints one line of JSON with the
//! ports. It ends when its standard input does, so that it never outlives the script that started it.

#[path = "../tests/tds/exhibit.rs"]
mod exhibit;

use msx_lab::browser::{Browser, Instance};
use msx_lab::tds::certs::Authority;
use msx_lab::tds::{Encryption, Options, Server};
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

    writeln!(std::io::stdout(), "{told}")?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
