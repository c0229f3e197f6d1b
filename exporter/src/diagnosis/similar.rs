//! The targets that were probably meant by a name that none has.

use super::MasterFleet;
use crate::model::{ServerName, names, slips};

/// Names that are offered.
const MOST: usize = 3;

impl MasterFleet {
    /// The names that are nearest to one that no target has: by slips of the finger, then those of its host, then those that
    /// contain it.
    pub(crate) fn similar(&self, asked: &str) -> Vec<&str> {
        let asked = names::key(asked);
        let host = ServerName::of(&asked).host;
        let mut near: Vec<(usize, &str)> = self
            .targets
            .iter()
            .filter_map(|target| Some((rank(&asked, host, &target.name)?, target.name.as_str())))
            .collect();
        near.sort_by_key(|(rank, _)| *rank);
        near.into_iter().take(MOST).map(|(_, name)| name).collect()
    }
}

fn rank(asked: &str, host: &str, name: &str) -> Option<usize> {
    const OF_ITS_HOST: usize = 10;
    const CONTAINS: usize = 11;
    let key = names::key(name);
    let has_its_host = || host == ServerName::of(&key).host;
    slips(asked, &key)
        .or_else(|| has_its_host().then_some(OF_ITS_HOST))
        .or_else(|| key.contains(asked).then_some(CONTAINS))
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{fleet, target};

    #[test]
    fn the_nearest_come_first_and_three_are_enough() {
        let names = ["SQL01", "SQL01\\PAYROLL", "SQL02", "SQL03", "SQL04", "WEB1", "über"];
        let fleet = fleet(names.map(target).into());
        for (asked, similar) in [
            ("SQL05", &["SQL01", "SQL02", "SQL03"][..]),
            ("sql01\\payrol", &["SQL01\\PAYROLL", "SQL01"]),
            ("SQL01\\CRM", &["SQL01", "SQL01\\PAYROLL"]),
            ("payroll", &["SQL01\\PAYROLL"]),
            ("ÜBRE", &["über"]),
            ("ORACLE", &[]),
        ] {
            assert_eq!(fleet.similar(asked), similar, "{asked}");
        }
    }
}
