"""What the numbers and names of the metrics are called, and in which colours they are shown.

Colours mean the same everywhere: green is fine; yellow and orange ask to be looked at; red is silent or closed and
somebody must act; purple is a matter of who belongs to the master; blue waits or is only watched; grey is not known.
"""

from dataclasses import dataclass

GREEN = "green"
YELLOW = "yellow"
ORANGE = "orange"
DARK_ORANGE = "dark-orange"
RED = "red"
DARK_RED = "dark-red"
PURPLE = "purple"
DARK_PURPLE = "dark-purple"
BLUE = "blue"
LIGHT_BLUE = "light-blue"
GREY = "#7b8087"
TEXT = "text"


@dataclass(frozen=True)
class Cause:
    """A verdict on a target. Codes and names are the exporter's, title and next step those of its own pages."""

    code: int
    name: str
    short: str
    title: str
    next: str
    colour: str


CAUSES = [
    Cause(0, "ok", "OK", "Polls and downloads", "", GREEN),
    Cause(
        1,
        "clock_skew",
        "Clock off",
        "Its clock is over 5 minutes off",
        "Repair the time service on the target (w32tm /query /status). sp_post_msx_operation 'SYNC-TIME' sets its clock "
        "once; sp_resync_targetserver does not, and empties its download list.",
        YELLOW,
    ),
    Cause(
        2,
        "not_downloading",
        "Not downloading",
        "Polls, but does not take its instructions",
        "Compare the name in msdb.dbo.sysdownloadlist with SELECT @@SERVERNAME on the target, and look for errors of "
        "the multiserver thread in the target's SQLAGENT.OUT.",
        ORANGE,
    ),
    Cause(
        3,
        "download_error",
        "Download error",
        "A failed instruction blocks those behind it",
        "Read error_message in msdb.dbo.sysdownloadlist on the master and repair its cause, often a proxy that the "
        "target lacks. Then run sp_resync_targetserver for this target: it deletes the failed rows and posts its jobs again.",
        DARK_ORANGE,
    ),
    Cause(
        4,
        "never_polled",
        "Never polled",
        "Enlisted, has never polled",
        "On the target: is SQL Server Agent running, can it open a connection to the master's engine port, and does "
        "it trust the master's certificate (MsxEncryptChannelOptions)? SQLAGENT.OUT there names the reason.",
        RED,
    ),
    Cause(
        5,
        "stopped_polling",
        "Stopped polling",
        "Has stopped polling",
        "On the target: is SQL Server Agent running, and can it still log in to the master? SQLAGENT.OUT there names "
        "the reason. It may also have been defected by force, renamed, or enlisted to another master.",
        RED,
    ),
    Cause(
        6,
        "engine_down",
        "SQL Server down",
        "Silent, and its SQL Server is down",
        "The host answers and refuses the engine's port: start SQL Server and SQL Server Agent on the target.",
        DARK_RED,
    ),
    Cause(
        7,
        "unreachable",
        "Unreachable",
        "Silent, and cannot be reached",
        "Its engine port was open before and is now filtered or unreachable: is the host up, and did a firewall or "
        "a route change?",
        DARK_RED,
    ),
    Cause(
        8,
        "unresolved",
        "Name not found",
        "Silent, and its name no longer resolves",
        "Look the host up in DNS. If the target is gone for good, run sp_delete_targetserver with "
        "@post_defection = 0 on the master.",
        DARK_RED,
    ),
    Cause(
        9,
        "defect_pending",
        "Defection waits",
        "A defection waits for it",
        "It leaves this master at its next poll. If its host is gone for good, run sp_delete_targetserver with "
        "@post_defection = 0 on the master.",
        PURPLE,
    ),
    Cause(
        10,
        "not_enlisted",
        "Not enlisted",
        "Expected, but not enlisted",
        "Run sp_msx_enlist on the target, or take its name out of expected_targets.",
        DARK_PURPLE,
    ),
    Cause(
        11,
        "unknown",
        "Not known",
        "Not known: a part of the reading failed",
        "Repair the collector that failed; its fault stands below the table of targets.",
        GREY,
    ),
    Cause(
        12,
        "settling",
        "Settling",
        "Not known yet: the master has just started",
        "Wait for three poll intervals of the target.",
        LIGHT_BLUE,
    ),
    Cause(
        13,
        "master_side",
        "Master's side",
        "Fell silent together with many others",
        "Look at the master first: its certificate, its listener and port, the targets' login, a move or a restore.",
        DARK_RED,
    ),
]

# A port's state, as the exporter names it, and what is closed for sure (the rest is not known, or not asked).
PORT_STATES = {
    "open": "open",
    "refused": "refused",
    "filtered": "filtered",
    "unreachable": "unreachable",
    "unresolved": "no name",
    "no_answer": "no answer",
    "denied": "denied",
    "wrong_protocol": "not SQL",
    "tls_failed": "TLS failed",
    "skipped": "skipped",
}
# Where nothing is proved: silence of UDP, and what was not tried.
PORT_UNKNOWN = {"no_answer", "skipped"}
# What stands behind the name of a state where the port is required.
REQUIRED = "required "

CHECKS = {
    "engine": "Engine",
    "browser": "Browser",
    "rpc_mapper": "RPC 135",
    "rpc_scm": "RPC SCM",
    "netbios": "NetBIOS",
    "smb": "SMB 445",
}

ERROR_CLASSES = {
    "proxy_disabled": "proxy matching disabled",
    "proxy_missing": "proxy missing",
    "permission": "permission",
    "object_exists": "object exists",
    "subsystem": "subsystem",
    "version": "version",
    "other": "other",
}


def said(options):
    """Value mappings from `{value: (text, colour)}`, in the order given."""
    return [
        {
            "type": "value",
            "options": {
                str(value): {"text": text, "index": index} | ({"color": colour} if colour else {})
                for index, (value, (text, colour)) in enumerate(options.items())
            },
        }
    ]


def said_above(value, text):
    """A mapping that says one thing of everything from a value on."""
    return [{"type": "range", "options": {"from": value, "to": 1e15, "result": {"text": text, "index": 0}}}]


def cause_codes():
    return {cause.code: (cause.short, cause.colour) for cause in CAUSES}


def cause_names():
    return {cause.name: (cause.short, cause.colour) for cause in CAUSES}


# The timeline shows masters and targets in one panel: a master's state comes after all causes.
MASTER_OFFSET = 100
MASTER_STATES = {
    0: ("Readable", GREEN),
    1: ("Passive", BLUE),
    2: ("Unreadable", RED),
    3: ("Exporter down", DARK_RED),
}


def port_colour(state, required):
    if state == "open":
        return GREEN
    if state in PORT_UNKNOWN:
        return YELLOW if required and state != "skipped" else GREY
    return RED if required else BLUE


def port_words():
    """The cells of the port matrix: the state's name, with `required ` before it where the port must be open."""
    words = {}
    for state, text in PORT_STATES.items():
        words[state] = (text, port_colour(state, False))
        words[REQUIRED + state] = (text, port_colour(state, True))
    return words


def port_codes():
    """The same as numbers, for timelines: the place in PORT_STATES, and 100 more where the port must be open."""
    words = {}
    for code, (state, text) in enumerate(PORT_STATES.items()):
        words[code] = (text, port_colour(state, False))
        words[100 + code] = (text, port_colour(state, True))
    return words
