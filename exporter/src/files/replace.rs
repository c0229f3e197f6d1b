//! Puts a document in place of a file: its readers see the old one or the new one, never a part.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::Path;

/// Characters of the file's name in that of the temporary one.
const SHOWN: usize = 32;

/// Writes a new file next to `path` and renames it to that. Blocks for at most 5 s.
///
/// The new file is created exclusively, under a name that cannot be guessed, so that a link which somebody planted is
/// not followed; it is removed on every failure. It has the mode of the file before, else 0644. What is no regular file
/// is never replaced.
///
/// # Errors
/// Why the document is not there, without the name of the file.
pub(crate) fn replace(path: &Path, text: String) -> io::Result<()> {
    let path = path.to_owned();
    super::within(&super::PLACES, super::DEADLINE, move || replace_by(&path, |file| file.write_all(text.as_bytes())))
}

fn replace_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let before = match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_file() => Some(facts),
        Ok(facts) => {
            let kind = super::kind(&facts);
            let wrong =
                format!("it is {kind}, and only a regular file is replaced; without the flag it is standard output");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What a killed run leaves says whose it is, and is no longer than a name may be.
    let start: String = name.to_string_lossy().chars().take(SHOWN).collect();
    let prefix = format!(".{start}.");
    let mut file = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(|error| uncreated(folder, error))?;
    write(file.as_file_mut())?;
    permit(file.as_file(), before.as_ref())?;
    // Some file systems find out here that they are full.
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// Why a new file cannot be created in a folder, without the name that was tried, which means nothing to a reader.
fn uncreated(folder: &Path, error: io::Error) -> io::Error {
    let folder = folder.display();
    let text = match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {folder} is not there; hint: create it, or name another file"),
        io::ErrorKind::PermissionDenied => {
            format!("this account may not create a file in {folder}; hint: let it write there, or name another file")
        }
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

#[cfg(unix)]
fn permit(file: &File, before: Option<&Metadata>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = before.map_or(0o644, |facts| facts.permissions().mode() & 0o777);
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// On Windows a new file has the rights of its folder.
#[cfg(not(unix))]
fn permit(_: &File, _: Option<&Metadata>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn names(folder: &tempfile::TempDir) -> Vec<PathBuf> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_nothing_is_left_next_to_it() {
        let folder = folder();
        let path = folder.path().join("msx.prom");
        replace(&path, "old".into()).unwrap();
        replace(&path, "new".into()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(&folder), [PathBuf::from("msx.prom")]);
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_and_no_other() {
        let folder = folder();
        let path = folder.path().join("msx.prom");
        fs::write(&path, "old").unwrap();
        let full = replace_by(&path, |file| {
            file.write_all(b"half a pa")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(&folder), [PathBuf::from("msx.prom")]);
    }

    #[test]
    fn a_name_may_be_as_long_as_the_system_allows() {
        let folder = folder();
        let path = folder.path().join("n".repeat(255));
        replace(&path, "page".into()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "page");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let error = replace(Path::new("/nonexistent/msx.prom"), "x".into()).unwrap_err().to_string();
        assert_eq!(error, "the folder /nonexistent is not there; hint: create it, or name another file");
        assert!(replace(Path::new("/"), "x".into()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_for_everyone_and_an_old_one_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder();
        let path = folder.path().join("msx.prom");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        replace(&path, "new".into()).unwrap();
        assert_eq!(mode(), 0o644);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, "newer".into()).unwrap();
        assert_eq!(mode(), 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_stays_and_a_planted_link_is_not_followed() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = folder();
        let (victim, pipe, link) =
            (folder.path().join("victim"), folder.path().join("pipe"), folder.path().join("link"));
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, kind) in [(&pipe, "a named pipe"), (&link, "a symbolic link")] {
            let error = replace(path, "page".into()).unwrap_err().to_string();
            assert!(error.contains(kind), "{error}");
        }
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        // The name that a process could be expected to choose.
        let planted = folder.path().join(format!("msx.prom.{}.tmp", std::process::id()));
        symlink(&victim, &planted).unwrap();
        replace(&folder.path().join("msx.prom"), "page".into()).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert!(fs::symlink_metadata(&planted).unwrap().is_symlink());
    }
}
