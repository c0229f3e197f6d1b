"""What the numbers and names of the metrics are called, and in which colours they are shown.

Colours mean the same everywhere: green is fine; yellow and orange ask to be looked at; red is silent or closed and
somebody must act; purple is a matter of who belongs to the master; blue waits or is only watched; grey is not known.
"""

from dataclasses import dataclass

from .catalogue import catalogue

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
    """A verdict on a target. All but the colour is the exporter's."""

    code: int
    name: str
    short: str
    title: str
    next: str
    colour: str


COLOURS = {
    "ok": GREEN,
    "clock_skew": YELLOW,
    "not_downloading": ORANGE,
    "download_error": DARK_ORANGE,
    "never_polled": RED,
    "stopped_polling": RED,
    "engine_down": DARK_RED,
    "unreachable": DARK_RED,
    "unresolved": DARK_RED,
    "defect_pending": PURPLE,
    "not_enlisted": DARK_PURPLE,
    "unknown": GREY,
    "settling": LIGHT_BLUE,
    "master_side": DARK_RED,
}


def cause(facts):
    """A cause of the catalogue in its colour; where none is set here, red when the target is silent."""
    colour = COLOURS.get(facts["name"], RED if facts["silent"] else YELLOW)
    return Cause(facts["code"], facts["name"], facts["short"], facts["title"], facts["next_step"], colour)


def titles(words):
    """The words of a closed set, as the exporter names them, with their titles."""
    return {word["name"]: word["title"] for word in words}


CAUSES = [cause(facts) for facts in catalogue()["causes"]]
PORT_STATES = titles(catalogue()["port_states"])
# Where nothing is proved: silence of UDP, and what was not tried.
PORT_UNKNOWN = {state["name"] for state in catalogue()["port_states"] if state["open"] is None}
# What stands behind the name of a state where the port is required.
REQUIRED = "required "

# What the master shows of a silent target: what was seen asks to be looked at.
EVIDENCE = catalogue()["master_evidence"]
EVIDENCE_COLOURS = {"no_trace": TEXT, "unknown": GREY}

CHECKS = titles(catalogue()["checks"])
ERROR_CLASSES = titles(catalogue()["error_classes"])


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


def evidence_words():
    return {word["name"]: (word["title"], EVIDENCE_COLOURS.get(word["name"], ORANGE)) for word in EVIDENCE}


def evidence_meanings():
    return {word["name"]: (word["meaning"], None) for word in EVIDENCE}


# The timeline shows masters and targets in one panel: a master's state comes after all causes.
MASTER_OFFSET = 100
MASTER_STATES = {
    0: ("Readable", GREEN),
    1: ("Passive", BLUE),
    2: ("Unreadable", RED),
    3: ("Exporter down", DARK_RED),
    4: ("Page stands still", DARK_RED),
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
