"""What documents say of the exporter's names and figures is what its catalogue, its rules and its manifests say.

Each check yields (path, line, sentence) for a fault. tests/lib/words.py runs them on every document.
"""

import functools
import re
import tomllib
from pathlib import Path

import yaml

from tests import ROOT
from tests.lib.catalogue import catalogue, causes, metrics
from tests.lib.stages import GATE, read_stages

# What looks like a name of ours and is another's.
OTHERS = {"msx_exporter", "msx_payroll", "msx_fixture"}  # the program, a service and a database of examples
OF_SQL_SERVER = {"MsxEncryptChannelOptions", "msx_server_name"}
OF_PROMETHEUS = {"--web.enable-remote-write-receiver", "--web.enable-otlp-receiver"}
WORDS = "no one two three four five six seven eight nine ten eleven twelve".split()


@functools.cache
def rules():
    """Every rule of alerts/."""
    groups = [yaml.safe_load(path.read_text())["groups"] for path in sorted((ROOT / "alerts").glob("msx-*.yaml"))]
    return [rule for file in groups for group in file for rule in group["rules"]]


@functools.cache
def known():
    """The names that there are, by kind."""
    series = {rule["record"] for rule in rules() if "record" in rule}
    keys = {key["path"] for key in catalogue()["keys"]}
    return {
        "metric": metrics().keys(),
        "recorded series": series,
        "alert": {rule["alert"] for rule in rules() if "alert" in rule},
        "key": keys | {section["path"] for section in catalogue()["sections"]},
        "variable": {key["variable"] for key in catalogue()["keys"]},
        "flag": {f"--{flag['name']}" for command in catalogue()["commands"] for flag in command["flags"]},
    }


def begins(name, names):
    """Whether the name, which ends in `_` or `*`, is how some of these begin."""
    return name.endswith("_") and any(each.startswith(name) for each in names)


def names(path, number, line):
    """Metrics, recorded series, alerts, variables, flags, keys and causes exist. The changelog names what is gone, too."""
    if path.name == "CHANGELOG.md":
        return
    for name in re.findall(r"(?<![\w:./%\\-])msx_\w+(?![\w:]|\.\w)", line):
        if name not in known()["metric"] | OTHERS | OF_SQL_SERVER and not begins(name, known()["metric"]):
            yield path, number, f"the exporter writes no {name}"
    for name in re.findall(r"(?<![\w:])msx\w*:\w+:\w+", line):
        if name not in known()["recorded series"]:
            yield path, number, f"no rule records {name}"
    for name in re.findall(r"\bMsx[A-Z]\w+", line):
        if name not in known()["alert"] | OF_SQL_SERVER and f"- alert: {name}\n" not in path.read_text():
            yield path, number, f"there is no alert {name}"
    for name in re.findall(r"\bMSX_EXPORTER__\w+", line):
        if name not in known()["variable"] and not begins(name, known()["variable"]):
            yield path, number, f"the exporter reads no variable {name}"
    for name in re.findall(r"(?<![\w-])--(?:config|web|log|output|login|server)\.[\w.-]*\w", line):
        if name not in known()["flag"] | OF_PROMETHEUS:
            yield path, number, f"no command has a flag {name}"
    tops = {name.partition(".")[0] for name in known()["key"] if "." in name}
    for code in re.findall(r"`([^`]+)`", line):
        for name in re.findall(r"^([a-z_]+(?:\.[a-z_]+)+)(?=$|: | =)", code):
            if name.partition(".")[0] in tops and not any(f"{name}.".startswith(f"{key}.") for key in known()["key"] if "." in key):
                yield path, number, f"the configuration has no key {name}"
    for cause in re.findall(r'\bcause!?=~?"(\w+)"', line):
        if cause not in causes():
            yield path, number, f"there is no cause {cause}"


def agree(texts, pattern, wanted=None):
    """Every place where documents give this figure gives the wanted one, or without one that of the first place."""
    for path, text in texts.items():
        for found in re.finditer(pattern, text):
            said = " ".join(part for part in found.groups() if part)
            said = str(WORDS.index(said.lower())) if said.lower() in WORDS else said
            wanted = said if wanted is None else wanted
            if said != wanted:
                yield path, text.count("\n", 0, found.start()) + 1, f"`{' '.join(found[0].split())}`: elsewhere or in its source it is {wanted}"


def figures(texts):
    """Counts, versions and budgets that stand in documents are those of their source, and the same everywhere."""
    manifest = (ROOT / "Cargo.toml").read_text()
    version = re.search(r'^version = "(.*)"', manifest, re.MULTILINE)[1]
    rust = re.search(r'^rust-version = "(.*)"', manifest, re.MULTILINE)[1]
    boards = str(len(list((ROOT / "dashboards").glob("*.json"))))
    yield from agree(texts, r"\bversion (\d+\.\d+\.\d+), not released", version)
    yield from agree(texts, r"\bRust (\d+\.\d+)(?: or later| and a C)", rust)
    yield from agree(texts, r"\b(\w+)\s+(?:dashboards|pages)\s+for\s+Grafana", boards)
    yield from agree(texts, r"\bGrafana\s+(\d+)\s+to\s+(\d+)")
    yield from agree(texts, r"\b[Ss]tays\s+under\s+(\d+)\s+minutes|\bunder\s+(\d+)\s+minutes\s+on\s+two\s+cores")
    yield from agree(texts, r"\bSQL\s+Server\s+(2012)\s+to\s+(20\d\d)")
    yield from agree(texts, r"\b(\d+)\s+targets\s+in\s+all\s+states")
    yield from agree(texts, r"\bbudgets?\s+of\s+the\s+gate\s+add\s+up\s+to\s+(\d+)", str(GATE))
    yield from agree(texts, r"\b(\w+)\s+stages\s+in\s+the\s+gate", str(sum(stage.in_gate for stage in read_stages())))
    page = ROOT / "exporter/CAUSES.md"
    yield from rows(texts, page, "cause", causes())
    yield from shown(texts, ROOT / "SECURITY.md")
    yield from rows(texts, ROOT / "exporter/DEPENDENCIES.md", "crate", dependencies())
    yield from rows(texts, page, "evidence", [word["name"] for word in catalogue()["master_evidence"]])


def dependencies():
    """What the exporter and its tests depend on directly, on any system."""
    manifest = tomllib.loads((ROOT / "exporter/Cargo.toml").read_text())
    tables = [manifest, *manifest["target"].values()]
    return {name for table in tables for kind in ("dependencies", "dev-dependencies") for name in table.get(kind, {})}


def shown(texts, path):
    """The tests that this document names exist."""
    sources = [text for folder in ("exporter/src", "tests/suites") for text in map(Path.read_text, (ROOT / folder).rglob("*.rs"))]
    tests = {name for text in sources for name in re.findall(r"#\[(?:tokio::)?test[^\n]*\]\s+(?:async )?fn (\w+)", text)}
    tests |= {name for text in sources for block in text.split("proptest! {")[1:] for name in re.findall(r"fn (\w+)", block)}
    for number, line in enumerate(texts[path].splitlines(), 1):
        for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`", line):
            if name not in tests and name not in known()["metric"]:
                yield path, number, f"there is no test {name}"


def rows(texts, path, title, wanted):
    """The tables whose first column has this title have a row for each of these, and no other."""
    tables = [part.partition("\n\n")[0] for part in texts[path].split(f"| {title} |")[1:]]
    found = re.findall(r"^\| `([\w-]+)` \|", "\n".join(tables), re.MULTILINE)
    for name in sorted(set(wanted) - set(found)):
        yield path, 1, f"{name} has no row"
    for name in sorted(set(found) - set(wanted)):
        yield path, 1, f"{name} has a row, and there is no such thing"
