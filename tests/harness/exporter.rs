//! The real binary: started with a configuration of its own, listened to, and killed at the end.

use super::http::{self, Answer};
use super::{Folder, Page, TestServer, until};
use msx_lab::msdb::{PASSWORD, USER};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// The program under test: the one in the folder MSX_BINARIES, else the one that cargo built for this test.
pub(crate) fn binary() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_msx_exporter").into();
    std::env::var_os("MSX_BINARIES").map_or_else(built, |folder| PathBuf::from(folder).join("msx_exporter"))
}

/// A call of the program without the settings of the user who runs the tests.
pub(crate) fn command() -> Command {
    command_under(&[])
}

fn command_under(words: &[String]) -> Command {
    let mut words = words.iter().map(Into::into).chain([binary()]);
    let mut command = Command::new(words.next().unwrap_or_else(binary));
    command.args(words);
    command.env_clear().stdin(Stdio::null());
    for kept in ["PATH", "SystemRoot", "TEMP", "TMP"] {
        command.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    command().args(args).output().unwrap()
}

/// The exit code.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// What went to standard output.
pub(crate) fn data(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What went to standard error, which is the log.
pub(crate) fn log(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What an exporter is started with.
pub(crate) struct Setup {
    folder: Folder,
    address: String,
    master: Vec<String>,
    ports: String,
    rest: Vec<String>,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    under: Vec<String>,
    unseen_log: Option<(SocketAddr, Stdio)>,
}

impl Setup {
    /// For a master at this address, in clear text, with the right password in a file.
    pub(crate) fn new(address: impl ToString) -> Setup {
        let folder = Folder::new();
        let password = folder.write("password", PASSWORD);
        let setup = Setup {
            folder,
            address: address.to_string(),
            master: Vec::new(),
            ports: "  enabled: false".to_owned(),
            rest: Vec::new(),
            args: Vec::new(),
            environment: Vec::new(),
            under: Vec::new(),
            unseen_log: None,
        };
        setup.master("user", USER).master("password_file", password.to_str().unwrap()).master("encrypt", "off")
    }

    /// The same for another address of the master.
    pub(crate) fn at(self, address: impl ToString) -> Setup {
        Setup { address: address.to_string(), ..self }
    }

    /// For a lab.
    pub(crate) fn of(master: &TestServer) -> Setup {
        Setup::new(master.address)
    }

    /// Sets a key of the section `master`.
    pub(crate) fn master(mut self, key: &str, value: &str) -> Setup {
        self.master.retain(|line| !line.starts_with(&format!("  {key}: ")));
        self.master.push(format!("  {key}: {value}"));
        self
    }

    /// Checks ports, which is off else, with these lines as the section `ports`.
    pub(crate) fn ports(mut self, lines: &str) -> Setup {
        lines.clone_into(&mut self.ports);
        self
    }

    /// Adds lines to the configuration.
    pub(crate) fn with(mut self, lines: &str) -> Setup {
        self.rest.push(lines.to_owned());
        self
    }

    /// Adds a flag.
    pub(crate) fn arg(mut self, arg: &str) -> Setup {
        self.args.push(arg.to_owned());
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Setup {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives it the settings of the allocator that it has where it is installed: those of the unit of systemd.
    pub(crate) fn allocator_as_installed(self) -> Setup {
        let unit = include_str!("../../deploy/systemd/msx_exporter.service");
        let lines = unit.lines().filter_map(|line| line.strip_prefix("Environment="));
        let words = lines.flat_map(|line| line.split(' ')).filter(|word| word.starts_with("MALLOC_"));
        let settings: Vec<_> = words.filter_map(|word| word.split_once('=')).collect();
        assert_eq!(settings.len(), 3, "{settings:?}");
        settings.into_iter().fold(self, |setup, (name, value)| setup.env(name, value))
    }

    /// Starts it under another program, which is called with these words before those of the exporter.
    pub(crate) fn under(mut self, words: &[&str]) -> Setup {
        self.under = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Writes its log to where it is not seen, so where it listens has to be said.
    pub(crate) fn log_to(mut self, log: Stdio) -> Setup {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        self.unseen_log = Some((free.local_addr().unwrap(), log));
        self
    }

    /// The text of the configuration.
    pub(crate) fn config(&self) -> String {
        let master = self.master.join("\n");
        format!("master:\n  address: '{}'\n{master}\nports:\n{}\n{}\n", self.address, self.ports, self.rest.join("\n"))
    }

    /// The folder with its files.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Writes the configuration and answers its path.
    pub(crate) fn write(&self) -> PathBuf {
        self.folder.write("msx_exporter.yml", &self.config())
    }

    /// A call with this configuration that is not `serve`, run to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let file = self.write();
        let mut command = command();
        command.args(args).arg("--config.file").arg(file).args(&self.args).envs(self.environment.iter().cloned());
        command.output().unwrap()
    }

    /// Starts it.
    pub(crate) fn start(self) -> Exporter {
        Exporter::start(self)
    }
}

/// An exporter that serves.
pub(crate) struct Exporter {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    setup: Setup,
}

impl Exporter {
    fn start(mut setup: Setup) -> Exporter {
        let file = setup.write();
        let (listen, stderr) = setup.unseen_log.take().unwrap_or((([127, 0, 0, 1], 0).into(), Stdio::piped()));
        let mut command = command_under(&setup.under);
        command.arg(format!("--web.listen-address={listen}")).arg("--config.file").arg(file).args(&setup.args);
        command.envs(setup.environment.iter().cloned()).stdout(Stdio::piped()).stderr(stderr);
        let mut exporter = Exporter { child: command.spawn().unwrap(), address: listen, log: Arc::default(), setup };
        if listen.port() == 0 {
            exporter.read_log();
            exporter.address = until("the exporter to listen", || exporter.says_where_it_listens());
        } else {
            until("the exporter to listen", || TcpStream::connect(listen).ok());
        }
        exporter
    }

    fn read_log(&mut self) {
        let (lines, written) = (BufReader::new(self.child.stderr.take().unwrap()), self.log.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
    }

    fn says_where_it_listens(&mut self) -> Option<SocketAddr> {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended with {ended:?}: {}", self.log());
        let log = self.log();
        let line = log.lines().find(|line| line.contains("msg=\"listening\"") || line.contains("msg=listening"))?;
        line.split("address=").nth(1)?.split([' ', '"']).find(|part| !part.is_empty())?.parse().ok()
    }

    /// What it was started with.
    pub(crate) fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.setup.folder.path()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line of the log with all of these words.
    pub(crate) fn logged(&self, words: &[&str]) -> String {
        until(&format!("a line of the log with {words:?}; it has:\n{}", self.log()), || {
            let log = self.log();
            log.lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
        })
    }

    /// One request.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::request(self.address, method, path, headers).unwrap_or_else(|error| {
            panic!("{method} {path}: {error}; the exporter's log:\n{}", self.log());
        })
    }

    /// GET.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    /// One scrape, as text.
    pub(crate) fn scrape(&self) -> Page {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Page::parse(&answer.text())
    }

    /// Scrapes until a page is as wished.
    pub(crate) fn scrape_until(&self, what: &str, wished: impl Fn(&Page) -> bool) -> Page {
        until(what, || Some(self.scrape()).filter(|page| wished(page)))
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, and answers what it wrote to standard output.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let status = until("the exporter to end", || self.child.try_wait().unwrap());
        let mut data = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut data).unwrap();
        (status, data)
    }

    /// Whether it still runs.
    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the exporter's log:\n{}", self.log());
        }
    }
}
