//! What a page must say.

/// The value of the one series with this name and these labels.
fn value(page: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let wanted: Vec<String> = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    let line = page.lines().find(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{']) && wanted.iter().all(|label| rest.contains(label)))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// Whether every collector read everything.
pub(crate) fn is_complete(page: &str) -> Result<(), String> {
    let mut wrong = Vec::new();
    for collector in ["targets", "downloads", "jobs", "server"] {
        for name in ["msx_exporter_collector_success", "msx_exporter_collector_permission"] {
            if value(page, name, &[("collector", collector)]) != Some(1.0) {
                wrong.push(format!("{name} of {collector} is not 1"));
            }
        }
    }
    if value(page, "msx_up", &[]) != Some(1.0) {
        wrong.push("msx_up is not 1".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Whether the rows of the fixture are there.
pub(crate) fn has_fixture(page: &str) -> bool {
    value(page, "msx_target_enlisted", &[("target", "FIXTURE-01")]).is_some()
}

const BACKUP: &str = "Fixture backup";
const PURGE: &str = "Fixture purge";

/// Whether the figures are those of the rows.
pub(crate) fn is_fixture(page: &str) -> Result<(), String> {
    let [first, second, third] = ["FIXTURE-01", "FIXTURE-02\\PAYROLL", "FIXTURE-03"];
    let mut wrong = Vec::new();
    let mut figure = |name: &str, labels: &[(&str, &str)], expected: Option<f64>| {
        let found = value(page, name, labels);
        if found != expected {
            wrong.push(format!("{name}{labels:?} is {found:?} and not {expected:?}"));
        }
    };
    figure("msx_targets", &[], Some(3.0));
    figure("msx_downloadlist_rows", &[], Some(9.0));
    figure("msx_operator_present", &[], Some(1.0));
    figure("msx_orphan_instructions", &[("target", "FIXTURE-04"), ("operation", "defect")], Some(1.0));
    for (target, pending, downloaded, polled) in
        [(first, 0.0, 2.0, 1.0), (second, 3.0, 0.0, 0.0), (third, 1.0, 1.0, 1.0)]
    {
        figure("msx_target_pending_downloads", &[("target", target)], Some(pending));
        figure("msx_target_downloaded_instructions", &[("target", target)], Some(downloaded));
        figure("msx_target_polled", &[("target", target)], Some(polled));
    }
    figure("msx_target_pending_operations", &[("target", second), ("operation", "insert")], Some(2.0));
    figure("msx_target_pending_operations", &[("target", second), ("operation", "stop")], Some(1.0));
    for (target, count) in [(first, 0.0), (third, 2.0)] {
        figure("msx_target_download_errors", &[("target", target)], Some(count));
    }
    for (target, class, count) in
        [(third, "proxy_disabled", Some(1.0)), (third, "other", Some(1.0)), (first, "other", None)]
    {
        figure("msx_target_download_errors_by_class", &[("target", target), ("class", class)], count);
    }
    for (target, group) in [(first, "PRODUCTION"), (first, "TEST"), (second, ""), (third, "PRODUCTION")] {
        figure("msx_target_group_info", &[("target", target), ("group", group)], Some(1.0));
    }
    figure("msx_target_info", &[("target", third), ("location", "Größe \"3\"")], Some(1.0));
    figure("msx_target_poll_interval_seconds", &[("target", third)], Some(900.0));
    figure("msx_target_utc_offset_seconds", &[("target", third)], Some(19_800.0));
    for (job, targets, failed) in [(BACKUP, 2.0, 1.0), (PURGE, 1.0, 0.0)] {
        figure("msx_job_targets", &[("job_name", job)], Some(targets));
        figure("msx_job_failed_targets", &[("job_name", job)], Some(failed));
    }
    for (job, target, success, seconds) in [
        (BACKUP, first, Some(1.0), Some(90.0)),
        (BACKUP, third, Some(0.0), Some(360_001.0)),
        (PURGE, first, None, None),
    ] {
        figure("msx_job_target_last_run_success", &[("job_name", job), ("target", target)], success);
        figure("msx_job_target_last_run_duration_seconds", &[("job_name", job), ("target", target)], seconds);
    }
    // Instants depend on the server's zone; what lies between them does not.
    let mut between = |name: &str, target: &str, seconds: f64| {
        let enlisted = value(page, "msx_target_enlist_timestamp_seconds", &[("target", target)]);
        let found = value(page, name, &[("target", target)]).zip(enlisted).map(|(at, enlisted)| at - enlisted);
        if found != Some(seconds) {
            wrong.push(format!("{name} of {target} is {found:?} s after its enlistment and not {seconds}"));
        }
    };
    between("msx_target_last_poll_timestamp_seconds", first, 878_370.0);
    between("msx_target_last_poll_timestamp_seconds", second, 0.0);
    between("msx_target_oldest_pending_download_timestamp_seconds", second, 10.0);
    between("msx_target_last_download_timestamp_seconds", first, 777_660.0);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}
