#!/usr/bin/env python3
"""Compares what each case renders with its golden file. `--accept` writes them; look at the difference before you commit.

Dashboards and rules are left out: tests/kubernetes/checks.py compares them with their source.
"""

import difflib
import sys

import yaml

import chart as it


class Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def shown(text):
    found = it.documents(text)
    for one in found:
        if one["kind"] == "PrometheusRule":
            one["spec"]["groups"] = "those of alerts/"
        if one["kind"] == "ConfigMap":
            one["data"] = {key: "that of dashboards/" if key.endswith(".json") else said for key, said in one["data"].items()}
    return yaml.dump_all(found, Dumper=Dumper, sort_keys=False, width=10_000)


def compare(chart):
    faults = []
    for values in it.CASES:
        path = it.HERE / "golden" / values.name
        text = shown(it.rendered(chart, values))
        if "--accept" in sys.argv:
            path.write_text(text)
        elif not path.exists():
            faults.append(f"{values.stem} has no golden file")
        elif path.read_text() != text:
            faults += difflib.unified_diff(path.read_text().splitlines(), text.splitlines(), path.name, "rendered", lineterm="")
    known = {values.name for values in it.CASES}
    faults += [f"golden/{path.name} has no case" for path in (it.HERE / "golden").iterdir() if path.name not in known]
    return faults


if __name__ == "__main__":
    sys.exit("\n".join(compare(it.CHART)) or 0)
