//! Big fleets must not make tests slow. The limits are generous: they catch quadratic work, not a busy machine.

use super::*;
use std::time::{Duration, Instant};

#[test]
fn ten_thousand_targets_and_a_hundred_thousand_rows() {
    let lab = Lab::fleet(10_000, 100_000, 3).at("2026-11-22T12:00:00Z");
    let began = Instant::now();
    let sql = "SELECT t.server_name, COUNT_BIG(d.instance_id) AS n FROM msdb.dbo.systargetservers AS t
               LEFT JOIN msdb.dbo.sysdownloadlist AS d ON d.target_server = t.server_name AND d.status = 0
               WHERE EXISTS (SELECT 1 FROM msdb.dbo.sysdownloadlist AS e WHERE e.target_server = t.server_name)
               GROUP BY t.server_name";
    let found = rows(&run(&lab, sql));
    assert_eq!(found.len(), 10_000);
    let waiting: i64 = found.iter().map(|row| if let Value::Int(n) = row[1] { n } else { 0 }).sum();
    assert_eq!(waiting, 10_000);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
