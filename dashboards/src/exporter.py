"""MSX / Exporter health: whether what the other two pages show can be trusted, and what the exporter costs."""

from .frame import alert_annotations, dashboard, scope_variables, section, start_annotations
from .parts import NONE_ALLOWED, Column, Query, lines, stat, steps, table, timeline
from .promql import SCOPE
from .words import BLUE, GREEN, ORANGE, PURPLE, RED, TEXT, YELLOW

# One per exporter, whatever its role; and no other process that a job named "All" would match.
EXPORTERS = f"msx_exporter_build_info{{{SCOPE}}}"
OURS = f"and on (job, instance) {EXPORTERS}"

# 0 read, 1 failed, 2 timed out, 3 lacks a right.
COLLECTOR = "on (job, instance, collector)"
COLLECTOR_STATE = f"""
    3 * (msx_exporter_collector_permission{{{SCOPE}}} == 0) + {COLLECTOR} 0 * msx_exporter_collector_success{{{SCOPE}}}
    or {COLLECTOR} 2 * (msx_exporter_collector_timeout{{{SCOPE}}} == 1)
    or {COLLECTOR} 1 - msx_exporter_collector_success{{{SCOPE}}}"""
COLLECTOR_STATES = {0: ("read", GREEN), 1: ("failed", RED), 2: ("timed out", ORANGE), 3: ("lacks a right", PURPLE)}


def age(metric):
    """Seconds from a timestamp to the scrape that brought it: both by the clocks of the scrape, never the browser's."""
    return f"clamp_min(timestamp({metric}) - {metric}, 0)"


SWEEP_AT = f"msx_exporter_port_sweep_timestamp_seconds{{{SCOPE}}}"
READ_AT = f"msx_exporter_collector_read_timestamp_seconds{{{SCOPE}}}"


def tiles():
    up = f"up{{{SCOPE}}} and on (job, instance) last_over_time({EXPORTERS}[1d])"
    return [
        stat(
            "No answer",
            "Exporters that Prometheus knew within the day and that do not answer now. Any is bad: start the service, look at its "
            "log, at the firewall and at the scrape configuration.",
            f"count(({up}) == 0) or 0 * count({up})",
            thresholds=NONE_ALLOWED,
            no_value="none scraped",
        ),
        stat(
            "Collectors failing",
            "Parts of the reading that failed at the last scrape, in all chosen exporters. Any is bad: their series are missing, "
            "and verdicts that need them say not known. The table below names the reason.",
            f"count(msx_exporter_collector_success{{{SCOPE}}} == 0) or 0 * count(msx_exporter_collector_success{{{SCOPE}}})",
            thresholds=NONE_ALLOWED,
            no_value="no collector",
        ),
        stat(
            "SQL errors, 1 h",
            "Errors while reading the masters within the last hour. A few after a restart of a master are normal; a steady number "
            "is bad. The graph below shows the stage: connect, tls, login, permission or query.",
            f"sum(increase(msx_exporter_sql_errors_total{{{SCOPE}}}[1h]))",
            decimals=0,
            thresholds=steps(GREEN, (1, YELLOW), (30, RED)),
            no_value="not known",
        ),
        stat(
            "Oldest sweep",
            "How long ago the slowest of the exporters ended its last complete sweep over all ports. Bad is far more than the "
            "interval, 5 minutes by default: ports are then shown as they were, or dropped as too old.",
            f"max({age(SWEEP_AT)})",
            unit="s",
            decimals=0,
            thresholds=steps(GREEN, (900, YELLOW), (1800, RED)),
            no_value="no sweep yet",
        ),
        stat(
            "Series left out",
            "Series that the exporters left out to stay within their limits. Any is bad, because what is left out cannot be "
            "alerted on: raise limits.job_pairs or limits.series, or narrow the filters.",
            f"sum(msx_exporter_series_limited{{{SCOPE}}})",
            thresholds=steps(GREEN, (1, ORANGE)),
            no_value="not known",
        ),
        stat(
            "Configuration",
            "Whether every exporter took its newest configuration. Refused is bad: it goes on with the one before. Run "
            "msx_exporter check-config, which names every fault with its line.",
            f"min(msx_exporter_config_last_reload_successful{{{SCOPE}}})",
            mappings={1: ("loaded", GREEN), 0: ("refused", RED)},
            no_value="not known",
        ),
    ]


def collectors():
    return [
        table(
            "Collectors now",
            "Each part of each exporter's reading at the last scrape, the worst first; all but read is bad. Lacks a right: run msx_exporter grants on "
            "it, which prints the script. Timed out: the master is slow or a lock is held. An old reading is normal where an expensive "
            "one is spaced out, and never for arrivals where no target was silent yet.",
            COLLECTOR_STATE,
            [
                Column("State", COLLECTOR_STATE, width=115, mappings=COLLECTOR_STATES, cell="color-background"),
                Column(
                    "Took",
                    f"msx_exporter_collector_duration_seconds{{{SCOPE}}}",
                    width=85,
                    unit="s",
                    decimals=1,
                    no_value="–",
                    thresholds=steps(TEXT, (2, ORANGE), (8, RED)),
                ),
                Column("Read", age(READ_AT), width=85, unit="s", decimals=0, no_value="never"),
            ],
            labels=["job", "instance", "collector"],
            heads={
                "job": None,
                "collector": Column("Collector", "", label="collector", width=110),
                "instance": Column("Exporter", "", label="instance"),
            },
            width=10,
            no_value="No collector: an exporter on a target has none, or none was scraped.",
        ),
        timeline(
            "Collectors over time",
            "When each collector failed, timed out or lacked a right, of the 10 slowest exporters. Bad on all of an exporter at once: the master could not be "
            "read. Bad on one alone: a right, a lock or a heavy table.",
            [Query(by_exporter(COLLECTOR_STATE, "msx_exporter_collector_duration_seconds"), "{{instance}} {{collector}}")],
            COLLECTOR_STATES,
            width=14,
            no_value="No collector in this time range.",
        ),
    ]


def reading():
    return [
        lines(
            "SQL errors by stage",
            "Errors while reading the masters, by the stage at which the attempt stopped. Bad is anything steady: resolve and "
            "connect point to the network or the service, tls to certificates, login and permission to the account, query to locks.",
            [Query(f"sum by (stage) (increase(msx_exporter_sql_errors_total{{{SCOPE}}}[$__rate_interval]))", "{{stage}}")],
            stacked=True,
            soft_max=1,
            axis="errors",
            decimals=1,
            no_value="No counter: no exporter was scraped",
        ),
        lines(
            "Time of the collectors",
            "How long each collector's statements took, the slowest exporter of each. Over 2 seconds is bad for downloads, which "
            "is then cut off; over the scrape's deadline nothing is read: look at locks and at the size of sysdownloadlist.",
            [Query(f"max by (collector) (msx_exporter_collector_duration_seconds{{{SCOPE}}})", "{{collector}}")],
            unit="s",
            no_value="No collector in this time range",
        ),
    ]


def scrapes():
    return [
        lines(
            "Scrape duration",
            "How long Prometheus waited for each exporter, the 10 slowest. Bad is near the scrape_timeout, 10 seconds by default: "
            "the exporter then answers msx_up 0. Look at the collectors' times above.",
            [Query(of_exporters("scrape_duration_seconds"), "{{instance}}")],
            unit="s",
            no_value="No exporter was scraped",
            width=8,
            many=True,
        ),
        lines(
            "Series in each scrape",
            "How many series each exporter writes, the 10 largest. Steps follow the number of targets and jobs. Bad is near "
            "limits.series, for then families are left out.",
            [Query(of_exporters("scrape_samples_scraped"), "{{instance}}")],
            decimals=0,
            unit="short",
            axis="series",
            no_value="No exporter was scraped",
            width=8,
            many=True,
        ),
        lines(
            "Series left out by limits",
            "Series that an exporter left out, by collector; any is bad. Raise limits.job_pairs, limits.targets or limits.series, "
            "or narrow jobs.include and targets.include.",
            [Query(of_exporters("msx_exporter_series_limited", 5) + " > 0", "{{instance}} {{collector}}")],
            decimals=0,
            stepped=True,
            axis="series",
            unit="short",
            no_value="Nothing was left out",
            width=8,
            many=True,
        ),
    ]


def by_exporter(expression, size, count=10):
    """What the exporters say, of those alone for which `size` was largest within the range.

    Every scrape and every process has some of these series, and with the role target there may be a thousand
    exporters of ours.
    """
    ours = f"last_over_time({EXPORTERS}[$__range] @ end())"
    return (
        f"({expression}) and on (job, instance) topk({count}, "
        f"max by (job, instance) (max_over_time({size}{{{SCOPE}}}[$__range] @ end())) and on (job, instance) {ours})"
    )


def of_exporters(metric, count=10):
    return by_exporter(f"{metric}{{{SCOPE}}}", metric, count)


def sweeps():
    return [
        lines(
            "Time of a port sweep",
            "How long a complete sweep over all ports took, the 10 longest. Bad is longer than ports.interval: sweeps then follow one another without "
            "a pause. Many filtered ports cost their full timeout; raise ports.concurrency.",
            [Query(of_exporters("msx_exporter_port_sweep_duration_seconds"), "{{instance}}")],
            unit="s",
            stepped=True,
            no_value="No sweep has ended yet, or ports.enabled is off",
            width=8,
            many=True,
        ),
        lines(
            "Age of the last port sweep",
            "How long ago the last complete sweep ended, of the same 10 exporters: teeth up to ports.interval are healthy. A line that climbs is bad: the "
            "exporter no longer checks; restart it and keep its log.",
            [Query(by_exporter(age(SWEEP_AT), "msx_exporter_port_sweep_duration_seconds"), "{{instance}}")],
            unit="s",
            no_value="No sweep has ended yet, or ports.enabled is off",
            width=8,
            many=True,
        ),
        lines(
            "Share of ports that are not open",
            "Of the ports that each exporter checks and knows of, how many are not open, by check. A step up is bad on many "
            "targets at once: suspect one firewall rule. A port that is closed for good and only watched is a flat line.",
            [Query(f"avg by (check, direction) (msx_port_open{{{SCOPE}}} == bool 0)", "{{check}} {{direction}}")],
            unit="percentunit",
            no_value="No port is known to be open or closed",
            width=8,
        ),
    ]


def process():
    return [
        lines(
            "Memory",
            "Resident memory of each exporter, the 10 largest. It follows the number of targets and jobs; bad is a line that "
            "climbs for days without them: please report it with the version above.",
            [Query(of_exporters("process_resident_memory_bytes"), "{{instance}}")],
            unit="bytes",
            no_value="Not reported by this platform",
            width=8,
            many=True,
        ),
        lines(
            "CPU",
            "Processor time of the 10 exporters with the most series, as a share of one core. A scrape costs a few milliseconds; more than a few per cent "
            "is bad: look at the number of series and at the scrape interval.",
            [
                Query(
                    by_exporter(f"rate(process_cpu_seconds_total{{{SCOPE}}}[$__rate_interval])", "scrape_samples_scraped"),
                    "{{instance}}",
                )
            ],
            unit="percentunit",
            no_value="Not reported by this platform",
            width=8,
            many=True,
        ),
        lines(
            "Open file descriptors",
            "Open files and sockets as a share of what the exporter may open, of the 10 with the most. Bad is a line that climbs towards 1: checks of "
            "ports then fail for want of sockets. Raise the limit, or lower ports.concurrency.",
            [Query(by_exporter(f"process_open_fds{{{SCOPE}}} / process_max_fds{{{SCOPE}}}", "process_open_fds"), "{{instance}}")],
            unit="percentunit",
            no_value="Not reported by this platform",
            width=8,
            many=True,
        ),
    ]


def exporters_table():
    return table(
        "Exporters",
        "One row for each exporter that answered within the day. Bad: no answer; a version that differs from the others; no "
        "session on the master in the role master. Passive is right on the cluster node that does not hold the instance.",
        f"1 - up{{{SCOPE}}} and on (job, instance) last_over_time({EXPORTERS}[1d])",
        [
            Column(
                "Answers",
                f"up{{{SCOPE}}} and on (job, instance) last_over_time({EXPORTERS}[1d])",
                width=96,
                mappings={1: ("yes", GREEN), 0: ("no answer", RED)},
                cell="color-background",
            ),
            Column("Role", EXPORTERS, label="role", width=75, no_value="–"),
            Column("Version", EXPORTERS, label="version", width=90, no_value="–"),
            Column("Revision", EXPORTERS, label="revision", width=118, no_value="–"),
            Column(
                "Reads master",
                f"msx_up{{{SCOPE}}} or on (job, instance) msx_exporter_passive{{{SCOPE}}} * 2 == 2",
                width=130,
                mappings={1: ("yes", GREEN), 0: ("no", RED), 2: ("passive", BLUE)},
                no_value="on a target",
            ),
            Column("Sessions", f"msx_exporter_sql_connections{{{SCOPE}}}", width=100, no_value="–"),
            Column(
                "Configuration",
                f"msx_exporter_config_last_reload_successful{{{SCOPE}}}",
                width=127,
                mappings={1: ("loaded", GREEN), 0: ("refused", RED)},
                no_value="–",
            ),
            Column(
                "Loaded",
                f"1000 * msx_exporter_config_last_reload_success_timestamp_seconds{{{SCOPE}}}",
                width=138,
                unit="dateTimeFromNow",
                no_value="–",
            ),
            Column(
                "Started",
                f"1000 * process_start_time_seconds{{{SCOPE}}} {OURS}",
                width=138,
                unit="dateTimeFromNow",
                no_value="–",
            ),
        ],
        labels=["job", "instance"],
        heads={
            "job": Column("Job", "", label="job", width=105),
            "instance": Column("Exporter", "", label="instance"),
        },
        no_value="No exporter was scraped within a day: look at the scrape job and at the choice of job and instance.",
    )


def exporter():
    return dashboard(
        "exporter",
        "The exporters themselves: what they could read, errors by stage, the cost of scrapes and port sweeps, limits reached.",
        scope_variables("msx_exporter_build_info"),
        [*alert_annotations(SCOPE), *start_annotations()],
        [
            section("", (4, *tiles())),
            section("Exporters and collectors", (6, exporters_table()), (9, *collectors())),
            section("Reading the master", (8, *reading())),
            section("Scrapes and limits", (8, *scrapes())),
            section("Port sweeps", (8, *sweeps())),
            section("Process", (8, *process())),
        ],
    )
