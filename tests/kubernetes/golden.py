"""Compares what each case renders with its golden file. `--accept` writes them; look at the difference before you commit.

Dashboards and rules are left out: tests/kubernetes/checks.py compares them with their source. Of the second and every
further master of a case, a golden file shows what differs from the same object of the first: path and value.
"""

import difflib
import re
import sys

import yaml

from . import chart as it


class Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def leaves(value, path=""):
    """Every value that holds no other, by its path; an empty list or dictionary is one, too."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from leaves(one, f"{path}.{key}" if re.fullmatch(r"[\w-]+", key) else f"{path}[{key}]")
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            yield from leaves(one, f"{path}[{number}]")
    else:
        yield path.removeprefix("."), value


def unnamed(value, name):
    """The value without a master's own name, which differs everywhere and says nothing."""
    return value.replace(name, "<name>") if isinstance(value, str) else value


def difference(first, other):
    """What the object of another master says otherwise than that of the first. As texts, for 1 is not true."""
    label = "msx-exporter/master"
    names = [one["metadata"]["labels"][label] for one in (first, other)]
    before, after = ({path: unnamed(value, name) for path, value in leaves(one)} for one, name in zip((first, other), names))
    changed = {path: value for path, value in after.items() if path not in before or repr(before[path]) != repr(value)}
    gone = [path for path in before if path not in after]
    return {"kind": other["kind"], "master": names[1], "as that of": names[0], "but": changed, **({"without": gone} if gone else {})}


def shortened(found):
    """The objects, with those of further masters as their difference from the first master's."""
    first = {}
    for one in found:
        labels = one["metadata"]["labels"]
        if "msx-exporter/master" not in labels:
            yield one
            continue
        base = first.setdefault((one["kind"], labels.get("app.kubernetes.io/component")), one)
        yield one if base is one else difference(base, one)


def shown(text):
    found = it.documents(text)
    for one in found:
        if one["kind"] == "PrometheusRule":
            one["spec"]["groups"] = "those of alerts/"
        if one["kind"] == "ConfigMap":
            one["data"] = {key: "that of dashboards/" if key.endswith(".json") else said for key, said in one["data"].items()}
    return yaml.dump_all(shortened(found), Dumper=Dumper, sort_keys=False, width=10_000, default_flow_style=None)


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
