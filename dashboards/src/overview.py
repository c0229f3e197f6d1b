"""MSX / Fleet overview: all masters and all their targets. Which target is silent, why, and which port is closed."""

from .frame import (
    alert_annotations,
    dashboard,
    enlistment_annotation,
    scope_variables,
    section,
    start_annotations,
    target_link,
    variable,
)
from .parts import NONE_ALLOWED, Column, Query, lines, stat, steps, table, text, timeline
from .promql import (
    BY_PORT,
    BY_TARGET,
    CODES,
    MASTER_STATE,
    PASSIVE,
    SCOPE,
    TARGETS,
    TO_MASTER,
    UNREADABLE,
    diagnosis_code,
    in_group,
    lateness,
    not_polling,
    of_its_master,
    ok_share,
    oldest_pending_age,
    required_closed,
    tidy,
    unnamed,
    way_closed,
    way_to_master,
    worst,
)
from .words import (
    BLUE,
    CAUSES,
    CHECKS,
    DARK_ORANGE,
    GREEN,
    MASTER_OFFSET,
    MASTER_STATES,
    ORANGE,
    RED,
    REQUIRED,
    TEXT,
    YELLOW,
    cause_codes,
    cause_names,
    evidence_words,
    port_words,
    said_above,
)

DAY = 86400

TARGET_ROW = ["job", "instance", "target"]
MASTER_ROW = ["job", "instance"]
# What is 0 where at least one master was read, and absent where none was: no panel says 0 of what is not known.
KNOWN = f"0 * count(msx_up{{{SCOPE}}} == 1)"
UNREAD = "not known"
NO_TARGETS = "No target to show: none is enlisted, none is chosen, or no master can be read. The first tile above tells."

ENLISTED = f"msx_target_enlisted{{{TARGETS}}}"
# For how much of the time range a target was not fine, and among equals how late it is now. It is asked once, by a hidden
# variable: the graphs then ask for these targets alone, not for a thousand of them at every one of their points.
BAD_SHARE = f"1000 * (1 - {ok_share(TARGETS)})"
RANK = in_group(f"{BAD_SHARE} + {BY_TARGET} clamp_max({lateness(TARGETS)}, 999) or {BY_TARGET} {BAD_SHARE}")
SHOWN = 25
WORST = TARGETS.replace("$target", "$worst")


def of_the_worst(expression):
    """No more lines than that where two masters have targets of one name."""
    return f"({in_group(expression)}) and {BY_TARGET} bottomk({SHOWN}, {ok_share(WORST, ' @ end()')})"


ERRORS = f"msx_target_download_errors{{{TARGETS}}}"
PENDING = f"msx_target_pending_downloads{{{TARGETS}}}"

# Required ports of both directions: those next to the masters, and those that the targets report.
TO_TARGET = f'{TARGETS}, direction="to_target"'
WAY_REQUIRED = f"{way_to_master('msx_port_required')} == 1"
CLOSED = f"{in_group(required_closed(TO_TARGET))} or {of_its_master(way_closed())}"
REQUIRED_PORTS = f"{in_group(f'msx_port_required{{{TO_TARGET}}} == 1')} or {of_its_master(WAY_REQUIRED)}"


def tiles():
    return [
        stat(
            "Master readable",
            "The worst of the chosen masters. Unreadable: the exporter answers and cannot read its master, so nothing is "
            "known of the targets; Exporter health shows at which stage it stops. Exporter down: start it, or repair the "
            "scrape. Page stands still: the task that writes it has stopped. The table Masters below says which one.",
            f"max({UNREADABLE}) or max({PASSIVE})",
            mappings=MASTER_STATES,
            thresholds=steps(GREEN, (1, BLUE), (2, RED)),
            no_value="no exporter",
        ),
        stat(
            "Targets",
            "Targets that are enlisted with the chosen masters. 0 is bad: the master lost its targets, by a restore of msdb, "
            "a move or a failover; see the runbook MsxMasterLostTargets.",
            f"sum({in_group(ENLISTED)}) or {KNOWN}",
            thresholds=steps(RED, (1, TEXT)),
            no_value=UNREAD,
            colour="value",
        ),
        stat(
            "Not polling",
            "Targets whose last poll is over 3 of their own intervals ago, less those in maintenance. They miss every change "
            "of a job. The table below says why each one is silent; many at once point to the master.",
            f"sum({in_group(not_polling(TARGETS))}) or {KNOWN}",
            thresholds=NONE_ALLOWED,
            no_value=UNREAD,
        ),
        stat(
            "Pending",
            "Instructions that were posted and that their targets have not fetched yet. Some are normal for one poll interval "
            "after a change. Bad is a number that does not fall: look at Oldest in the table.",
            f"sum({in_group(PENDING)})",
            no_value=UNREAD,
        ),
        stat(
            "Download errors",
            "Instructions that failed on a target. Any is bad: it blocks all that stand behind it for that target. Open the target's "
            "page for the class of the error and the next step.",
            f"sum({in_group(ERRORS)})",
            thresholds=NONE_ALLOWED,
            no_value=UNREAD,
        ),
        stat(
            "Port closed",
            "Targets with at least one port that must be open and is not, in either direction. Any is bad. Ports that are only "
            "watched do not count. The matrix below says which port and how it is closed; msx_exporter doctor writes the request for "
            "the firewall.",
            f"count(count by (job, instance, target) (({CLOSED}) == 1)) or 0 * count({REQUIRED_PORTS})",
            thresholds=NONE_ALLOWED,
            no_value="none required",
        ),
    ]


def name_column(width=0):
    return Column(
        "Target",
        "",
        label="target",
        width=width,
        links=[target_link("${__data.fields.Target}")],
    )


def targets_table():
    not_ok = f"1000 * ({diagnosis_code(TARGETS)} != bool {CODES['ok']})"
    rank = in_group(f"{not_ok} + {BY_TARGET} clamp_max({lateness(TARGETS)}, 999) or {BY_TARGET} {not_ok}")
    last_poll = (
        f"1000 * msx_target_last_poll_timestamp_seconds{{{TARGETS}}} * {BY_TARGET} msx_target_polled{{{TARGETS}}}"
    )
    # -1 where nothing waits: a target without pending instructions has no oldest one, and 0 would be an age.
    oldest = f"{oldest_pending_age(TARGETS)} or {BY_TARGET} ({PENDING} == 0) - 1"
    watched = f"sum by (job, instance, target) (msx_port_open{{{TO_TARGET}}} == bool 0)"
    to_master_watched = of_its_master(f"sum by (target, master) ({way_to_master('msx_port_open')} == bool 0)")
    ports = f"""
        2 * (count by (job, instance, target) (({CLOSED}) == 1) > bool 0)
        or {BY_TARGET} sum by (job, instance, target) ({in_group(watched)} or {to_master_watched}) > bool 0"""
    # Ports and alerts go on where there is no row: while the master is unreadable, and for orphans.
    firing = 'ALERTS{{alertname=~"Msx.*", alertstate="firing", {}}}'
    alerts = f"""
        count by (job, instance, target) ({firing.format(TARGETS)} or {of_its_master(firing.format(TO_MASTER))})
        or {BY_TARGET} 0 * msx_target:poll_age:seconds{{{TARGETS}}}"""
    return table(
        "Targets now",
        "One row for each target, the worst first; a click on a name opens its page. Lateness counts the target's own poll "
        "intervals since its last poll, by the master's clock: over 3 it is silent. Oldest: for how long the first "
        "instruction waits. Master shows: what the master itself remembers from the host of a silent one; its page has the "
        "suspects. Ports: red where a required one is closed. Alerts: how many fire for it now; the column is "
        "missing where the alert rules are not loaded.",
        rank,
        [
            Column(
                "Diagnosis",
                in_group(f"msx_target_diagnosis{{{TARGETS}}}"),
                label="cause",
                width=145,
                mappings=cause_names(),
                cell="color-background",
            ),
            Column(
                "Master shows",
                in_group(f"msx_target_master_evidence{{{TARGETS}}}"),
                label="evidence",
                width=128,
                mappings=evidence_words(),
                no_value="–",
            ),
            Column(
                "Last poll",
                in_group(last_poll),
                width=138,
                unit="dateTimeFromNow",
                mappings={0: ("never", RED)},
                no_value="–",
                cell="auto",
            ),
            Column(
                "Lateness",
                in_group(lateness(TARGETS)),
                width=95,
                unit="none",
                decimals=1,
                no_value="–",
                cell="gauge",
                thresholds=steps(GREEN, (2, YELLOW), (3, RED)),
                more={"min": 0, "max": 6},
            ),
            Column("Pending", in_group(PENDING), width=88, no_value="–"),
            Column(
                "Oldest",
                in_group(oldest),
                width=95,
                unit="s",
                decimals=0,
                no_value="–",
                mappings={-1: ("none", None)},
                thresholds=steps(TEXT, (3600, ORANGE), (86400, RED)),
            ),
            Column("Errors", in_group(ERRORS), width=75, no_value="–", thresholds=steps(TEXT, (1, DARK_ORANGE))),
            Column(
                "Ports",
                f"({in_group(ports)}) and {BY_TARGET} {ENLISTED}",
                width=150,
                mappings={
                    0: ("open", GREEN),
                    1: ("closed, not required", BLUE),
                    2: ("required closed", RED),
                },
                no_value="not checked",
            ),
            Column("Alerts", f"({in_group(alerts)}) and {BY_TARGET} {ENLISTED}", width=72, thresholds=steps(TEXT, (1, RED)), no_value="–"),
        ],
        labels=TARGET_ROW,
        heads={
            "job": None,
            "instance": Column("Exporter", "", label="instance", width=115, last=True),
            "target": name_column(),
        },
        no_value=NO_TARGETS,
    )


def states():
    masters = {MASTER_OFFSET + code: words for code, words in MASTER_STATES.items()}
    return timeline(
        "Diagnosis over time",
        "What was wrong with each target, and when: the 25 that were least often fine in the time range. The masters stand "
        "on top: while a master is unreadable nothing is known of its targets, and their bars have a gap. Many bars that "
        "turn red at once point to the master or the network.",
        [
            Query(f"{MASTER_OFFSET} + ({MASTER_STATE})", legend="Master {{instance}}"),
            Query(of_the_worst(diagnosis_code(WORST)), legend="{{target}}"),
        ],
        cause_codes() | masters,
        no_value="No diagnosis in this time range: no master was read.",
    )


def port_table(title, description, direction, no_value):
    """Target by check. The state is a label, so its name is the cell; `required ` before it turns it red."""
    if direction == "to_target":
        shown, read = in_group, lambda metric, more="": f"{metric}{{{TO_TARGET}{more}}}"
    else:
        shown, read = of_its_master, lambda metric, more="": way_to_master(metric, TO_MASTER + more)
    by_check = []
    for check, name in CHECKS.items():
        state = read("msx_port_state", f', check="{check}"')
        required = read("msx_port_required", f', check="{check}"') + " == 1"
        # The name of the check is the label, so that each column has a name of its own after the join.
        column = (
            f'label_replace({state} and {BY_PORT} {required}, "{check}", "{REQUIRED}$1", "state", "(.*)") '
            f'or {BY_PORT} label_replace({state}, "{check}", "$1", "state", "(.*)")'
        )
        by_check.append(Column(name, shown(column), label=check, width=82, mappings=port_words(), no_value="·"))
    closed = f"({read('msx_port_open')} == bool 0)"
    required = read("msx_port_required")
    # A required port that is closed weighs as ten that are only watched.
    weight = f"10 * ({closed} and {BY_PORT} {required} == 1) or {closed} or 0 * {required}"
    return table(
        title,
        description,
        f"sum by (job, instance, target) ({shown(weight)})",
        by_check,
        labels=TARGET_ROW,
        heads={
            "job": None,
            "instance": Column("Exporter", "", label="instance", width=130, last=True),
            "target": name_column(),
        },
        width=12,
        no_value=no_value,
    )


def port_tables():
    words = (
        "Cells name the state of the last check: red is closed and required, blue is closed and only watched, green is open, "
        "a dot was not checked. Filtered means that nothing answered: a firewall on the way; refused means that the host "
        "answered and nothing listens."
    )
    return [
        port_table(
            "Ports from target to master",
            "The way that polls take: every target opens a connection to the master's engine. It can be seen from the target "
            f"alone: by an exporter in the role target there, else by the page that it writes. {words}",
            "to_master",
            "No exporter in the role target reports here, and no target writes a page. On a target, msx_exporter doctor checks "
            "this way once.",
        ),
        port_table(
            "Ports from master to target",
            "The way that wizards and remote administration take; polls never do, so a port closed here proves nothing about "
            f"polling unless it was open before. {words}",
            "to_target",
            "No port was checked from a master yet: the first sweep is still running, or ports.enabled is off.",
        ),
    ]


def over_time():
    # What fails or waits for long is not fine, and so among the worst.
    waiting = f"msx_target_pending_downloads{{{WORST}}}"
    failed = f"msx_target_download_errors{{{WORST}}}"
    return [
        [
            lines(
                "Poll lateness",
                "Poll intervals since the last poll, each target by its own interval: a healthy one moves between 0 and 1. Over "
                "the dashed line at 3 it is silent, and SQL Server calls it offline. The scale is even up to 1 and then by tens. The 25 that were least often fine in the time range.",
                [Query(of_the_worst(lateness(WORST)), "{{target}}")],
                width=24,
                unit="none",
                axis="poll intervals",
                decimals=1,
                thresholds=steps(TEXT, (3, RED)),
                draw_thresholds=True,
                no_value="No poll is known in this time range: no master was read.",
                soft_max=4,
                wide=True,
            )
        ],
        [
            lines(
                "Pending over time",
                "Instructions that wait, by target: steps that go back to 0 within a poll interval are healthy. A plateau is bad: "
                "the target does not poll, or is blocked. Of the targets in the graph above, the 10 with the most.",
                [Query(worst(10, waiting, f"max_over_time({waiting}[$__range] @ end())"), "{{target}}")],
                axis="instructions",
                stepped=True,
                decimals=0,
                no_value="Not known in this time range: the download lists were not read.",
            ),
            lines(
                "Download errors over time",
                "Failed instructions that stand in the download list, by target. Any is bad, because all behind it wait; the line "
                "falls to 0 once they were cleared. Of the targets in the graph above those that had one, 10 at most.",
                [
                    Query(
                        worst(10, failed, f"max_over_time({failed}[$__range] @ end()) > 0"),
                        "{{target}}",
                    )
                ],
                axis="instructions",
                stepped=True,
                decimals=0,
                no_value="No download error",
            ),
        ],
    ]


def job_tables():
    enabled = f'msx_job_info{{{SCOPE}, enabled="true"}}'
    by_job = "on (job, instance, job_id)"
    failed = f"(msx_job_failed_targets{{{SCOPE}}} > 0) and {by_job} {enabled}"
    failing = f"topk(100, {failed})"
    success = f"msx_job_target_last_run_success{{{TARGETS}}}"
    # The runs of the last ones that failed: after a bad night a thousand rows would say the same.
    runs = in_group(f"({success} == 0) and {by_job} {enabled}")
    pair = ["job", "instance", "job_id", "target"]
    by_pair = "on (job, instance, job_id, target)"
    latest = f"topk(200, 1000 * msx_job_target_last_run_timestamp_seconds{{{TARGETS}}} and {by_pair} {runs})"
    by_target = f"count by (job, instance, target) ({runs})"
    return [
        table(
            "Jobs that failed",
            "Enabled multiserver jobs whose last run failed or was cancelled on at least one target. Bad on all of them: look at "
            "the job; bad on a few: look at those targets. The exporter reads last outcomes alone: the master keeps no history of its targets.",
            failing,
            [
                Column("Failed on", failing, width=75, thresholds=steps(TEXT, (1, RED)), no_value="–"),
                Column(
                    "Of targets", f"msx_job_targets{{{SCOPE}}} and {by_job} {failing}", width=80, no_value="–"
                ),
            ],
            labels=["job", "instance", "job_id"],
            heads={
                "job": None,
                "job_name": Column("Job", "", label="job_name"),
                "instance": Column("Exporter", "", label="instance", width=118, last=True),
            },
            width=9,
            no_value="No enabled job failed at its last run.",
            filterable=False,
        ),
        table(
            "Targets where jobs failed",
            "How many enabled jobs failed at their last run on each target. Many on one target are bad news of that target: its "
            "accounts, its disks, its agent; a click opens its page with the jobs.",
            f"topk(100, {by_target})",
            [Column("Failed jobs", f"topk(100, {by_target})", width=90, thresholds=steps(TEXT, (1, RED)))],
            labels=TARGET_ROW,
            heads={
                "job": None,
                "target": name_column(),
                "instance": Column("Exporter", "", label="instance", width=118, last=True),
            },
            width=6,
            no_value="No enabled job failed at its last run.",
            filterable=False,
        ),
        table(
            "Failed runs",
            "The last runs that failed or were cancelled, the newest first, 200 at most; any is bad. The message of a run is on the "
            "exporter's own page and in msdb.dbo.sysjobservers on the master.",
            latest,
            [Column("Ran", latest, width=115, unit="dateTimeFromNow")],
            labels=pair,
            heads={
                "job": None,
                "job_id": None,
                "target": name_column(95),
                "job_name": Column("Job", "", label="job_name"),
                "instance": Column("Exporter", "", label="instance", width=118, last=True),
            },
            width=9,
            no_value="No enabled job failed at its last run.",
            filterable=False,
        ),
    ]


def masters_table():
    return table(
        "Masters",
        "One row for each exporter next to a master. Bad: a state other than readable; Agent stopped, for then the master's own "
        "jobs do not run; no MSXOperator, for then enlisting fails; a certificate that ends soon, or a self-signed one, which "
        "targets with the default MsxEncryptChannelOptions refuse; a clock over 2 minutes off.",
        MASTER_STATE,
        [
            Column("State", MASTER_STATE, width=110, mappings=MASTER_STATES, cell="color-background"),
            Column("Server", f"msx_server_info{{{SCOPE}}}", label="server", no_value="–"),
            Column("Version", f"msx_server_info{{{SCOPE}}}", label="version", width=110, no_value="–"),
            Column("Targets", f"msx_targets{{{SCOPE}}}", width=80, no_value="–", thresholds=steps(RED, (1, TEXT))),
            Column(
                "Not polling",
                f"{unnamed('msx:targets_not_polling:count', SCOPE)} or on (job, instance) "
                f"sum by (job, instance) ({not_polling(SCOPE)})",
                width=100,
                no_value="–",
                thresholds=steps(TEXT, (1, RED)),
            ),
            Column(
                "Agent",
                f"msx_agent_running{{{SCOPE}}}",
                width=85,
                mappings={1: ("running", GREEN), 0: ("stopped", RED)},
                no_value="not known",
            ),
            Column(
                "MSXOperator",
                f"msx_operator_present{{{SCOPE}}}",
                width=115,
                mappings={1: ("present", GREEN), 0: ("missing", ORANGE)},
                no_value="not known",
            ),
            Column(
                "Clock",
                f"{unnamed('msx:clock_offset:seconds', SCOPE)} or on (job, instance) "
                f"msx_server_time_seconds{{{SCOPE}}} - timestamp(msx_server_time_seconds{{{SCOPE}}})",
                width=85,
                unit="s",
                decimals=1,
                no_value="–",
                thresholds=steps(RED, (-120, TEXT), (120, RED)),
            ),
            Column(
                "Certificate",
                f"msx_certificate_info{{{SCOPE}}}",
                label="self_signed",
                width=110,
                mappings={"true": ("self-signed", ORANGE), "false": ("issued", TEXT)},
                no_value="not seen",
            ),
            Column(
                "Ends in",
                f"msx_certificate_expiry_timestamp_seconds{{{SCOPE}}} - msx_server_time_seconds{{{SCOPE}}}",
                width=110,
                unit="s",
                decimals=0,
                no_value="not seen",
                thresholds=steps(RED, (3 * DAY, ORANGE), (21 * DAY, TEXT)),
                more={"mappings": said_above(10 * 365 * DAY, "over 10 years")},
            ),
            Column(
                "Started",
                f"1000 * msx_server_start_timestamp_seconds{{{SCOPE}}}",
                width=130,
                unit="dateTimeFromNow",
                no_value="–",
            ),
        ],
        labels=MASTER_ROW,
        heads={"job": None, "instance": Column("Exporter", "", label="instance", width=130)},
        no_value="No exporter of a master was scraped within a day: look at the scrape job and at the choice of job and instance.",
        filterable=False,
    )


def about():
    causes = "\n".join(f"| {cause.short} | {cause.title} | {cause.next if cause.code else '–'} |" for cause in CAUSES)
    return text(
        "About this dashboard",
        "What the words and colours of this dashboard mean, what to do next for each diagnosis, and where the numbers come from.",
        f"""
Targets (TSX) poll their multiserver master (MSX) and fetch the instructions that wait for them. This dashboard shows who does not, and why.

- **Ages** are taken by the master's own clock. **Lateness** is the age of the last poll in intervals of that target; over 3 it is silent.
- **Polls go from target to master.** A port that is closed from master to target does not explain a silent target by itself.
- **Red** somebody must act · **orange, yellow** look at it · **purple** who belongs to this master · **blue** waits, or is only watched · **grey** not known.
- With the rules of `alerts/msx-recording.yaml` loaded, panels show the very series on which the alerts judge; without them they compute the same.

| Diagnosis | Means | Next step |
|---|---|---|
{causes}
""",
    )


def overview():
    return dashboard(
        "overview",
        "All multiserver masters (MSX) and their targets (TSX): who polls, who does not and why, which port is closed.",
        [
            *scope_variables("msx_up"),
            variable(
                "group",
                "Group",
                f"label_values(msx_target_group_info{{{SCOPE}}}, group)",
                all_value=".*",
                description="Target server groups of the master. Expected targets that are not enlisted are in none and stay.",
            ),
            variable(
                "target",
                "Target",
                f"label_values(msx_target_enlisted{{{SCOPE}}}, target)",
                all_value=".+",
                description="The targets, by the names under which they are enlisted.",
            ),
            variable(
                "worst",
                "Worst",
                f"query_result(topk({SHOWN}, {tidy(RANK)}))",
                hide=2,
                regex='/target="([^"]+)"/',
                description="The chosen targets that were least often fine in the time range, for graphs that would drown.",
            ),
        ],
        [*alert_annotations(SCOPE), enlistment_annotation(TARGETS), *start_annotations("msx_up")],
        [
            section("", (4, *tiles())),
            section("Targets", (12, targets_table()), (14, states())),
            section("Masters", (6, masters_table())),
            section("Ports: which one is closed?", (11, *port_tables())),
            section("Over time", *[(9, *line) for line in over_time()]),
            section("Jobs", (8, *job_tables())),
            section("About", (17, about()), collapsed=True),
        ],
    )
