//! The scripts of `deploy/sql`: what `msx_exporter grants` prints, for each release and each kind of login.

use super::{Grantee, Principal, Release, complete, revocation};

/// One of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFile {
    /// Its path below `deploy/sql`.
    pub path: String,
    /// Its content.
    pub text: String,
    /// The year of a version for which `grants` prints the same.
    pub year: u16,
    /// The kind of login that it is for.
    pub principal: Principal,
    /// Whether it revokes the rights.
    pub revokes: bool,
}

/// All of them.
pub fn grant_files() -> Vec<GrantFile> {
    let mut files = Vec::new();
    for (folder, year, release) in [("2012-2019", 2019, Release::To2019), ("2022-2025", 2022, Release::From2022)] {
        for (name, principal) in [
            ("sql-login", Principal::SqlLogin),
            ("windows-account", Principal::WindowsAccount),
            ("windows-group", Principal::WindowsGroup),
        ] {
            let grantee = Grantee::unnamed(principal);
            let mut add = |verb: &str, revokes, text| {
                files.push(GrantFile { path: format!("{folder}/{verb}-{name}.sql"), text, year, principal, revokes });
            };
            add("grant", false, complete(&grantee, Some(release)));
            add("revoke", true, revocation(&grantee, Some(release)));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_folders_of_releases_hold_no_script_that_nothing_prints() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sql");
        let mut found = BTreeSet::new();
        for release in grant_files().iter().filter_map(|file| Path::new(&file.path).parent()) {
            for script in fs::read_dir(folder.join(release)).unwrap() {
                let path = script.unwrap().path().strip_prefix(&folder).unwrap().to_owned();
                found.insert(path.to_str().unwrap().replace('\\', "/"));
            }
        }
        assert_eq!(found, grant_files().into_iter().map(|file| file.path).collect::<BTreeSet<String>>());
    }
}
