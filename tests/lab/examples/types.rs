//! Shows the exhibits of the lab's tests to foreign clients: four servers, one for each kind of encryption, and a
//! SQL Browser that knows them.
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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("usage: types <directory>")?);
    let authority = Authority::new("msx-lab")?;
    let ca = directory.join("ca.pem");
    std::fs::write(&ca, authority.pem())?;
    let identity = Arc::new(authority.issue(&["localhost", "127.0.0.1"])?);

    let mut told = serde_json::json!({ "ca": ca, "user": exhibit::USER, "password": exhibit::PASSWORD });
    let mut instances = Vec::new();
    for (name, encryption) in [
        ("none", Encryption::None),
        ("login_only", Encryption::LoginOnly),
        ("required", Encryption::Required),
        ("strict", Encryption::Strict),
    ] {
        let options = Options { encryption, identity: Some(identity.clone()), ..Options::default() };
        let server = Server::bind("127.0.0.1:0", options).await?;
        let port = server.local_addr()?.port();
        told[name] = port.into();
        instances.push(Instance::new(name, port));
        tokio::spawn(server.run(Arc::new(exhibit::Exhibit), std::future::pending()));
    }
    // Clients ask port 1434 and no other, so this one lives at an address that nothing else uses.
    let browser = Browser::bind("127.0.0.94:1434", instances).await?;
    told["browser"] = browser.local_addr()?.ip().to_string().into();
    tokio::spawn(browser.run(std::future::pending()));

    writeln!(std::io::stdout(), "{told}")?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
