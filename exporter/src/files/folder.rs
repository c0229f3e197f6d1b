//! Reads the files of a folder in which others may write, as a share is. They have places of their own, so that a share
//! that does not answer takes none from the configuration.

use super::{DEADLINE, Places, read_opened, regular, unanswered, within, wrong_kind};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Folders that are read at once, those included that were given up.
static PLACES: Places = Places::new(8);
/// Folders whose reading has not ended: one that does not answer takes no second place from the others.
static UNDER_WAY: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 1_000;
/// Files that are read of one folder.
const MOST_FILES: usize = 16;
/// The largest file in bytes.
const LARGEST: u64 = 256 << 10;

/// A file with what it holds, or why that is not known.
pub(crate) type FileRead = (PathBuf, io::Result<Vec<u8>>);

/// The files of a folder whose names fit a pattern, in which `*` stands for any characters, by their names. Links are not
/// followed, the folder itself may be none, and no file over 256 KiB is read. Blocks for at most 5 s.
///
/// # Errors
/// Why the folder cannot be read, or holds too much.
pub(crate) fn read_folder(folder: &Path, pattern: &str) -> io::Result<Vec<FileRead>> {
    let pattern = pattern.to_owned();
    look_into(folder, move |folder| {
        let facts = fs::symlink_metadata(folder)?;
        if !facts.is_dir() {
            return Err(wrong_kind(&facts, "a folder is read"));
        }
        let names = if pattern.contains('*') { names(folder, &pattern)? } else { vec![pattern.into()] };
        Ok(names.into_iter().map(|name| folder.join(name)).map(|path| (path.clone(), read_unlinked(&path))).collect())
    })
}

/// Whether a folder is there. Blocks for at most 5 s.
///
/// # Errors
/// Why that is not known, or that it is not.
pub(crate) fn find_folder(folder: &Path) -> io::Result<()> {
    look_into(folder, |folder| fs::metadata(folder).map(drop))
}

fn look_into<T: Send + 'static>(
    folder: &Path,
    look: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let folder = folder.to_owned();
    let under_way = UnderWay::begin(&folder)?;
    within(&PLACES, DEADLINE, move || {
        let _until_it_ends = under_way;
        look(&folder)
    })
}

/// A folder while it is read.
struct UnderWay(PathBuf);

impl UnderWay {
    fn begin(folder: &Path) -> io::Result<UnderWay> {
        let mut folders = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = folders.get_or_insert_default().insert(folder.to_owned());
        is_first.then(|| UnderWay(folder.to_owned())).ok_or_else(|| unanswered(DEADLINE))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut folders = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get_or_insert_default().remove(&self.0);
    }
}

fn names(folder: &Path, pattern: &str) -> io::Result<Vec<OsString>> {
    let mut found = Vec::new();
    for (number, entry) in fs::read_dir(folder)?.enumerate() {
        if number == MOST_ENTRIES {
            return Err(too_much(format!("it holds more than {MOST_ENTRIES} files")));
        }
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| fits(pattern, name)) {
            found.push(name);
        }
    }
    if found.len() > MOST_FILES {
        return Err(too_much(format!("more than {MOST_FILES} of its files fit {pattern}")));
    }
    found.sort();
    Ok(found)
}

fn too_much(wrong: String) -> io::Error {
    io::Error::new(io::ErrorKind::QuotaExceeded, wrong)
}

/// Whether a name fits a pattern. What begins with a dot never does: it is the temporary file of a page.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first).filter(|_| !name.starts_with('.')) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn read_unlinked(path: &Path) -> io::Result<Vec<u8>> {
    // It may be replaced before it is opened, so that does not wait for a writer, and what was opened is compared.
    let before = fs::symlink_metadata(path)?;
    regular(&before)?;
    let file = open(path)?;
    let opened = file.metadata()?;
    regular(&opened)?;
    if !is_same(&before, &opened) {
        return Err(io::Error::other("it was replaced while it was read"));
    }
    read_opened(file, &opened, LARGEST)
}

#[cfg(windows)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    /// Opens a link itself, and not what it leads to.
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)
}

#[cfg(not(windows))]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)
}

#[cfg(unix)]
fn is_same(before: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (before.dev(), before.ino()) == (opened.dev(), opened.ino())
}

/// There a link is opened as such, and refused.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(folder: &Path, pattern: &str) -> Vec<(String, Result<usize, String>)> {
        let read = read_folder(folder, pattern).unwrap().into_iter();
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        read.map(|(path, bytes)| (name(path), bytes.map(|it| it.len()).map_err(|error| error.to_string()))).collect()
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, does) in [
            ("msx.prom", "msx.prom", true),
            ("msx.prom", "msx.promx", false),
            ("*.prom", "NODE1.prom", true),
            ("*.prom", ".NODE1.prom.x.tmp", false),
            ("*.prom", ".prom", false),
            ("msx-*-*.prom", "msx-a-b.prom", true),
            ("msx-*-*.prom", "msx-a.prom", false),
            ("*", "x", true),
        ] {
            assert_eq!(fits(pattern, name), does, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_read_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(read(folder.path(), "*.prom").is_empty());
        fs::write(at("a.prom"), "page").unwrap();
        File::create(at("large.prom")).unwrap().set_len(1 << 30).unwrap();
        fs::write(at("a.txt"), "").unwrap();
        let large = Err("larger than 256 KiB".to_owned());
        assert_eq!(read(folder.path(), "*.prom"), [("a.prom".to_owned(), Ok(4)), ("large.prom".to_owned(), large)]);
        for number in 0..MOST_FILES {
            fs::write(at(&format!("{number}.prom")), "").unwrap();
        }
        assert!(read_folder(folder.path(), "*.prom").unwrap_err().to_string().contains("more than 16 of its files"));
        for number in 0..MOST_ENTRIES {
            fs::write(at(&format!("{number}.txt")), "").unwrap();
        }
        assert!(read_folder(folder.path(), "*.prom").unwrap_err().to_string().contains("more than 1000 files"));
        assert_eq!(read(folder.path(), "a.prom"), [("a.prom".to_owned(), Ok(4))], "a name needs no list");
    }

    #[test]
    fn a_folder_that_does_not_answer_takes_one_place_alone() {
        let folder = tempfile::tempdir().unwrap();
        let hung = UnderWay::begin(folder.path()).unwrap();
        for _ in 0..100 {
            let refused = read_folder(folder.path(), "*.prom").unwrap_err();
            assert_eq!(refused.to_string(), "the file system does not answer within 5 s");
        }
        let other = tempfile::tempdir().unwrap();
        assert!(read(other.path(), "*.prom").is_empty());
        drop(hung);
        assert!(read(folder.path(), "*.prom").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_no_link_and_no_file() {
        let folders = tempfile::tempdir().unwrap();
        let at = |name: &str| folders.path().join(name);
        fs::create_dir(at("SQL01")).unwrap();
        fs::write(at("SQL01/a.prom"), "page").unwrap();
        std::os::unix::fs::symlink(at("SQL01"), at("SQL02")).unwrap();
        fs::write(at("SQL03"), "").unwrap();
        for (name, kind) in [("SQL02", "a symbolic link, and only a folder"), ("SQL03", "a file, and only a folder")] {
            for pattern in ["*.prom", "a.prom"] {
                let refused = read_folder(&at(name), pattern).unwrap_err().to_string();
                assert!(refused.contains(kind), "{name} {pattern}: {refused}");
            }
        }
        assert_eq!(read(&at("SQL01"), "*.prom"), [("a.prom".to_owned(), Ok(4))]);
        assert!(find_folder(&at("SQL01")).is_ok());
        assert_eq!(find_folder(&at("SQL04")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_takes_the_place_of_a_page_keeps_no_thread() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.prom");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (done, opened) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(open(&pipe).map(drop)));
        assert!(opened.recv_timeout(DEADLINE).unwrap().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("page"), "page").unwrap();
        std::os::unix::fs::symlink(at("page"), at("link.prom")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero.prom")).unwrap();
        fs::create_dir(at("folder.prom")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe.prom")).status().unwrap().success());
        let read = read(folder.path(), "*.prom");
        let kinds = ["a folder", "a symbolic link", "a named pipe", "a symbolic link"];
        assert_eq!(read.len(), kinds.len());
        for ((name, found), kind) in read.into_iter().zip(kinds) {
            assert!(found.is_err_and(|error| error.contains(kind)), "{name}");
        }
    }
}
