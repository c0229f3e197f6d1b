"""Holds the words, colours and order of tiles and tables to what the scenarios say, by Grafana's own library.

    python3 -m tests.dashboards.cells RECORDED NODE_MODULES     RECORDED is from `tests.dashboards.live --record=FILE`, NODE_MODULES holds @grafana/data

cells.cjs joins the recorded answers and formats each cell; this judges them. No Grafana server takes part.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .grafana import dashboards, panels

GREEN, RED, BLUE, ORANGE, DARK_ORANGE = "#73BF69", "#F2495C", "#5794F2", "#FF9830", "#FA6400"
DARK_RED = "#C4162A"

# Scenario, page, panel, and for each row (by its first column) or tile the texts and colours that it must show.
EXPECTED = [
    ("healthy", "msx-overview", "Master readable", {"": {"Master readable": ("Readable", GREEN)}}),
    ("down", "msx-overview", "Master readable", {"": {"Master readable": ("Unreadable", RED)}}),
    ("gone", "msx-overview", "Master readable", {"": {"Master readable": ("Exporter down", DARK_RED)}}),
    ("stopped", "msx-overview", "Not polling", {"": {"Not polling": ("1", RED)}}),
    (
        "everything",
        "msx-overview",
        "Targets now",
        {
            "SQL03": {"Diagnosis": ("Never polled", RED), "Last poll": ("never", RED), "Oldest": ("1 days", RED)},
            "SQL04": {"Diagnosis": ("Stopped polling", RED), "Last poll": ("3 days ago", None)},
            "SQL07": {"Diagnosis": ("Not downloading", ORANGE)},
            "SQL01\\PAYROLL": {"Diagnosis": ("Download error", DARK_ORANGE), "Errors": ("1", DARK_ORANGE)},
            "SQL10": {"Diagnosis": ("OK", GREEN), "Oldest": ("none", None), "Ports": ("open", GREEN)},
            "RENAMED-NEW": {"Diagnosis": ("Not enlisted", None), "Last poll": ("–", None), "Ports": ("not checked", None)},
        },
    ),
    (
        "filtered",
        "msx-overview",
        "Targets now",
        {"SQL02": {"Ports": ("required closed", RED)}, "SQL03": {"Ports": ("closed, not required", BLUE)}},
    ),
    (
        "filtered",
        "msx-overview",
        "Ports from master to target",
        {"SQL02": {"Engine": ("filtered", RED)}, "SQL03": {"Engine": ("refused", BLUE)}, "SQL01": {"Engine": ("open", GREEN)}},
    ),
    ("filtered", "msx-overview", "Ports from target to master", {"SQL02": {"Engine": ("filtered", RED)}}),
    (
        "blocked",
        "msx-target",
        "Diagnosis and next step",
        {"Download error": {"Meaning": ("A failed instruction blocks those behind it", None)}},
    ),
    ("blocked", "msx-target", "Oldest pending", {"": {"Oldest pending": ("3 hours", ORANGE)}}),
    ("healthy", "msx-target", "Oldest pending", {"": {"Oldest pending": ("none waits", GREEN)}}),
    ("healthy", "msx-target", "Poll interval", {"": {"Poll interval": ("1 min", None)}}),
    ("down", "msx-exporter", "Collectors now", {"targets": {"State": ("failed", RED)}}),
]
# A clock that is a moment behind is no fault: values below 0 must not fall to the lowest colour.
NEVER_RED = [("msx-target", "Clock skew"), ("msx-overview", "Masters", "Clock")]
FIRST = [
    ("never_polled", "Targets now", "SQL03"),
    ("stopped", "Targets now", "SQL03"),
    ("blocked", "Targets now", "SQL03"),
    ("filtered", "Ports from master to target", "SQL02"),
]


def formatted(recorded, modules):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "cells.json")
        script = Path(__file__).with_name("cells.cjs")
        subprocess.run(
            ["node", script, recorded, out], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"NODE_PATH": modules}
        )
        return json.loads(out.read_text(encoding="utf-8"))


def table(frames):
    """Rows as they stand, each with its cells by column."""
    return [dict(zip(frame["columns"], row)) for frame in frames for row in frame["rows"]]


def faults(looks, recorded):
    by_name = {(look["scenario"], look["uid"], look["title"]): look for look in looks}
    loaded = dashboards()
    kinds = {(uid, panel["title"]): panel for uid, page in loaded.items() for panel in panels(page)}
    rows_of = {(look["scenario"], look["uid"], look["panel"]["title"]): len(look["answers"]["A"]) for look in recorded}
    for (scenario, uid, title), look in by_name.items():
        panel = kinds[uid, title]
        if panel["type"] != "table":
            continue
        name = f"{scenario}: {title!r}"
        organized = next(step for step in panel["transformations"] if step["id"] == "organize")["options"]
        order = [organized["renameByName"][field] for field in organized["indexByName"]]
        if len(look["frames"]) > 1:
            yield f"{name}: {len(look['frames'])} tables, which were not joined"
        for frame in look["frames"]:
            if frame["columns"] != [column for column in order if column in frame["columns"]]:
                yield f"{name}: the columns {frame['columns']}"
            if len(frame["rows"]) != rows_of[scenario, uid, title]:
                yield f"{name}: {len(frame['rows'])} rows of {rows_of[scenario, uid, title]}"
        for row in table(look["frames"]):
            for column, cell in row.items():
                if cell["text"] in ("undefined", "null", "NaN", "Invalid date") or "_" in cell["text"] and column in ("Diagnosis", "State", "Engine"):
                    yield f"{name}: {column} says {cell['text']!r}"
    for scenario, uid, title, expected in EXPECTED:
        rows = table(by_name[scenario, uid, title]["frames"])
        for first, cells in expected.items():
            row = next((row for row in rows if not first or next(iter(row.values()))["text"] == first), {})
            for column, (text, colour) in cells.items():
                found = row.get(column, {"text": None, "color": None})
                if found["text"] != text or colour and found["color"] != colour:
                    yield f"{scenario}: {title!r} {first} {column}: {found}, not {text!r} in {colour}"
    for uid, title, *column in NEVER_RED:
        for (scenario, page, name), look in by_name.items():
            if (page, name) == (uid, title) and scenario != "everything":
                for row in table(look["frames"]):
                    cell = row.get(column[0] if column else title)
                    if cell and cell["color"] == RED:
                        yield f"{scenario}: {title!r} is red at {cell['text']}"
    for scenario, title, first in FIRST:
        top = table(by_name[scenario, "msx-overview", title]["frames"])[0]
        if top["Target"]["text"] != first:
            yield f"{scenario}: {title!r} begins with {top['Target']['text']}, not with {first}"


def main():
    recorded, modules = sys.argv[1:]
    looks = formatted(recorded, modules)
    found = list(faults(looks, json.loads(Path(recorded).read_text(encoding="utf-8"))))
    for fault in found:
        print(fault)
    print(f"{len(looks)} tiles and tables were formatted, {len(found)} faults")
    sys.exit(bool(found) or not looks)


if __name__ == "__main__":
    main()
