//! The real binary, and a client for it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Within this everything that is waited for has happened, on a machine that is busy with other things too.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A call without the settings of the user who runs the tests.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).stdin(Stdio::null());
    command
}

/// A call of the exporter.
pub(crate) fn exporter() -> Command {
    command(env!("CARGO_BIN_EXE_msx_exporter"))
}

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("msx_far_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program that ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An exporter that serves.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    _program: Running,
    _folder: Folder,
}

impl Serving {
    /// Starts it with a configuration, on a port that it chooses, and learns the port from its log.
    pub(crate) fn start(config: &str) -> Serving {
        let folder = Folder::new();
        let mut call = exporter();
        call.arg(format!("--config.file={}", folder.write("msx_exporter.yml", config).display()));
        let child = call.arg("--web.listen-address=127.0.0.1:0").stderr(Stdio::piped()).spawn().unwrap();
        let mut program = Running(child);
        let mut log = BufReader::new(program.0.stderr.take().unwrap()).lines();
        let mut reported = String::new();
        let address = loop {
            let line = log.next().unwrap_or_else(|| panic!("it ended: {reported}")).unwrap();
            reported += &line;
            if let Some((_, rest)) = line.split_once("listening").and_then(|_| line.split_once(" address=")) {
                break rest.split(' ').next().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn(move || log.for_each(drop));
        Serving { address, _program: program, _folder: folder }
    }

    /// Status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(self.address, path)
    }
}

/// Status and body of an answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect_timeout(&address, SOON).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
