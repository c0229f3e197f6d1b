"""MSX / Target detail: the story of one target, from its verdict and the next step down to each port and job."""

from .frame import (
    alert_annotations,
    dashboard,
    enlistment_annotation,
    scope_variables,
    section,
    start_annotations,
    variable,
)
from .parts import NONE_ALLOWED, WRAPPED, Column, Query, lines, override, stat, steps, table, timeline
from .promql import (
    BY_PORT,
    BY_TARGET,
    MASTER_STATE,
    ONE,
    SCOPE,
    TO_MASTER_ONE,
    diagnosis_code,
    lateness,
    oldest_pending_age,
    page_age,
    page_limit,
    poll_age,
    way_to_master,
)
from .words import (
    BLUE,
    CAUSES,
    CHECKS,
    ERROR_CLASSES,
    GREEN,
    GREY,
    MASTER_OFFSET,
    MASTER_STATES,
    ORANGE,
    PORT_STATES,
    RED,
    TEXT,
    YELLOW,
    cause_codes,
    cause_names,
    evidence_meanings,
    evidence_words,
    port_codes,
    port_words,
)

TARGET_ROW = ["job", "instance", "target"]
INTERVAL = f"msx_target_poll_interval_seconds{{{ONE}}}"
PENDING = f"msx_target_pending_downloads{{{ONE}}}"
UNREAD = "not known"

def both_ways(metric):
    """A port metric of both directions: seen from the master, and by the exporter on the target or by its page.

    The target side belongs to no job or instance of the choice above: it is found by the target.
    """
    return f'{metric}{{{ONE}, direction="to_target"}} or {way_to_master(metric, TO_MASTER_ONE)}'


def verdict():
    now = f"msx_target_diagnosis{{{ONE}}}"

    def said_as(label):
        return f'label_replace({now}, "{label}", "$1", "cause", "(.*)")'

    return table(
        "Diagnosis and next step",
        "What is wrong with this target now, in one word, in a sentence, and what to do next. Every finding behind it, the "
        "losing ones too, stands on the exporter's own page of this target. No verdict at all is bad too: then the master "
        "cannot be read.",
        now,
        [
            Column(
                "Diagnosis", said_as("diagnosis"), label="diagnosis", width=140, mappings=cause_names(), cell="color-background"
            ),
            Column(
                "Meaning",
                said_as("meaning"),
                label="meaning",
                width=210,
                mappings={cause.name: (cause.title, None) for cause in CAUSES},
                cell="auto",
                more=WRAPPED,
            ),
            Column(
                "Next step",
                said_as("next"),
                label="next",
                mappings={cause.name: (cause.next, None) for cause in CAUSES},
                more=WRAPPED | {"custom.inspect": True},
            ),
        ],
        labels=TARGET_ROW,
        heads={"job": None, "instance": Column("Exporter", "", label="instance", width=120, last=True)},
        no_value="No verdict: the master cannot be read, or does not know this target. See Exporter health.",
        cell_height="lg",
        filterable=False,
    )


def tiles():
    silent = steps(GREEN, (2, YELLOW), (3, RED))
    return [
        stat(
            "Last poll",
            "How long ago the target polled, by the master's clock; before its first poll, since it was enlisted. Up to its own "
            "interval is healthy; whether it is bad depends on that, and the tile next to it says so.",
            poll_age(ONE),
            unit="s",
            decimals=0,
            no_value=UNREAD,
            width=4,
        ),
        stat(
            "Lateness",
            "The same in poll intervals of this target. Up to 1 is healthy, over 3 the target is silent: look at SQL Server "
            "Agent there, at its login on the master and at the way to it.",
            lateness(ONE),
            decimals=1,
            thresholds=silent,
            no_value=UNREAD,
            width=4,
        ),
        stat(
            "Pending",
            "Instructions that wait for this target and have no error. Bad is a number that does not fall within a few poll "
            "intervals: the target does not poll, or a failed instruction stands before them.",
            PENDING,
            no_value=UNREAD,
            width=4,
        ),
        stat(
            "Oldest pending",
            "For how long the oldest instruction waits, by the master's clock. Bad is more than a few poll intervals while the "
            "target polls: compare its name in the download list with its @@SERVERNAME.",
            f"{oldest_pending_age(ONE)} or {BY_TARGET} ({PENDING} == 0) - 1",
            unit="s",
            decimals=0,
            mappings={-1: ("none waits", GREEN)},
            thresholds=steps(TEXT, (3600, ORANGE), (86400, RED)),
            no_value=UNREAD,
            width=4,
            colour="value",
        ),
        stat(
            "Download errors",
            "Instructions that failed on this target. Any is bad: nothing behind the first one is fetched. Read error_message in "
            "msdb.dbo.sysdownloadlist, repair the cause, then run sp_resync_targetserver.",
            f"msx_target_download_errors{{{ONE}}}",
            thresholds=NONE_ALLOWED,
            no_value=UNREAD,
            width=4,
        ),
        stat(
            "Clock skew",
            "Clock of the target minus clock of the master at the last poll. Over 5 minutes either way is bad: times of job runs "
            "are wrong. Only the part within half an hour can be seen; repair the time service on the target.",
            f"msx_target_clock_skew_seconds{{{ONE}}}",
            unit="s",
            decimals=1,
            thresholds=steps(RED, (-300, GREEN), (300, RED)),
            no_value="not known before a poll",
            width=4,
        ),
    ]


def state():
    masters = {MASTER_OFFSET + code: words for code, words in MASTER_STATES.items()}
    return timeline(
        "Diagnosis over time",
        "The verdict on this target over time, below its master. While the master is unreadable nothing is known of the "
        "target, and its bar has a gap. Red is silent. A bar that flickers points to a network that comes and goes.",
        [
            Query(f"{MASTER_OFFSET} + ({MASTER_STATE})", "Master {{instance}}"),
            Query(diagnosis_code(ONE), "{{target}}"),
        ],
        cause_codes() | masters,
        no_value="No diagnosis in this time range: no master was read.",
    )


def evidence():
    now = f"msx_target_master_evidence{{{ONE}}}"
    return table(
        "What the master shows of it",
        "What the master itself remembers from the host of this target while it is silent. Bad is logins refused, ends before "
        "login and Agent connected: the reason lies there, and no firewall does. The suspects, with one step each, stand on "
        "the exporter's own page of this target and in msx_exporter doctor.",
        now,
        [
            Column(
                "Master shows",
                f'label_replace({now}, "word", "$1", "evidence", "(.*)")',
                label="word",
                width=210,
                mappings=evidence_words(),
                cell="color-background",
            ),
            Column(
                "In words",
                f'label_replace({now}, "meaning", "$1", "evidence", "(.*)")',
                label="meaning",
                mappings=evidence_meanings(),
                cell="auto",
                more=WRAPPED,
            ),
        ],
        labels=TARGET_ROW,
        heads={"job": None, "instance": Column("Exporter", "", label="instance", width=120, last=True)},
        no_value="Nothing is asked: the target is not silent, or the collector arrivals is switched off.",
        filterable=False,
    )


def dashed(name, colour):
    return override(
        name,
        color={"mode": "fixed", "fixedColor": colour},
        custom__lineStyle={"fill": "dash", "dash": [8, 8]},
    )


def downloads():
    return [
        [
            lines(
                "Age of the last poll against its own interval",
                "Seconds since the last poll, by the master's clock: teeth that stay below the interval are healthy. Above the red "
                "line at 3 intervals the target is silent.",
                [
                    Query(poll_age(ONE), "age of the last poll"),
                    Query(INTERVAL, "its own interval"),
                    Query(f"3 * {INTERVAL}", "silent from here"),
                ],
                unit="s",
                no_value="No poll is known in this time range.",
                overrides=[
                    override("age of the last poll", color={"mode": "fixed", "fixedColor": BLUE}),
                    dashed("its own interval", GREEN),
                    dashed("silent from here", RED),
                ],
                legend="bottom",
                width=12,
            ),
            lines(
                "Pending instructions by operation",
                "What waits for this target: INSERT, UPDATE and DELETE change jobs, START and STOP run them, DEFECT makes it "
                "leave. Bad is a plateau. A sudden heap of equal age is a resynchronisation.",
                [Query(f"msx_target_pending_operations{{{ONE}}}", "{{operation}}")],
                stacked=True,
                stepped=True,
                decimals=0,
                axis="instructions",
                no_value="Nothing waited for this target",
                legend="bottom",
                width=12,
            ),
        ],
        [
            lines(
                "Age of the oldest pending instruction",
                "For how long the first instruction of the queue waits. Healthy is a tooth below the poll interval; bad is a line that "
                "climbs, for then the target does not fetch.",
                [Query(oldest_pending_age(ONE), "oldest pending")],
                unit="s",
                no_value="Nothing waited for this target",
                legend="bottom",
                width=8,
            ),
            lines(
                "Download errors by class",
                "Failed instructions that stand in the download list, by class of their message. Any is bad; proxy classes are "
                "fixed on the target, permission and object exists in its msdb.",
                [Query(f"msx_target_download_errors_by_class{{{ONE}}}", "{{class}}")],
                stacked=True,
                stepped=True,
                decimals=0,
                axis="instructions",
                no_value="No download error",
                overrides=[override(name, displayName=text) for name, text in ERROR_CLASSES.items() if name != text],
                legend="bottom",
                width=8,
            ),
            lines(
                "Clock skew over time",
                "Clock of the target minus clock of the master at each poll. Over the dashed lines at 5 minutes it is bad: repair "
                "the time service on the target.",
                [Query(f"msx_target_clock_skew_seconds{{{ONE}}}", "target minus master")],
                unit="s",
                minimum=None,
                thresholds=steps(RED, (-300, GREEN), (300, RED)),
                draw_thresholds=True,
                no_value="Not known before the first poll",
                legend="bottom",
                width=8,
            ),
        ],
    ]


def ports():
    by_port = ["job", "instance", "target", "check", "direction", "master"]
    state = both_ways("msx_port_state")
    required = both_ways("msx_port_required")

    def code(read):
        states = " or ".join(f"{code} * {read('msx_port_state', name)}" for code, name in enumerate(PORT_STATES))
        return f"sum without (state) ({states}) + {BY_PORT} 100 * {read('msx_port_required')}"

    def of_state(name):
        return f', state="{name}"' if name else ""

    word = (
        f'label_replace(({state}) and {BY_PORT} ({required}) == 1, "word", "required $1", "state", "(.*)") '
        f'or {BY_PORT} label_replace({state}, "word", "$1", "state", "(.*)")'
    )
    rank = f"10 * ({required}) + {BY_PORT} (({both_ways('msx_port_open')}) == bool 0) or {BY_PORT} ({required})"
    return [
        table(
            "Ports now",
            "Every port that is checked, in both directions. To master is the way that polls take, seen by an exporter on the "
            "target, else by the page that it writes. Bad is a required port in another state than open: filtered means a firewall on the way, refused means "
            "that nothing listens. msx_exporter doctor writes the request for the firewall.",
            rank,
            [
                Column("State", word, label="word", width=105, mappings=port_words(), cell="color-background"),
                Column(
                    "Required",
                    required,
                    width=90,
                    mappings={1: ("yes", TEXT), 0: ("watched", GREY)},
                    no_value="–",
                ),
                Column("Port", both_ways("msx_port_info"), label="port", width=75, no_value="–"),
                Column(
                    "Protocol",
                    both_ways("msx_port_protocol_ok"),
                    width=90,
                    mappings={1: ("ok", GREEN), 0: ("wrong", RED)},
                    no_value="not tried",
                ),
                Column(
                    "Connect", both_ways("msx_port_connect_duration_seconds"), width=85, unit="s", decimals=1, no_value="–"
                ),
                Column(
                    "Checked",
                    f"1000 * ({both_ways('msx_port_check_timestamp_seconds')})",
                    width=145,
                    unit="dateTimeFromNow",
                    no_value="–",
                ),
            ],
            labels=by_port,
            heads={
                "job": None,
                "direction": Column(
                    "Direction",
                    "",
                    label="direction",
                    width=100,
                    mappings={"to_master": ("to master", None), "to_target": ("to target", None)},
                    cell="auto",
                ),
                "check": Column(
                    "Check",
                    "",
                    label="check",
                    mappings={name: (text, None) for name, text in CHECKS.items()},
                    cell="auto",
                ),
                "master": Column("Master, as called there", "", label="master", no_value="–", last=True),
            },
            filterable=False,
            no_value="No port of this target was checked: the first sweep is still running, or ports.enabled is off.",
        ),
        timeline(
            "Ports over time",
            "When each port changed its state. Compare with the diagnosis above: a port to the master that closed when the polls "
            "stopped is the reason. Blue is closed and only watched, red is closed and required.",
            [
                Query(
                    code(lambda metric, name="": f'{metric}{{{ONE}, direction="to_target"{of_state(name)}}}'),
                    "to target: {{check}}",
                ),
                Query(
                    # One line where a page was followed by an exporter on the target.
                    f'max by (check) ({code(lambda metric, name="": way_to_master(metric, TO_MASTER_ONE + of_state(name)))})',
                    "to master: {{check}}",
                ),
            ],
            port_codes(),
            no_value="No port of this target was checked in this time range.",
        ),
    ]


def page():
    taken = f"msx_target_page_timestamp_seconds{{{ONE}}}"
    every = f"msx_target_page_interval_seconds{{{ONE}}}"
    return table(
        "Page of the target",
        "When the target last wrote a page for its master's exporter, and how often it says that it does. Bad is one that does not "
        "count any more, older than 2.5 of these intervals and 15 minutes: it proves nothing, so look at the scheduled task there.",
        taken,
        [
            Column("Taken", f"1000 * {taken}", width=135, unit="dateTimeFromNow", no_value="–"),
            Column("Every", every, width=75, unit="s", decimals=0, no_value="–"),
            Column(
                "Counts",
                f"{page_age(ONE)} <= bool {BY_TARGET} ({page_limit(ONE)})",
                mappings={1: ("yes", GREEN), 0: ("too old", RED)},
                no_value="–",
                cell="color-background",
            ),
        ],
        labels=TARGET_ROW,
        heads={"job": None, "instance": None, "target": None},
        width=6,
        no_value="no page of this target",
        filterable=False,
    )


def target_side():
    here = '{target="$target"}'
    absent = "no exporter on the target"
    return [
        page(),
        table(
            "Master by the target's own registry",
            "To which master the target thinks that it belongs. Another name than this master's is bad: it was enlisted elsewhere, "
            "or the master was renamed. Seen by an exporter in the role target alone.",
            f"msx_target_master_info{here}",
            [Column("Master", f"msx_target_master_info{here}", label="master", no_value="–")],
            labels=TARGET_ROW,
            heads={"job": None, "instance": Column("Seen by", "", label="instance", width=140, last=True)},
            width=6,
            no_value=absent,
            filterable=False,
        ),
        stat(
            "MsxEncryptChannelOptions",
            "How the target encrypts its polls: 2, the default, needs a certificate that it trusts and whose name matches; 1 takes "
            "any; 0 does not encrypt, which is bad on an open network. Seen by an exporter in the role target alone.",
            f"msx_target_encrypt_channel_option{here}",
            width=6,
            mappings={
                0: ("0: not encrypted", ORANGE),
                1: ("1: any certificate", YELLOW),
                2: ("2: certificate checked", GREEN),
            },
            colour="value",
            no_value=absent,
        ),
        table(
            "Certificate as the target sees it",
            "What MsxEncryptChannelOptions = 2 would say of the master's certificate on this target. Anything but accepted is bad: "
            "polls fail with that setting; give the master a certificate for the name by which the target calls it.",
            f"msx_master_certificate_valid{here} == 1",
            [
                Column(
                    "Judged",
                    f"msx_master_certificate_valid{here} == 1",
                    label="reason",
                    width=165,
                    mappings={
                        "ok": ("accepted", GREEN),
                        "untrusted": ("not trusted", RED),
                        "name_mismatch": ("name does not match", RED),
                        "expired": ("expired", RED),
                        "no_tls": ("master offers no TLS", RED),
                    },
                    cell="color-background",
                ),
            ],
            labels=TARGET_ROW,
            heads={"job": None, "instance": Column("Seen by", "", label="instance", last=True)},
            width=6,
            no_value="not seen: no exporter on the target, or the master is out of its reach",
            filterable=False,
        ),
    ]


def jobs():
    pair = ["job", "instance", "job_id", "target"]
    success = f"msx_job_target_last_run_success{{{ONE}}}"
    enabled = f'msx_job_info{{{SCOPE}, enabled="true"}}'
    ran = f"msx_job_target_last_run_timestamp_seconds{{{ONE}}}"
    rank = f"topk(500, 1e12 * (1 - {success}) + on (job, instance, job_id, job_name, target) {ran})"
    # The job's own series know nothing of targets, so the pair asks whether its job is among the enabled ones.
    on = f"({success} * 0 + 1) and on (job, instance, job_id) {enabled} or {success} * 0"
    return table(
        "Jobs on this target",
        "Multiserver jobs that ran here with their last outcome, the failed ones first and then the newest, 500 at most. The "
        "master keeps the last outcome alone; the steps and messages are in the history on the target. Bad is failed on an "
        "enabled job.",
        rank,
        [
            Column(
                "Last outcome",
                success,
                width=135,
                mappings={1: ("succeeded", GREEN), 0: ("failed", RED)},
                cell="color-background",
            ),
            Column(
                "Ran",
                f"1000 * {ran}",
                width=150,
                unit="dateTimeFromNow",
                no_value="–",
            ),
            Column(
                "Took", f"msx_job_target_last_run_duration_seconds{{{ONE}}}", width=110, unit="s", decimals=1, no_value="–"
            ),
            Column("Enabled", on, width=90, mappings={1: ("yes", TEXT), 0: ("no", GREY)}, no_value="–"),
        ],
        labels=pair,
        heads={"job": None, "job_name": Column("Job", "", label="job_name")},
        no_value="No multiserver job has run on this target yet.",
    )


def facts():
    facts = table(
        "Facts",
        "Where the target stands and what it last did; its offset from UTC as it reports it, without daylight saving. A wrong "
        "offset is bad, for it makes the times of its runs wrong: repair the time zone on the target.",
        f"msx_target_info{{{ONE}}}",
        [
            Column("Location", f"msx_target_info{{{ONE}}}", label="location", no_value="–"),
            Column(
                "Enlisted",
                f"1000 * msx_target_enlist_timestamp_seconds{{{ONE}}}",
                width=130,
                unit="dateTimeFromNow",
                no_value="–",
            ),
            Column(
                "Last download",
                f"1000 * msx_target_last_download_timestamp_seconds{{{ONE}}}",
                width=130,
                unit="dateTimeFromNow",
                no_value="never",
            ),
            Column("UTC offset", f"msx_target_utc_offset_seconds{{{ONE}}}", width=105, unit="s", decimals=1, no_value="–"),
        ],
        labels=TARGET_ROW,
        heads={"job": None, "instance": None},
        width=11,
        no_value="The master cannot be read, or does not know this target.",
        filterable=False,
    )
    memberships = f'msx_target_group_info{{{ONE}, group!=""}}'
    members = f"count by (job, instance, group) (msx_target_group_info{{{SCOPE}}})"
    groups = table(
        "Groups",
        "The target server groups of the master to which this target belongs, and how many targets each has. A target in no "
        "group is not bad; jobs that are sent to a group do not reach it.",
        memberships,
        [Column("Targets", f"{memberships} * on (job, instance, group) group_left () {members}", width=80, no_value="–")],
        labels=[*TARGET_ROW, "group"],
        heads={"job": None, "group": Column("Group", "", label="group")},
        width=5,
        no_value="in no group",
        filterable=False,
    )
    interval = stat(
        "Poll interval",
        "The interval that the target reported at its last poll; 60 seconds is the default. A long one is not bad, but "
        "every change of a job takes that long to arrive.",
        INTERVAL,
        unit="s",
        decimals=0,
        no_value=UNREAD,
        width=4,
    )
    maintenance = stat(
        "Maintenance",
        "Whether the exporter's configuration says that this target is under maintenance: its alerts are silent then. Bad is a "
        "maintenance that was forgotten: take it out of the configuration.",
        # Not written where the configuration has no window at all.
        f"msx_target_maintenance{{{ONE}}} or {BY_TARGET} 0 * msx_target_enlisted{{{ONE}}}",
        mappings={0: ("no", TEXT), 1: ("under maintenance", BLUE)},
        colour="value",
        no_value=UNREAD,
        width=4,
    )
    return facts, interval, maintenance, groups


def target():
    return dashboard(
        "target",
        "One target (TSX) of a multiserver master: its diagnosis with the next step, its polls, downloads, ports and jobs.",
        [
            *scope_variables("msx_up"),
            variable(
                "target",
                "Target",
                f"label_values(msx_target_enlisted{{{SCOPE}}}, target)",
                multi=False,
                description="The target that this page is about.",
            ),
        ],
        [*alert_annotations(ONE), enlistment_annotation(ONE), *start_annotations("msx_up")],
        [
            section("", (4, verdict()), (4, *tiles())),
            section("Polls and downloads", (5, state()), (4, evidence()), *[(8, *line) for line in downloads()]),
            section("Ports, both ways", *[(7, panel) for panel in ports()]),
            section("As the target itself sees it", (4, *target_side())),
            section("Jobs and facts", (8, jobs()), (4, *facts())),
        ],
    )
