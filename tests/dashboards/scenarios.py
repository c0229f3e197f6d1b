"""The masters of the live test, and what the dashboards must say of each."""

from stand import Scenario

SCENARIOS = [
    Scenario("healthy", ["--scenario", "healthy"]),
    Scenario("never_polled", ["--scenario", "never_polled"]),
    Scenario("blocked", ["--scenario", "blocked"]),
    Scenario("stopped", ["--scenario", "stopped"], {"SQL03": "required refused"}),
    Scenario("filtered", ["--scenario", "healthy"], {"SQL02": "required filtered", "SQL03": "refused"}),
    Scenario("down", ["--scenario", "healthy"]),
    Scenario("everything", ["--scenario", "everything"], more="expected_targets: [RENAMED-NEW]\n"),
    Scenario("thousand", ["--targets", "1000"], job="msx-large"),
]
# Whose page is looked at: one where something is to be seen.
TARGET = {
    "healthy": "SQL01",
    "filtered": "SQL02",
    "everything": "SQL01\\PAYROLL",
    "thousand": "SQL00010\\INST1",
}

NOTHING_FAILED = {"Failed runs", "Jobs that failed", "Targets where jobs failed"}
# Of what the master's own reading brings; the ports and the exporter go on without it.
FROM_THE_MASTER = {
    "msx-overview": {"Targets", "Not polling", "Pending instructions", "Download errors", "Targets now"},
    "msx-target": {
        "Clock skew",
        "Diagnosis and next step",
        "Download errors",
        "Facts",
        "Groups",
        "Jobs on this target",
        "Last poll",
        "Lateness",
        "Maintenance",
        "Oldest pending",
        "Pending instructions",
        "Poll interval",
    },
    "msx-exporter": set(),
}
FAR_SIDE = {
    "Master by the target's own registry",
    "Master's certificate as the target sees it",
    "MsxEncryptChannelOptions",
}
NO_ERRORS = {"Download errors over time", "Download errors by class"}
NO_QUEUE = {"Age of the oldest pending instruction", "Pending instructions by operation"}


def may_be_empty(uid, name):
    """The panels that have nothing to show in this scenario: exactly these must be empty."""
    empty = set(NOTHING_FAILED) if name != "everything" else set()
    empty |= {"Series left out by limits"}
    if name not in ("blocked", "everything"):
        empty |= NO_ERRORS
    if name in ("healthy", "filtered", "down"):
        empty |= NO_QUEUE
    if name == "never_polled":
        empty |= {"Clock skew", "Clock skew over time", "Groups", "Jobs on this target"}
    if name == "thousand":
        empty |= {"Groups"}
    if name not in ("healthy", "filtered"):
        empty |= FAR_SIDE
    if name == "down":
        empty |= FROM_THE_MASTER[uid]
    return empty
