"""Compares what each case renders with its golden file. `--accept` writes them; look at the difference before you commit.

Dashboards and rules are left out: tests/kubernetes/checks.py compares them with their source. A golden file shows the
objects of the case `minimal` as they are, and of any other object what differs, by path, from the first of its kind in
its own case or else in `minimal`.
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
    return value.replace(name, "<name>") if name and isinstance(value, str) else value


def kind(one):
    """What two objects have in common that are compared."""
    labels = one["metadata"]["labels"]
    return one["kind"], labels.get("app.kubernetes.io/component"), "msx-exporter/master" in labels


def difference(first, other):
    """What an object says otherwise than another one of its kind. As texts, for 1 is not true."""
    names = [one["metadata"]["labels"].get("msx-exporter/master") for one in (first, other)]
    before, after = ({path: unnamed(value, name) for path, value in leaves(one)} for one, name in zip((first, other), names))
    changed = {path: value for path, value in after.items() if path not in before or repr(before[path]) != repr(value)}
    gone = [path for path in before if path not in after]
    whose = {"kind": other["kind"], "name": other["metadata"]["name"], "as": first["metadata"]["name"]}
    return {**whose, **({"but": changed} if changed else {}), **({"without": gone} if gone else {})}


def shortened(found, basis):
    """The objects, each as its difference from the first of its kind: of this case, or of the basis."""
    first = {}
    for one in found:
        base = first.get(kind(one), basis.get(kind(one)))
        first.setdefault(kind(one), one)
        yield difference(base, one) if base else one


def objects(text):
    found = it.documents(text)
    for one in found:
        if one["kind"] == "PrometheusRule":
            one["spec"]["groups"] = "those of alerts/"
        if one["kind"] == "ConfigMap":
            one["data"] = {key: "that of dashboards/" if key.endswith(".json") else said for key, said in one["data"].items()}
    return found


def compare(chart):
    faults, basis = [], {}
    for values in sorted(it.CASES, key=lambda path: (path.stem != "minimal", path)):
        path = it.HERE / "golden" / values.name
        found = objects(it.rendered(chart, values))
        text = yaml.dump_all(shortened(found, basis), Dumper=Dumper, sort_keys=False, width=10_000, default_flow_style=None)
        basis = basis or {kind(one): one for one in reversed(found)}
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
