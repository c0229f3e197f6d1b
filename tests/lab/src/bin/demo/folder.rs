//! The demo's files: a folder of its own that only this user can read, and that goes with the demo.

use msx_lab::msdb::{PASSWORD, USER};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// From where SQL05 arrives: a private address, which nothing connects to.
pub(crate) const REFUSED_ADDRESS: &str = "10.1.0.5";

/// It is removed when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Creates it, with the password and a configuration for this master.
    ///
    /// # Errors
    /// A sentence that names the path at fault.
    pub(crate) fn create(master: SocketAddr) -> Result<Folder, String> {
        let path = std::env::temp_dir().join(format!("msx-demo-{}", std::process::id()));
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{} is left from another program: remove it", path.display()),
            _ => format!("{} cannot be created: {error}; TMPDIR names another folder", path.display()),
        })?;
        let folder = Folder(path);
        folder.write(&folder.password(), PASSWORD)?;
        folder.write(&folder.configuration(), &folder.text(master)?)?;
        Ok(folder)
    }

    pub(crate) fn password(&self) -> PathBuf {
        self.0.join("password")
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.0.join("msx_exporter.yml")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("msx_exporter.log")
    }

    /// The end of the exporter's log, for a message about its end.
    pub(crate) fn logged(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), String> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    fn text(&self, master: SocketAddr) -> Result<String, String> {
        // The targets' engines are played by the master's own port, but for one that is down and one whose name is gone.
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let closed = closed.map_err(|error| format!("no port of 127.0.0.1 can be had: {error}"))?.port();
        Ok(format!(
            "role: master\nmaster:\n  address: '{master}'\n  user: {USER}\n  password_file: '{}'\n  encrypt: required\n  \
             trust_server_certificate: true\nexpected_targets: [RENAMED-NEW]\ntargets:\n  addresses: [{{ match: SQL05, address: {REFUSED_ADDRESS} }}]\nexplain:\n  details: true\nports:\n  \
             interval: 1m\n  overrides:\n    - {{ match: SQL04, host: 127.0.0.1, engine_port: {closed}, required: true }}\n    \
             - {{ match: RENAMED-OLD, host: renamed-old.invalid, required: true }}\n    \
             - {{ match: '.*', host: 127.0.0.1, engine_port: {} }}\n",
            self.password().display(),
            master.port()
        ))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
