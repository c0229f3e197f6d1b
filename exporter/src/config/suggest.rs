//! "Did you mean": the nearest of some words.

use crate::model::slips;

/// What other programs call what we call otherwise.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("host", "address"),
    ("server", "address"),
    ("port", "address"),
    ("instance", "address"),
    ("port", "engine_port"),
    ("database", "msdb"),
    ("username", "user"),
    ("login", "user"),
    ("passwd", "password"),
    ("encryption", "encrypt"),
    ("tls", "encrypt"),
    ("trust", "trust_server_certificate"),
];

/// The candidate that was probably meant, by its spelling or because others call it so.
pub(super) fn near<'a>(written: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let called = |candidate: &&str| OTHER_NAMES.contains(&(written, candidate));
    nearest(written, candidates.clone()).or_else(|| candidates.clone().find(called))
}

/// The candidate that is nearest to what was written, if any is near.
pub(super) fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_ascii_lowercase().replace('-', "_");
    let near = candidates.filter_map(|candidate| Some((slips(&written, candidate)?, candidate)));
    near.min_by_key(|(slips, _)| *slips).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_of_the_finger_and_nothing_far() {
        let words = ["address", "auth", "password", "password_file"];
        let near = |written| nearest(written, words.into_iter());
        assert_eq!(near("adress"), Some("address"));
        assert_eq!(near("atuh"), Some("auth"));
        assert_eq!(near("password-file"), Some("password_file"));
        assert_eq!(near("Password"), Some("password"));
        assert_eq!(near("zebra"), None);
    }
}
