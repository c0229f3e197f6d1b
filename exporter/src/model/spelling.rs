//! How far one spelling is from another.

/// By how many slips of the finger one word is another; `None` where it is not near.
pub(crate) fn slips(written: &str, meant: &str) -> Option<usize> {
    let (length, other) = (written.chars().count(), meant.chars().count());
    let most = (length / 3).clamp(1, 3);
    let is_near = length.abs_diff(other) <= most;
    is_near.then(|| distance(written, meant)).filter(|slips| *slips <= most)
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
    use super::slips;

    #[test]
    fn a_swap_is_one_slip_and_a_third_of_a_word_is_another_word() {
        for (written, meant, expected) in [
            ("SQL03", "SQL03", Some(0)),
            ("SQL03", "SLQ03", Some(1)),
            ("SQL3", "SQL03", Some(1)),
            ("SQL03", "WEB03", None),
            ("SQLPROD03", "SQLTEST03", None),
            ("PAYROLL\\A", "PYARLOL\\B", Some(3)),
            ("", "AB", None),
        ] {
            assert_eq!(slips(written, meant), expected, "{written} {meant}");
        }
    }
}
