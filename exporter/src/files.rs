//! Reads the files that a configuration is made of: the configuration itself, passwords, certificates, keys; and writes
//! the file that a command leaves.
//!
//! A file can be a named pipe without a writer, a device without an end, or lie on a server that does not answer. So
//! regular files alone are read (symbolic links are followed, for Kubernetes mounts its volumes with them), each within
//! a deadline, and never more of a file than its bound. What does not answer keeps a thread until it does; how many
//! there can be is bounded too.

mod encoding;
mod folder;
mod replace;

pub(crate) use encoding::{text, unmarked};
pub(crate) use folder::{FileRead, find_folder, read_folder};
pub(crate) use replace::replace;

use crate::model::duration::span;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

/// The deadline for one file. A file server that takes longer counts as one that does not answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// Readings at once, those included that were given up.
static PLACES: Places = Places::new(32);
/// No configuration, password or bundle of certificates is larger.
const LARGEST: u64 = 4 << 20;

/// Reads a file of at most 4 MiB. Blocks for at most 5 s.
///
/// # Errors
/// Why it cannot be read, without its name.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(path, LARGEST)
}

/// Reads a file of at most so many bytes. Blocks for at most 5 s.
///
/// # Errors
/// Why it cannot be read, without its name.
pub(crate) fn read_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    within(&PLACES, DEADLINE, move || read_regular(&path, most))
}

/// When a file was last changed, and its length in bytes. Blocks for at most 5 s.
///
/// # Errors
/// Why that cannot be known.
pub(crate) fn stamp(path: &Path) -> io::Result<(SystemTime, u64)> {
    let path = path.to_owned();
    within(&PLACES, DEADLINE, move || {
        let facts = fs::metadata(&path)?;
        Ok((facts.modified()?, facts.len()))
    })
}

fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Before it is opened, for that alone can block, and once more after, for it may have been replaced in between.
    regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    let opened = file.metadata()?;
    regular(&opened)?;
    read_opened(file, &opened, most)
}

/// What an open file holds, at most so many bytes.
fn read_opened(file: File, facts: &Metadata, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(facts.len().min(most)).unwrap_or_default());
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let most = if most < 1 << 20 { format!("{} KiB", most >> 10) } else { format!("{} MiB", most >> 20) };
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {most}")));
    }
    Ok(bytes)
}

fn regular(facts: &Metadata) -> io::Result<()> {
    if facts.is_file() {
        return Ok(());
    }
    Err(wrong_kind(facts, "regular files are read"))
}

fn wrong_kind(facts: &Metadata, only: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}, and only {only}", kind(facts)))
}

/// What is no regular file, in words.
fn kind(facts: &Metadata) -> &'static str {
    match facts {
        _ if facts.is_dir() => "a folder",
        _ if facts.is_file() => "a file",
        _ if facts.is_symlink() => "a symbolic link",
        _ => special(facts),
    }
}

#[cfg(unix)]
fn special(facts: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = facts.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: &Metadata) -> &'static str {
    "no file"
}

/// Does something that may never end, on a thread of its own, and waits for it no longer than the deadline.
fn within<T: Send + 'static>(
    places: &'static Places,
    deadline: Duration,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = places.take()?;
    let (done, result) = mpsc::sync_channel(1);
    thread::Builder::new().name("file".to_owned()).spawn(move || {
        let result = work();
        drop(place);
        let _ = done.send(result);
    })?;
    match result.recv_timeout(deadline) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(unanswered(deadline)),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("it ended without a result")),
    }
}

fn unanswered(deadline: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the file system does not answer within {}", span(deadline)))
}

/// How many readings there can be at once.
struct Places {
    under_way: AtomicUsize,
    most: usize,
}

/// A place among the readings.
struct Place(&'static Places);

impl Places {
    const fn new(most: usize) -> Places {
        Places { under_way: AtomicUsize::new(0), most }
    }

    fn take(&'static self) -> io::Result<Place> {
        let place = Place(self);
        if self.under_way.fetch_add(1, Ordering::Relaxed) < self.most {
            return Ok(place);
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "too many earlier readings of files have not ended"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_does_not_answer_is_given_up() {
        let (release, held) = channel::<()>();
        let began = std::time::Instant::now();
        let result = within(&PLACES, Duration::from_millis(20), move || Ok(held.recv().is_ok()));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < DEADLINE);
        drop(release);
    }

    #[test]
    fn a_panic_is_an_error() {
        let result = within(&PLACES, DEADLINE, || -> io::Result<()> { std::panic::resume_unwind(Box::new(1)) });
        assert!(result.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn regular_files_alone_are_read() {
        let folder = std::env::temp_dir().join(format!("msx-files-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let (file, link, pipe, socket) =
            (folder.join("file"), folder.join("link"), folder.join("pipe"), folder.join("socket"));
        fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(read(&file).unwrap(), b"x");
        assert_eq!(read(&link).unwrap(), b"x");
        for (path, kind) in [
            (pipe.as_path(), "a named pipe"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a device"),
            (&folder, "a folder"),
        ] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains(kind), "{error}");
        }
        let large = File::create(&file).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        assert_eq!(read(&file).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::remove_dir_all(&folder).unwrap();
    }
}
