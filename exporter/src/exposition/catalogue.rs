//! Every metric, once: rendering, the reference document and the checks of rules and dashboards all read this table.
//!
//! A help text is one plain sentence that says the unit and when the metric is absent. It holds no backslash, no
//! quote and no line break, because prometheus-client writes help texts without escaping them.

use crate::model::{Collector, vocabulary};

/// What a metric is and which labels it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name of its samples; a counter's ends in `_total`.
    pub name: &'static str,
    /// Gauge or counter.
    pub kind: Kind,
    /// Names of its labels, in the order in which they are written.
    pub labels: &'static [&'static str],
    /// The chapter of the reference that it belongs to.
    pub group: Group,
    /// The collector without which it is absent. `None` for what does not come from the master.
    pub collector: Option<Collector>,
    /// One sentence.
    pub help: &'static str,
}

impl Metric {
    /// Whether it is about a process that serves, and not about what a reading found. A page for a textfile collector has
    /// no such metric: the process that wrote it has ended, and the collector's own exporter has them already.
    pub(crate) fn is_of_a_server(&self) -> bool {
        let config = [&BUILD_INFO, &RELOAD_SUCCESSFUL, &RELOAD_AT];
        self.group == Group::Process || config.iter().any(|metric| metric.name == self.name)
    }

    /// The name of the metric family in OpenMetrics, where a counter's has no `_total`.
    pub fn family(&self) -> &'static str {
        match self.kind {
            Kind::Gauge => self.name,
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
        }
    }
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may rise and fall.
    Gauge,
    /// It only rises while the exporter runs.
    Counter,
}

impl Kind {
    /// The name in `# TYPE` lines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        }
    }
}

vocabulary! {
    /// A chapter of the reference, in the order of the page.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Group {
        /// The master itself.
        Master = "master" => "Master",
        /// One target.
        Target = "target" => "Targets",
        /// What a target sees of its master.
        TargetSide = "target_side" => "The far side: with `role: target`",
        /// Port checks.
        Ports = "ports" => "Ports",
        /// Multiserver jobs.
        Jobs = "jobs" => "Multiserver jobs",
        /// The exporter.
        Exporter = "exporter" => "The exporter",
        /// The exporter's process, as every client library has it.
        Process = "process" => "The exporter's process",
    }
}

impl Group {
    /// The heading in the reference.
    pub fn title(self) -> &'static str {
        self.word().title
    }
}

/// Every metric that the exporter can write, in the order of the page.
pub fn catalogue() -> &'static [Metric] {
    CATALOGUE
}

const PORT: &[&str] = &["target", "check", "direction", "master"];
const JOB: &[&str] = &["job_id", "job_name"];
const PAIR: &[&str] = &["job_id", "job_name", "target"];
const TARGET: &[&str] = &["target"];

macro_rules! catalogue {
    ($($group:ident [$collector:expr] { $($id:ident $kind:ident $name:literal $labels:expr, $help:literal;)* })*) => {
        $($(
            #[doc = $help]
            pub(crate) const $id: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                labels: $labels,
                group: Group::$group,
                collector: $collector,
                help: $help,
            };
        )*)*
        static CATALOGUE: &[Metric] = &[$($($id),*),*];
    };
}

catalogue! {
    Master [None] {
        UP Gauge "msx_up" &[],
            "1 when the targets were read in this scrape, else 0; absent while the exporter is passive.";
    }
    Master [Some(Collector::Server)] {
        SERVER_INFO Gauge "msx_server_info" &["server", "version", "edition", "auth_scheme", "encrypted"],
            "1, with the master's name and version and how the exporter's own session reached it; absent when the collector server failed.";
    }
    Master [Some(Collector::Targets)] {
        SERVER_TIME Gauge "msx_server_time_seconds" &[],
            "The master's clock in seconds since 1970 in UTC, read with the polls: take every age from it; absent when msx_up is 0.";
        SERVER_UTC_OFFSET Gauge "msx_server_utc_offset_seconds" &[],
            "Offset of the master's local time from UTC in force now, in seconds east; absent when msx_up is 0.";
        SERVER_START Gauge "msx_server_start_timestamp_seconds" &[],
            "When the master's instance started, in seconds since 1970; absent when msx_up is 0.";
    }
    Master [Some(Collector::Server)] {
        AGENT_RUNNING Gauge "msx_agent_running" &[],
            "1 when SQL Server Agent runs on the master, else 0; absent without the right to see it.";
        OPERATOR_PRESENT Gauge "msx_operator_present" &[],
            "1 when the operator MSXOperator exists, without which enlisting fails, else 0; absent without the right to see it.";
    }
    Master [Some(Collector::Targets)] {
        TARGETS Gauge "msx_targets" &[],
            "Number of enlisted targets, less those that the configuration excludes; absent when msx_up is 0.";
    }
    Master [Some(Collector::Downloads)] {
        ORPHAN_INSTRUCTIONS Gauge "msx_orphan_instructions" &["target", "operation"],
            "Number of waiting instructions whose target is not enlisted, by operation (defect or other); absent where there is none.";
        DOWNLOADLIST_ROWS Gauge "msx_downloadlist_rows" &[],
            "Number of rows of the download list by the table's metadata; absent when the collector downloads failed.";
    }
    Master [Some(Collector::Server)] {
        CERTIFICATE_EXPIRY Gauge "msx_certificate_expiry_timestamp_seconds" &[],
            "When the certificate that the master presents to its targets ends, in seconds since 1970; absent where it was not seen.";
        CERTIFICATE_INFO Gauge "msx_certificate_info" &["subject", "issuer", "self_signed"],
            "1, with the names in the certificate that the master presents to its targets; absent where it was not seen.";
    }
    Target [Some(Collector::Targets)] {
        TARGET_INFO Gauge "msx_target_info" &["target", "location"],
            "1 for each enlisted target, with its location and the labels that targets.labels of the configuration adds.";
        TARGET_GROUP_INFO Gauge "msx_target_group_info" &["target", "group"],
            "1 for each target server group that the target belongs to; one series with an empty group when it is in none.";
        TARGET_ENLISTED Gauge "msx_target_enlisted" TARGET,
            "1 when the target is enlisted, 0 when the configuration expects it and it is not; only its diagnosis is written then.";
        TARGET_EXPECTED Gauge "msx_target_expected" TARGET,
            "1 when expected_targets of the configuration has the enlisted target, else 0; absent where that list is empty.";
        TARGET_ENLISTED_AT Gauge "msx_target_enlist_timestamp_seconds" TARGET,
            "When the target was enlisted, in seconds since 1970; absent when it is not enlisted.";
        TARGET_LAST_POLL Gauge "msx_target_last_poll_timestamp_seconds" TARGET,
            "When the target last polled the master, in seconds since 1970; equals the enlistment until the first poll.";
        TARGET_POLL_INTERVAL Gauge "msx_target_poll_interval_seconds" TARGET,
            "The poll interval that the target reported, in seconds; 60, the default of SQL Server, where it reported 0 or less.";
        TARGET_POLLED Gauge "msx_target_polled" TARGET,
            "0 while the last poll is within 1 second of the enlistment, so that the target has never polled, else 1.";
    }
    Target [Some(Collector::Downloads)] {
        TARGET_PENDING Gauge "msx_target_pending_downloads" TARGET,
            "Number of instructions that wait for the target and have no error; absent when the collector downloads failed.";
        TARGET_PENDING_OPERATIONS Gauge "msx_target_pending_operations" &["target", "operation"],
            "Number of instructions that wait for the target and have no error, by operation; absent where there is none.";
        TARGET_OLDEST_PENDING Gauge "msx_target_oldest_pending_download_timestamp_seconds" TARGET,
            "When the oldest instruction that waits for the target was posted, in seconds since 1970; absent when none waits.";
        TARGET_DOWNLOAD_ERRORS Gauge "msx_target_download_errors" TARGET,
            "Number of instructions that failed on the target; absent when the collector downloads failed.";
        TARGET_DOWNLOAD_ERRORS_BY_CLASS Gauge "msx_target_download_errors_by_class" &["target", "class"],
            "Number of instructions that failed on the target, by class of their error message: by the message's number where the text has one, in any language, else by its English words; absent where it is 0 and when the collector downloads failed.";
        TARGET_DOWNLOADED Gauge "msx_target_downloaded_instructions" TARGET,
            "Number of instructions that the target has downloaded and SQL Server has not yet trimmed; absent until they were counted.";
        TARGET_LAST_DOWNLOAD Gauge "msx_target_last_download_timestamp_seconds" TARGET,
            "When the target last downloaded an instruction, in seconds since 1970; absent when it never did.";
    }
    Target [Some(Collector::Targets)] {
        TARGET_CLOCK_SKEW Gauge "msx_target_clock_skew_seconds" TARGET,
            "Clock of the target minus clock of the master at the last poll, in seconds, folded to the nearest hour; absent until the target polled.";
        TARGET_UTC_OFFSET Gauge "msx_target_utc_offset_seconds" TARGET,
            "The offset from UTC that the target reports, in seconds east, without daylight saving; absent when it is not enlisted.";
        TARGET_MAINTENANCE Gauge "msx_target_maintenance" TARGET,
            "1 while the configuration says that the target is under maintenance, else 0; absent when it is not enlisted, and where the configuration has no maintenance window.";
        TARGET_DIAGNOSIS Gauge "msx_target_diagnosis" &["target", "cause"],
            "1 for the cause that explains the target's state; the other causes are absent. Over a range of time use msx_target_diagnosis_code.";
        TARGET_DIAGNOSIS_CODE Gauge "msx_target_diagnosis_code" TARGET,
            "The number of the cause that explains the target's state, 0 when all is well; the reference lists the numbers, which never change.";
        TARGET_MASTER_EVIDENCE Gauge "msx_target_master_evidence" &["target", "evidence"],
            "1 for what the master itself shows of a silent target (agent_connected, refused, before_login, reached, connected, no_trace or unknown); absent while it is not silent, and where the collector arrivals is switched off.";
    }
    TargetSide [None] {
        TARGET_MASTER_INFO Gauge "msx_target_master_info" &["target", "master"],
            "1, with the master that this target was enlisted to as its own registry has it; absent where the registry does not hold it.";
        TARGET_ENCRYPT_CHANNEL_OPTION Gauge "msx_target_encrypt_channel_option" TARGET,
            "MsxEncryptChannelOptions of this target: 0, 1 or 2, its default; absent where the registry cannot be read.";
        MASTER_CERTIFICATE_VALID Gauge "msx_master_certificate_valid" &["target", "reason"],
            "1 for what a client that verifies the master's certificate, as MsxEncryptChannelOptions 2 does, would say of it (ok, untrusted, name_mismatch, expired, no_tls), looked at once an hour; absent where it was not seen.";
        TARGET_PAGE_TIMESTAMP Gauge "msx_target_page_timestamp_seconds" TARGET,
            "When the newest page of this target was taken, in seconds since 1970 by the clock of its host; absent where no page was read.";
        TARGET_PAGE_INTERVAL Gauge "msx_target_page_interval_seconds" TARGET,
            "How often such a page is taken, in seconds, as its schedule states it; absent where it states none.";
        TARGET_PAGE_INFO Gauge "msx_target_page_info" &["target", "node", "source", "version"],
            "1, with the computer on which the page was taken, what took it (exporter or script) and its version; on the page itself alone.";
        TARGET_INSTANCE_RUNNING Gauge "msx_target_instance_running" TARGET,
            "1 when the service of the target's instance runs on this computer, else 0, as on a passive node of a cluster; absent where the service manager may not be asked.";
        TARGET_AGENT_RUNNING Gauge "msx_target_agent_running" TARGET,
            "1 when the service of the target's SQL Server Agent runs on this computer, else 0; absent where the service manager may not be asked.";
        TARGET_AGENT_START_MODE Gauge "msx_target_agent_start_mode_info" &["target", "mode"],
            "1 for how the service of the target's SQL Server Agent starts; absent where the service manager may not be asked.";
        MASTER_CERTIFICATE_LOOK Gauge "msx_master_certificate_look_info" &["target", "name", "store", "sha256"],
            "1, with the name for which the master's certificate was judged, by whose store, and the SHA-256 of the certificate that it presented; absent where it was not seen.";
    }
    Ports [None] {
        PORT_OPEN Gauge "msx_port_open" PORT,
            "1 when the port is open, 0 when it is not; absent where that cannot be known. As of msx_port_check_timestamp_seconds.";
        PORT_REQUIRED Gauge "msx_port_required" PORT,
            "1 when this port must be open, 0 when it is only watched. As of msx_port_check_timestamp_seconds.";
        PORT_PROTOCOL_OK Gauge "msx_port_protocol_ok" PORT,
            "1 when the right protocol answered, else 0; absent where only the connection was tried. As of msx_port_check_timestamp_seconds.";
        PORT_STATE Gauge "msx_port_state" &["target", "check", "direction", "master", "state"],
            "1 for the state in which the check found the port; the other states are absent. As of msx_port_check_timestamp_seconds.";
        PORT_CHECKED_AT Gauge "msx_port_check_timestamp_seconds" PORT,
            "When the port was last checked, in seconds since 1970; the series of a check older than 3 sweeps are absent.";
        PORT_INFO Gauge "msx_port_info" &["target", "check", "direction", "master", "port", "protocol", "source"],
            "1, with the port's number (empty where it is not known), its transport protocol and where the number comes from; absent over limits.series.";
        PORT_CONNECT_DURATION Gauge "msx_port_connect_duration_seconds" PORT,
            "How long the last connect took, in seconds; absent where there was none and over limits.series.";
        PORT_PROTOCOL_DURATION Gauge "msx_port_protocol_duration_seconds" PORT,
            "How long the last handshake of the protocol took, in seconds; absent where there was none and over limits.series.";
    }
    Jobs [Some(Collector::Jobs)] {
        JOB_INFO Gauge "msx_job_info" &["job_id", "job_name", "enabled"],
            "1 for each multiserver job, with enabled as true or false; absent when the collector jobs failed.";
        JOB_TARGETS Gauge "msx_job_targets" JOB,
            "Number of targets that the job is sent to; absent when the collector jobs failed.";
        JOB_FAILED_TARGETS Gauge "msx_job_failed_targets" JOB,
            "Number of targets on which the job's last run failed or was cancelled; absent when the collector jobs failed.";
        JOB_RUN_SUCCESS Gauge "msx_job_target_last_run_success" PAIR,
            "1 when the job's last run on the target succeeded, 0 when it failed or was cancelled; absent when it never ran, over limits.job_pairs and over limits.series.";
        JOB_RUN_AT Gauge "msx_job_target_last_run_timestamp_seconds" PAIR,
            "When the job last ran on the target, in seconds since 1970; absent when it never ran, over limits.job_pairs and over limits.series.";
        JOB_RUN_DURATION Gauge "msx_job_target_last_run_duration_seconds" PAIR,
            "How long the job's last run on the target took, in seconds; absent when it never ran, over limits.job_pairs and over limits.series.";
    }
    Exporter [None] {
        BUILD_INFO Gauge "msx_exporter_build_info" &["version", "revision", "rustc", "role"],
            "1, with the exporter's version, its source revision, its compiler and its role.";
        COLLECTOR_SUCCESS Gauge "msx_exporter_collector_success" &["collector"],
            "1 when the collector read everything that it is for, else 0; absent when it is switched off.";
        COLLECTOR_DURATION Gauge "msx_exporter_collector_duration_seconds" &["collector"],
            "How long the collector's statements took, in seconds; absent when it is switched off.";
        COLLECTOR_TIMEOUT Gauge "msx_exporter_collector_timeout" &["collector"],
            "1 when a deadline ended the collector, else 0; absent when it is switched off.";
        COLLECTOR_PERMISSION Gauge "msx_exporter_collector_permission" &["collector"],
            "1 when the login has every right that the collector needs, else 0; absent when it is switched off.";
        COLLECTOR_READ_AT Gauge "msx_exporter_collector_read_timestamp_seconds" &["collector"],
            "When the collector's rows were read, in seconds since 1970; older than the scrape only for a reading that is spaced out, and absent when there is none.";
        SQL_ERRORS Counter "msx_exporter_sql_errors_total" &["stage"],
            "Number of errors while reading the master, by the stage at which the attempt stopped.";
        SQL_CONNECTIONS Gauge "msx_exporter_sql_connections" &[],
            "Number of connections to the master that are open now.";
        LOG_LINES_LOST Counter "msx_exporter_log_lines_lost_total" &[],
            "Number of lines of the log that could not be written, or not in time.";
        HTTP_REFUSED Counter "msx_exporter_http_refused_total" &["reason"],
            "Number of requests and connections that the web server refused or ended, by reason; absent on a page that no server wrote.";
        PROBES Counter "msx_exporter_probes_total" &[],
            "Number of requests to /probe; absent on a page that no server wrote.";
        PROBE_FAILURES Counter "msx_exporter_probe_failures_total" &["reason"],
            "Number of requests to /probe that were answered without a probe, by reason; absent on a page that no server wrote.";
        PORT_CHECKS Counter "msx_exporter_port_checks_total" &["check"],
            "Number of port checks done since the exporter started.";
        PORT_CHECK_FAILURES Counter "msx_exporter_port_check_failures_total" &["check"],
            "Number of port checks since the exporter started that did not find the port open.";
        SWEEP_DURATION Gauge "msx_exporter_port_sweep_duration_seconds" &[],
            "How long the last complete sweep over all ports took, in seconds; absent until one has ended.";
        SWEEP_AT Gauge "msx_exporter_port_sweep_timestamp_seconds" &[],
            "When the last complete sweep over all ports ended, in seconds since 1970; absent until one has ended.";
        SERIES_LIMITED Gauge "msx_exporter_series_limited" &["collector"],
            "Number of series that were left out because of a limit; a pair over limits.job_pairs counts as 3, a target over limits.targets as 1.";
        RELOAD_SUCCESSFUL Gauge "msx_exporter_config_last_reload_successful" &[],
            "1 when the last attempt to load the configuration succeeded, else 0.";
        RELOAD_AT Gauge "msx_exporter_config_last_reload_success_timestamp_seconds" &[],
            "When the configuration was last loaded successfully, in seconds since 1970; absent when it never was.";
        PASSIVE Gauge "msx_exporter_passive" &[],
            "1 while the exporter stays still on a cluster node that does not hold the instance, else 0; absent unless only_if_local is set.";
    }
    Process [None] {
        PROCESS_CPU Counter "process_cpu_seconds_total" &[],
            "User and system CPU time spent by the process, in seconds; absent where the platform does not report it.";
        PROCESS_OPEN_FDS Gauge "process_open_fds" &[],
            "Number of open file descriptors of the process; absent where the platform does not report it.";
        PROCESS_MAX_FDS Gauge "process_max_fds" &[],
            "Largest number of file descriptors that the process may open; absent where the platform does not report it.";
        PROCESS_RESIDENT Gauge "process_resident_memory_bytes" &[],
            "Resident memory of the process, in bytes; absent where the platform does not report it.";
        PROCESS_VIRTUAL Gauge "process_virtual_memory_bytes" &[],
            "Virtual memory of the process, in bytes; absent where the platform does not report it.";
        PROCESS_START Gauge "process_start_time_seconds" &[],
            "When the process started, in seconds since 1970; absent where the platform does not report it.";
        PROCESS_THREADS Gauge "process_threads" &[],
            "Number of threads of the process; absent where the platform does not report it.";
    }
}
