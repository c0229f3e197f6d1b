//! "Did you mean": the nearest of some words.

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
    let far = (written.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(&written, candidate), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
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
