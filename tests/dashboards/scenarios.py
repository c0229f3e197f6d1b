"""The masters of the live test, and what the dashboards must say of each."""

from tests.lib.catalogue import catalogue

from .emptiness import without_exporter, without_master
from .servers import Scenario

SCENARIOS = [
    Scenario("healthy", ["--scenario", "healthy"], pages=True),
    Scenario("never_polled", ["--scenario", "never_polled"]),
    Scenario("blocked", ["--scenario", "blocked"]),
    Scenario("stopped", ["--scenario", "stopped"], {"SQL03": "required refused"}),
    Scenario("filtered", ["--scenario", "healthy"], {"SQL02": "required filtered", "SQL03": "refused"}),
    # Read at first; then its master ends.
    Scenario("down", ["--scenario", "healthy"]),
    # Read at first; then its exporter ends.
    Scenario("gone", ["--scenario", "healthy"]),
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
TARGET_SIDE = {
    "Master by the target's own registry",
    "Certificate as the target sees it",
    "MsxEncryptChannelOptions",
}
NO_ERRORS = {"Download errors over time", "Download errors by class"}
# Either way: its instructions are fetched while the test runs.
FLEETING = {"thousand": {"Age of the oldest pending instruction", "Pending instructions by operation"}}
NO_QUEUE = {"Age of the oldest pending instruction", "Pending instructions by operation"}


def may_be_empty(uid, name):
    """The panels that have nothing to show in this scenario: exactly these must be empty."""
    empty = set(NOTHING_FAILED) if name != "everything" else set()
    empty |= {"Series left out by limits"}
    if name != "healthy":
        empty |= {"Page of the target"}
    if name not in ("never_polled", "stopped"):
        empty |= {"What the master shows of it"}
    if name not in ("blocked", "everything"):
        empty |= NO_ERRORS
    if name in ("healthy", "filtered", "down", "gone"):
        empty |= NO_QUEUE
    if name == "never_polled":
        empty |= {"Clock skew", "Clock skew over time", "Groups", "Jobs on this target"}
    if name == "thousand":
        # None of them has an exporter of its own, and no port is required.
        empty |= {"Groups", "Ports from target to master", "Port closed"}
    if name not in ("healthy", "filtered"):
        empty |= TARGET_SIDE
    if name == "filtered":
        # Where the master cannot be reached its certificate is not seen.
        empty |= {"Certificate as the target sees it"}
    if name == "down":
        empty |= without_master(uid)
    if name == "gone":
        # Its counter is still looked back upon for an hour.
        empty |= without_exporter(uid) - {"SQL errors, 1 h"}
    return empty


TABLES = {
    "Targets now",
    "Masters",
    "Ports from target to master",
    "Ports from master to target",
    "Jobs that failed",
    "Targets where jobs failed",
    "Diagnosis and next step",
    "What the master shows of it",
    "Ports now",
    "Page of the target",
    "Jobs on this target",
    "Master by the target's own registry",
    "Certificate as the target sees it",
    "Groups",
    "Exporters",
    "Collectors now",
}
ALL_FINE = {"Diagnosis": "ok", "Pending": 0, "Oldest": -1, "Errors": 0}


def over(title, column, row, limit):
    return lambda look: next(cells for key, cells in look.table(title).items() if key.endswith(row))[column] > limit


def first_row(title, name):
    """Whether the table is sorted so that this row comes first."""

    def check(look):
        ranked = sorted(look.answers[title]["A"].series, key=lambda item: -item[1][-1])
        return ranked[0][0]["target"] == name

    return check


# What must be said: a number of a tile, rows of a table or lines of a graph by their names, marks of an annotation;
# or a question to all of the page.
FACTS = {
    ("healthy", "msx-overview"): {
        "Master readable": 0,
        "Targets": 6,
        "Not polling": 0,
        "Pending": 0,
        "Download errors": 0,
        # The far side says so: SQL02 cannot reach its master, and the page of SQL03 says the same of it.
        "Port closed": 2,
        "Targets now": {
            # An alert may have begun by the page of SQL01, before its exporter was scraped.
            "SQL01": ALL_FINE | {"Ports": 0},
            "SQL02": ALL_FINE | {"Ports": 2, "Alerts": 1},
            "SQL03": ALL_FINE | {"Ports": 2, "Alerts": 1},
        },
        # The page of SQL01 says "refused", and its exporter knows better.
        "Ports from target to master": {
            "SQL01": {"Engine": "required open"},
            "SQL02": {"Engine": "required filtered"},
            "SQL03": {"Engine": "required refused"},
        },
        "Ports from master to target": {"SQL02": {"Engine": "open", "Browser": None}},
        "Diagnosis over time": {"SQL01": 0, "SQL06": 0},
        "mark Exporter starts": 1,
        "mark Master starts": 0,
        "mark Enlistments": 0,
        "mark Critical alerts": 0,
    },
    ("healthy", "msx-target"): {
        "Diagnosis and next step": {"SQL01": {"Diagnosis": "ok", "Next step": "ok"}},
        "Pending": 0,
        "Oldest pending": -1,
        "Poll interval": 60,
        # No window is configured.
        "Maintenance": 0,
        "Master by the target's own registry": {"SQL01": {"Master": "MSX01"}},
        "MsxEncryptChannelOptions": 2,
        "Page of the target": {"SQL01": {"Every": 600, "Counts": 1}},
        "Certificate as the target sees it": {"SQL01": {"Judged": "untrusted"}},
        "Ports over time": {"to target: engine": 0, "to master: engine": 100},
        "the jobs have names": lambda look: {row["Job"] for row in look.table("Jobs on this target").values()}
        == {"Backup databases", "Check integrity", "Purge history"},
    },
    ("healthy", "msx-exporter"): {
        "No answer": 0,
        "Collectors failing": 0,
        "Series left out": 0,
        "Configuration": 1,
        "SQL errors, 1 h": 0,
    },
    ("never_polled", "msx-overview"): {
        "Not polling": 1,
        "Pending": 3,
        "Targets now": {"SQL03": {"Diagnosis": "never_polled", "Last poll": 0, "Pending": 3, "Errors": 0}},
        "SQL03 stands first": first_row("Targets now", "SQL03"),
        "the others did poll": over("Targets now", "Last poll", "/SQL01", 1e12),
        "its age is that of the enlistment": over("Targets now", "Lateness", "/SQL03", 1000),
    },
    ("never_polled", "msx-target"): {
        "Diagnosis and next step": {"SQL03": {"Diagnosis": "never_polled"}},
        "Diagnosis over time": {"SQL03": 4},
        "Pending instructions by operation": {"insert": 3},
    },
    ("blocked", "msx-overview"): {
        "Not polling": 0,
        "Download errors": 1,
        "Pending": 2,
        "Targets now": {"SQL03": {"Diagnosis": "download_error", "Errors": 1, "Pending": 2}},
        "Download errors over time": {"SQL03": 1},
        "SQL03 stands first": first_row("Targets now", "SQL03"),
    },
    ("blocked", "msx-target"): {
        "Diagnosis and next step": {"SQL03": {"Diagnosis": "download_error"}},
        "Download errors by class": {"proxy_disabled": 1},
        "it has waited for three hours": lambda look: 10_000 < look.number("Oldest pending") < 14_000,
        "Groups": {"PRODUCTION": {"Targets": 3}, "TEST": {"Targets": 2}},
    },
    ("stopped", "msx-overview"): {
        "Not polling": 1,
        "Targets now": {
            "SQL01": {"Master shows": None},
            "SQL03": {"Diagnosis": "engine_down", "Master shows": "unknown", "Ports": 2, "Pending": 3},
        },
        "SQL03 stands first": first_row("Targets now", "SQL03"),
        "alerts fire for it": over("Targets now", "Alerts", "/SQL03", 1),
        "its instructions wait for days": over("Targets now", "Oldest", "/SQL03", 2 * 86400),
        "mark Critical alerts": 1,
    },
    ("stopped", "msx-target"): {
        "Diagnosis and next step": {"SQL03": {"Diagnosis": "engine_down"}},
        # Behind a loopback address every target is this computer.
        "What the master shows of it": {"SQL03": {"Master shows": "unknown", "In words": "unknown"}},
        "Ports over time": {"to target: engine": 101},
    },
    ("filtered", "msx-overview"): {
        "Not polling": 0,
        "Port closed": 1,
        "Targets now": {"SQL02": {"Diagnosis": "ok", "Ports": 2}, "SQL03": {"Diagnosis": "ok", "Ports": 1}},
        "Ports from master to target": {
            "SQL01": {"Engine": "open"},
            "SQL02": {"Engine": "required filtered"},
            "SQL03": {"Engine": "refused"},
        },
        "SQL02 stands first": first_row("Ports from master to target", "SQL02"),
    },
    ("filtered", "msx-target"): {
        "Ports over time": {"to target: engine": 102, "to master: engine": 102},
        "Ports now": {
            "engine/to_target/": {"State": "required filtered", "Required": 1},
            "engine/to_master/127.0.0.1": {"State": "required filtered", "Master, as called there": "127.0.0.1"},
        },
        "Master by the target's own registry": {"SQL02": {"Master": "msx01.corp.example"}},
    },
    ("down", "msx-overview"): {
        "Master readable": 2,
        "Targets": None,
        "Not polling": None,
        "Download errors": None,
        "the ports go on": lambda look: len(look.table("Ports from master to target")) == 6,
        "the timeline says why": lambda look: 102 in look.lines("Diagnosis over time").values(),
    },
    ("down", "msx-exporter"): {
        "Collectors failing": len(catalogue()["collectors"]),
        "the errors are those of the connection": lambda look: look.lines("SQL errors by stage")["connect"] > 0,
    },
    ("gone", "msx-overview"): {
        "Master readable": 3,
        "Targets": None,
        "the table of masters says so": lambda look: [row["State"] for row in look.table("Masters").values()] == [3],
    },
    ("gone", "msx-exporter"): {
        "No answer": 1,
        "the table says which": lambda look: [row["Answers"] for row in look.table("Exporters").values()] == [0],
    },
    ("everything", "msx-overview"): {
        "Targets": 23,
        "Download errors": 2,
        "Targets now": {
            "RENAMED-NEW": {"Diagnosis": "not_enlisted", "Last poll": None},
            "DEFECTING": {"Diagnosis": "defect_pending"},
            "SQL01\\PAYROLL": {"Diagnosis": "download_error"},
            "SQL07": {"Diagnosis": "not_downloading"},
            "SQL08": {"Diagnosis": "clock_skew"},
            "\u6771\u4eac-DB": {"Diagnosis": "ok"},
        },
        "Targets where jobs failed": {"SQL02": {"Failed jobs": 2}},
    },
    ("everything", "msx-target"): {
        "Diagnosis and next step": {"SQL01\\PAYROLL": {"Diagnosis": "download_error"}},
    },
    ("thousand", "msx-overview"): {
        "Targets": 1000,
        "the table is complete": lambda look: len(look.table("Targets now")) == 1000,
        "the timeline is not": lambda look: len(look.lines("Diagnosis over time")) == 26,
        "nor are the graphs": lambda look: len(look.lines("Poll lateness")) == 25,
    },
}


# Other choices of the variables: scenario, page, what is chosen, and what must be said then.
CHOICES = [
    ("healthy", "msx-overview", {"group": ["TEST"]}, {"Targets": 2, "Targets now": {"SQL03": ALL_FINE, "SQL06": ALL_FINE}}),
    # SQL03 is in both groups and counts once.
    ("healthy", "msx-overview", {"group": ["PRODUCTION", "TEST"]}, {"Targets": 4}),
    # Those that are in no group of those chosen leave; one that is expected and not enlisted stays, and does not count.
    ("everything", "msx-overview", {"group": ["PRODUCTION"]}, {"Targets": 3, "Targets now": {"RENAMED-NEW": {"Ports": None}}}),
    ("everything", "msx-overview", {"target": ["SQL01\\PAYROLL", "SQL01\\STOCK"]}, {"Targets": 2, "Download errors": 1}),
    ("everything", "msx-overview", {"target": ["SQL01\\PAYROLL"]}, {"Targets": 1}),
    ("everything", "msx-target", {"target": "\u6771\u4eac-DB"}, {"Poll interval": 60}),
    ("thousand", "msx-overview", {"target": ["SQL00010\\INST1"]}, {"Targets": 1}),
]

# What a panel would say if it were wrong in one place; each must be noticed: scenario, page, panel, old, new.
MUTANTS = [
    ("everything", "msx-overview", "Targets", "sum(", "count("),
    ("stopped", "msx-overview", "Not polling", "> bool 3", "> bool 3e9"),
    ("blocked", "msx-overview", "Download errors", "sum(", "-sum("),
    ("stopped", "msx-overview", "Port closed", "== bool 0", "== bool 1"),
    ("filtered", "msx-overview", "Ports from master to target", "msx_port_required", "msx_port_open"),
    ("never_polled", "msx-overview", "Targets now", "msx_target_polled", "msx_target_enlisted"),
    ("everything", "msx-overview", "Targets now", 'label_join(', 'label_join(topk by (job) (1, '),
    ("thousand", "msx-overview", "Diagnosis over time", "bottomk(25", "bottomk(5"),
    ("stopped", "msx-overview", "Targets now", "msx_target_master_evidence", "0 * msx_target_enlisted"),
    ("stopped", "msx-target", "What the master shows of it", '"evidence"', '"target"'),
    ("blocked", "msx-target", "Download errors by class", "_by_class", ""),
    ("stopped", "msx-overview", "Targets now", "!= bool 0", "== bool 0"),
    ("healthy", "msx-target", "Maintenance", " or on", " and on"),
    ("blocked", "msx-target", "Oldest pending", "_oldest_pending_download_timestamp_seconds", "_pending_downloads"),
    ("healthy", "msx-target", "Jobs on this target", "job_id, job_name, target", "job_id, target"),
    ("filtered", "msx-target", "Ports now", "to_master", "to_nowhere"),
    ("healthy", "msx-overview", "Ports from target to master", "unless on (job, instance) msx_up", "and on (job, instance) msx_up"),
    ("healthy", "msx-target", "Page of the target", "<= bool", "> bool"),
    ("down", "msx-exporter", "Collectors failing", "== 0", "== 1"),
    ("gone", "msx-exporter", "No answer", "== 0", "== 1"),
]
