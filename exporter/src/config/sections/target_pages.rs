//! `target_pages`.

use super::Role;
use crate::config::error::ValueError;
use crate::config::keys::Kind;
use crate::config::readers::DURATION;
use crate::config::scope::Scope;
use crate::config::section::{Context, Reader, section};
use std::path::{Path, PathBuf};
use std::time::Duration;

section! {
    /// Pages that targets write into files, with what only they can know: whether their Agent runs, and how the master
    /// looks from there. Only with `role: master`.
    pub struct TargetPages {
        /// The files, such as `D:\msx\{target}\*.prom`: `{target}` is the folder of a target, `HOST` or `HOST$INSTANCE`,
        /// and `*` in the name of the file stands for any characters, for the nodes of a cluster. Left out, none is
        /// read.
        files: Option<PageFiles> = FILES.optional();
        /// How often they are read, next to the scrapes.
        interval: Duration = DURATION.or("1m");
    }
    check only_next_to_the_master {}
}

const FILES: Reader<PageFiles> = Reader { kind: Kind::File, parse: PageFiles::parse };
/// What stands for the folder of a target.
const TARGET: &str = "{target}";

/// Where the pages of each target are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFiles {
    /// The folder of all folders, with its separator.
    root: String,
    pattern: String,
}

impl PageFiles {
    pub(crate) fn parse(written: &str) -> Result<PageFiles, ValueError> {
        const LIKE: &str =
            if cfg!(windows) { r"write it as D:\msx\{target}\*.prom" } else { "write it as /srv/msx/{target}/*.prom" };
        let is_separator = |character: char| character == '/' || (cfg!(windows) && character == '\\');
        let wrong = |what: &str| Err(ValueError::new(what).expected(LIKE));
        let text = crate::config::parse::text(written)?;
        let Some((root, rest)) = text.split_once(TARGET) else { return wrong("has no {target}") };
        let Some(pattern) = rest.strip_prefix(is_separator).filter(|_| root.ends_with(is_separator)) else {
            return wrong("{target} is not the folder of the file");
        };
        if pattern.is_empty() || pattern.contains(is_separator) || pattern.contains(TARGET) {
            return wrong("does not name a file in the folder {target}");
        }
        if root.contains('*') {
            return wrong("has a * before {target}; only the name of the file may have one");
        }
        Ok(PageFiles { root: root.to_owned(), pattern: pattern.to_owned() })
    }

    /// The folder of all folders.
    pub(crate) fn root(&self) -> &Path {
        Path::new(&self.root)
    }

    /// The folder of a target; `None` where its name would lead elsewhere.
    pub(crate) fn folder(&self, target: &str) -> Option<PathBuf> {
        let name = target.replace('\\', "$");
        let leads_elsewhere = |character: char| character.is_control() || "/:*?\"<>|".contains(character);
        let is_name = !name.is_empty() && !name.contains(leads_elsewhere) && !name.ends_with(['.', ' ']);
        is_name.then(|| PathBuf::from(format!("{}{name}", self.root)))
    }

    /// The server of a share, where the folders are on one.
    pub(crate) fn server(&self) -> Option<&str> {
        let server = self.root.strip_prefix(r"\\")?.split('\\').next()?;
        (!server.is_empty() && server != "." && server != "?").then_some(server)
    }

    /// The name of the files, in which `*` stands for any characters.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }
}

fn only_next_to_the_master(scope: &mut Scope<'_>, context: &Context<'_>) {
    if context.role == Some(Role::Target) && scope.is_written("target_pages.files") {
        let wrong = ValueError::new("has no meaning with role: target, which writes such a page with once");
        scope.fault("target_pages.files", wrong.expected("set role: master or leave it out"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_folder_is_that_of_the_target() {
        let files = PageFiles::parse("/srv/msx/{target}/*.prom").unwrap();
        assert_eq!(
            (files.folder(r"SQL01\PAY").as_deref(), files.pattern()),
            (Some(Path::new("/srv/msx/SQL01$PAY")), "*.prom")
        );
        for name in ["", "..", ".", "../SQL02", "A/B", "C:", "SQL01 ", "SQL01\n", "SQL01."] {
            assert_eq!(files.folder(name), None, "{name:?}");
        }
        assert_eq!(files.folder(r"..\x"), Some(PathBuf::from("/srv/msx/..$x")), "one name, and no way up");
    }

    #[test]
    fn a_share_has_a_server_and_a_drive_has_none() {
        for (root, server) in
            [(r"\\PAGES\msx\", Some("PAGES")), (r"D:\msx\", None), ("/srv/msx/", None), (r"\\?\D:\msx\", None)]
        {
            let files = PageFiles { root: root.to_owned(), pattern: "*.prom".to_owned() };
            assert_eq!(files.server(), server, "{root}");
        }
    }

    #[test]
    fn a_path_that_names_no_folder_for_each_target_is_refused() {
        for (written, why) in [
            ("", "is empty"),
            ("/srv/msx/*.prom", "has no {target}"),
            ("/srv/msx-{target}/x", "is not the folder"),
            ("/srv/{target}", "is not the folder"),
            ("/srv/{target}-x/x", "is not the folder"),
            ("{target}/x", "is not the folder"),
            ("/srv/{target}/", "does not name a file"),
            ("/srv/{target}/a/x", "does not name a file"),
            ("/srv/{target}/{target}", "does not name a file"),
            ("/srv/*/{target}/x", "before {target}"),
        ] {
            let refused = PageFiles::parse(written).unwrap_err();
            assert!(format!("{refused:?}").contains(why), "{written}: {refused:?}");
        }
    }
}
