//! Writes what was seen into exporter/FAULTS.md.

use crate::fault::Fault;
use crate::play::Played;
use std::time::Duration;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/FAULTS.md");
const MARKS: [&str; 2] = ["<!-- Written by tests/run faults. -->\n", "<!-- End of what it writes. -->\n"];

pub(crate) fn write<'a>(played: impl Iterator<Item = (&'a Fault, Played)>) {
    let mut table = "| what is played | `/metrics` | overview | log | seen after | complete again after | longest \
                     scrape |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (fault, times) in played {
        let quoted = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let [metrics, page, log] = [fault.metrics, fault.page, fault.log].map(quoted);
        let page = if fault.path == "/" { page } else { format!("`{}`: {page}", fault.path) };
        let [shown, back, longest] = [times.shown, times.back, times.longest_scrape].map(seconds);
        table.push_str(&format!("| {} | {metrics} | {page} | {log} | {shown} | {back} | {longest} |\n", fault.what));
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    std::fs::write(PAGE, [before, MARKS[0], &table, MARKS[1], after].concat()).unwrap();
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
