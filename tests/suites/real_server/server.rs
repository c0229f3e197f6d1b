//! A server that judges: where it is, how to log in, what it cannot do.

use crate::{Tally, fixture, page, single};
use msx_lab::msdb::{PASSWORD, USER};
use msx_lab::tds::{self, Options};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tiberius::{AuthMethod, EncryptionLevel};
use tokio::runtime::Runtime;

/// A server and the way to it.
#[derive(Debug)]
pub(crate) struct Server {
    /// How its checks are called.
    pub(crate) name: String,
    /// As the exporter's configuration takes it.
    address: String,
    user: String,
    password: String,
    /// The database with the tables.
    pub(crate) msdb: String,
    encrypt: String,
    trust: String,
    ca_file: Option<String>,
    skip: Vec<String>,
    /// Whether the rows of the fixture must be there.
    filled: bool,
}

impl Server {
    /// The stand-in master with the rows of the fixture.
    pub(crate) fn lab(runtime: &Runtime, year: u16, msdb: &str) -> Server {
        let lab = fixture::lab(year, msdb);
        let server = runtime.block_on(tds::Server::bind("127.0.0.1:0", Options::default())).unwrap();
        let address = server.local_addr().unwrap().to_string();
        runtime.spawn(server.run(Arc::new(lab), std::future::pending()));
        Server {
            name: format!("lab {year}, {msdb}"),
            address,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            msdb: msdb.to_owned(),
            encrypt: "off".to_owned(),
            trust: "true".to_owned(),
            ca_file: None,
            skip: Vec::new(),
            filled: true,
        }
    }

    /// The one that the environment names.
    pub(crate) fn real() -> Result<Option<Server>, String> {
        let variable = |name: &str| std::env::var(format!("MSX_TEST_{name}")).ok().filter(|value| !value.is_empty());
        let Some(address) = variable("SERVER") else { return Ok(None) };
        let password = match (variable("PASSWORD"), variable("PASSWORD_FILE")) {
            (Some(password), _) => password,
            (None, Some(file)) => std::fs::read_to_string(&file)
                .map_err(|error| format!("MSX_TEST_PASSWORD_FILE {file} cannot be read: {error}"))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
            (None, None) => return Err("neither MSX_TEST_PASSWORD nor MSX_TEST_PASSWORD_FILE is set".to_owned()),
        };
        let encrypt = variable("ENCRYPT").unwrap_or_else(|| "required".to_owned());
        // Strict encryption always verifies.
        let trust = variable("TRUST").unwrap_or_else(|| (encrypt != "strict").to_string());
        Ok(Some(Server {
            name: address.clone(),
            address,
            user: variable("USER").ok_or("MSX_TEST_USER is not set")?,
            password,
            msdb: variable("MSDB").unwrap_or_else(|| "msdb".to_owned()),
            encrypt,
            trust,
            ca_file: variable("CA_FILE"),
            skip: variable("SKIP").unwrap_or_default().split(',').map(|name| name.trim().to_owned()).collect(),
            filled: false,
        }))
    }

    /// What the driver needs to reach it.
    pub(crate) fn driver(&self) -> Result<(tiberius::Config, SocketAddr), String> {
        let (host, port) = match (self.address.split_once('\\'), self.address.rsplit_once(':')) {
            (Some((host, instance)), _) => (host, browse(host, instance)?),
            (None, Some((host, port))) => (host, port.parse().map_err(|_| format!("{port:?} is no port"))?),
            (None, None) => (self.address.as_str(), 1433),
        };
        let found = (host, port).to_socket_addrs().map_err(|error| format!("{host}: {error}"))?.next();
        let mut config = tiberius::Config::new();
        config.host(host);
        config.port(port);
        config.database("master");
        config.authentication(AuthMethod::sql_server(&self.user, &self.password));
        config.encryption(match self.encrypt.as_str() {
            "strict" => EncryptionLevel::Strict,
            "required" => EncryptionLevel::Required,
            "login_only" => EncryptionLevel::Off,
            "off" => EncryptionLevel::NotSupported,
            other => return Err(format!("MSX_TEST_ENCRYPT is {other:?}")),
        });
        if self.trust == "true" {
            config.trust_cert();
        } else if let Some(file) = &self.ca_file {
            config.trust_cert_ca(file);
        }
        Ok((config, found.ok_or_else(|| format!("{host} has no address"))?))
    }

    /// One run of the real binary: its page.
    pub(crate) fn once(&self) -> Result<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_msx_exporter"))
            .arg("once")
            .env("MSX_EXPORTER__MASTER__ADDRESS", &self.address)
            .env("MSX_EXPORTER__MASTER__USER", &self.user)
            .env("MSX_EXPORTER__MASTER__PASSWORD", &self.password)
            .env("MSX_EXPORTER__MASTER__MSDB", &self.msdb)
            .env("MSX_EXPORTER__MASTER__ENCRYPT", &self.encrypt)
            .env("MSX_EXPORTER__MASTER__TRUST_SERVER_CERTIFICATE", &self.trust)
            .env("MSX_EXPORTER__PORTS__ENABLED", "false")
            .envs(self.ca_file.iter().map(|file| ("MSX_EXPORTER__MASTER__CA_FILE", file)))
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    }
}

/// Asks SQL Browser for the port of one instance ([MC-SQLR] 2.2.3 and 2.2.5).
fn browse(host: &str, instance: &str) -> Result<u16, String> {
    let ask = || -> std::io::Result<String> {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(3)))?;
        socket.send_to(format!("\u{4}{instance}\0").as_bytes(), (host, 1434))?;
        let mut answer = [0; 2_048];
        let length = socket.recv(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[3.min(length)..length]).into_owned())
    };
    let answer = ask().map_err(|error| format!("SQL Browser of {host}: {error}"))?;
    let port = answer.split(';').skip_while(|word| *word != "tcp").nth(1).and_then(|port| port.parse().ok());
    port.ok_or_else(|| format!("SQL Browser of {host} tells no port of {instance}: {answer}"))
}

/// One server before one tally.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) server: &'a Server,
    pub(crate) tally: &'a mut Tally,
}

impl Judge<'_> {
    /// Every statement by itself, then the complete batch through the real binary.
    pub(crate) fn run(self, runtime: &Runtime) {
        let Judge { server, tally } = self;
        let name = |what: &str| format!("{}: {what}", server.name);
        match runtime.block_on(single::Session::open(server)) {
            Err(why) => tally.check(&name("login"), Err(why)),
            Ok(mut session) => {
                for (statement, text) in single::statements(&server.msdb) {
                    if server.skip.contains(&statement) {
                        tally.skip(&name(&statement), "MSX_TEST_SKIP");
                    } else if statement == "timezone" && session.major < 16 {
                        tally.skip(&name(&statement), "SQL Server 2022 brought it");
                    } else {
                        tally.check(&name(&statement), runtime.block_on(session.ask(&statement, &text)));
                    }
                }
            }
        }
        let page = server.once();
        match page {
            Err(why) => tally.check(&name("the complete reading"), Err(why)),
            Ok(page) => {
                tally.check(&name("the complete reading"), page::is_complete(&page));
                if server.filled || page::has_fixture(&page) {
                    tally.check(&name("the figures of the fixture"), page::is_fixture(&page));
                } else {
                    tally.skip(&name("the figures of the fixture"), "its rows are not there");
                }
            }
        }
    }
}
