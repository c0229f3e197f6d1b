"""Judges the rules, their cases and their runbooks together; ends with `rules together: N passed, N failed`.

The checks that need no server follow those of pint, a linter for Prometheus rules, so that they run wherever Python does.
"""

import re
import sys
from urllib.parse import unquote

import yaml

from alerts import generate
from tests import ROOT
from tests.lib.catalogue import causes, metrics

from . import generate_tests

ALERTS = ROOT / "alerts"
RUNBOOKS = ALERTS / "runbooks"
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

SEVERITIES = {"critical", "warning", "info"}
COMPONENTS = {"exporter", "master", "target", "port"}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## Raising the threshold"]
# Labels that may hold an alert's own values. A cause, a class, a state or a group may not: when it changes, another
# alert begins.
FORBIDDEN_LABELS = {"cause", "class", "state", "group", "reason", "location", "outcome"}
# They end as soon as somebody watches again.
NOT_HELD = {"MsxExporterDown", "MsxExporterAbsent", "MsxPageStale", "MsxMasterUnreadable"}
# What several exporters have in common: their job and role, a port of a target, a master and its targets.
ACROSS = [{"job", "role"}, {"target", "check", "direction"}, {"master"}, {"target", "master"}]
LARGE = ROOT / "deploy/prometheus/LARGE_ESTATES.md"
RECORDED = {"msx_target:poll_age:seconds", "msx_target:poll_lateness:ratio", "msx:targets_not_polling:count",
            "msx:targets_not_polling:ratio"}
# Their labels change with what holds: a range of them still sees what has just ended.
CHANGING = "msx_target_diagnosis|msx_target_download_errors_by_class|msx_port_state"


def load_rules():
    rules = []
    for path in sorted(ALERTS.glob("msx-*.yaml")):
        for group in yaml.load(path.read_text(), Loader)["groups"]:
            rules += [{**rule, "file": path.name} for rule in group["rules"]]
    return rules


def written():
    """Names of the metrics that there are: the exporter's, and the one that Prometheus writes for it."""
    return metrics().keys() | {"up"}


def metrics_in(text):
    """Names of metrics and of recorded series in an expression or a template, without what merely looks like one."""
    text = re.sub(r'"[^"]*"', lambda m: m[0] if "{job=" in m[0] or "msx_" in m[0] else '""', text)
    return set(re.findall(r"(?<![\w:])(msx[\w:]*_[\w:]+|msx:[\w:]+|up(?=[{\[]))", text))


def rule_faults(rules):
    names = written()
    recorded = {rule["record"] for rule in rules if "record" in rule}
    if missing := RECORDED - recorded:
        yield f"the recording rules {sorted(missing)} are gone"
    alerts = [rule for rule in rules if "alert" in rule]
    for rule in rules:
        name, expr = rule.get("alert") or rule["record"], rule["expr"]
        yield from (f"{name}: {fault}" for fault in cause_faults(expr, rule.get("annotations", {}).get("description", "")))
        unknown = {each for each in metrics_in(expr + " " + re.sub(r"`[^`]*`", "", rule.get("annotations", {}).get("description", "")))
                   if each not in (recorded if ":" in each else names)}
        for each in sorted(unknown):
            yield f"{name}: the exporter writes no {each}"
        yield from (f"{name}: {fault}" for fault in [*promql_faults(expr), *label_faults(expr)])
    for rule in alerts:
        yield from (f"{rule['alert']}: {fault}" for fault in alert_faults(rule))


def cause_faults(expr, description):
    """The number of a cause has its name in a comment behind it, and no range reaches for what holds now."""
    known = {cause["code"]: name for name, cause in causes().items()}
    for found in re.finditer(r"msx_target_diagnosis_code\b(?:\{[^}]*\})?(?:\[\w+\]\))?(.*)", expr):
        compared = re.fullmatch(r"\s*(?:==|!=)\s*(?:bool\s+)?(\d+)\)?\s*# (\w+)", found[1])
        if not compared:
            yield f"`{found[0]}` is not compared with the number of a cause and followed by its name in a comment"
        elif known.get(int(compared[1])) != compared[2]:
            yield f"{compared[1]} is the number of {known.get(int(compared[1]))}, not of {compared[2]}"
    for found in re.findall(rf"\b(?:{CHANGING})(?:\{{[^}}]*\}})?\[", expr + description):
        yield f"`{found}` reads over a range what holds now: it still sees what has just ended"


def label_faults(expr):
    """Labels that a metric of the exporter lacks, and values that a label never has."""
    for metric, matchers in re.findall(r"(?<![\w:])(msx_\w+)\{([^}]*)\}", expr):
        known = metrics().get(metric)
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"', matchers) if known else []:
            if label not in {*known["labels"], "job", "instance"}:
                yield f"{metric} has no label {label}"
            values = known["values"].get(label)
            if values and operator in ("=", "!=") and value not in values:
                yield f"{label} of {metric} is never {value}"


def promql_faults(expr):
    """pint's promql/aggregate, promql/regexp and promql/vector_matching, and what our own conventions forbid."""
    if re.search(r"\b(topk|bottomk)\s*\(", expr):
        yield "topk in a rule: its series come and go, and each time a `for` starts again"
    if re.search(r"\btime\s*\(", expr):
        yield "time(): ages are taken by the master's own clock"
    for found in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expr):
        labels = {each.strip() for each in found.split(",")}
        if not {"job", "instance"} <= labels and labels not in ACROSS:
            yield f"by or on ({found}) mixes two masters"
    for found in re.findall(r"\bwithout\s*\(([^)]*)\)", expr):
        if {"job", "instance"} & {each.strip() for each in found.split(",")}:
            yield f"without ({found}) mixes two masters"
    if re.search(r"\bignoring\s*\(", expr):
        yield "ignoring(): name what is matched with on()"
    for found in re.findall(r"(=~|!~)\s*\"([^\"]*)\"", expr):
        if not re.search(r"[.*+?|\[(]", found[1]):
            yield f"{found[0]}\"{found[1]}\" is no regular expression: say = or !="
        if found[1] in (".*", ".+"):
            yield f"{found[0]}\"{found[1]}\" says nothing"


def alert_faults(rule):
    name, labels, annotations = rule["alert"], rule["labels"], rule["annotations"]
    if not re.fullmatch(r"Msx[A-Z]\w+", name):
        yield "its name does not begin with Msx"
    if labels.get("severity") not in SEVERITIES:
        yield f"severity {labels.get('severity')} is none of {sorted(SEVERITIES)}"
    if labels.get("component") not in COMPONENTS:
        yield f"component {labels.get('component')} is none of {sorted(COMPONENTS)}"
    if wrong := FORBIDDEN_LABELS & labels.keys():
        yield f"its labels {sorted(wrong)} change while it fires"
    if any("{{" in str(value) for value in labels.values()):
        yield "a template in a label: a changed value is another alert"
    if annotations.keys() != ANNOTATIONS:
        yield f"annotations are {sorted(annotations)}"
    if not annotations["summary"].endswith(".") or "{{" in annotations["summary"]:
        yield "its summary is a fixed sentence with a full stop"
    if not annotations["description"].endswith((".", "}}")):
        yield "its description does not end in a full stop"
    if "keep_firing_for" in rule and name in NOT_HELD or rule.get("keep_firing_for", "15m") != "15m":
        yield f"keep_firing_for is {rule['keep_firing_for']}"
    if "keep_firing_for" not in rule and name not in NOT_HELD:
        yield "it has no keep_firing_for"
    if not re.search(r"[<>]=?|[!=]=|\babsent_over_time\b|\bunless\b", rule["expr"]):
        yield "its expression compares nothing, so it fires for whatever exists"
    for found in re.findall(r"query \(printf \"((?:\\.|[^\"\\])*)\" ([^)]*)\)", annotations["description"]):
        if "%s" in found[0]:
            yield "a query() with %s: a named instance's backslash breaks it, %q does not"
        if found[0].count("%q") != len(found[1].split()):
            yield "a query() whose %q and values do not match in number"
    for opened in re.findall(r"\{\{-? ?(\w+) query", annotations["description"]):
        if opened != "with":
            yield "a query() outside `with` breaks the text when nothing is found"
    if rule["file"] == "msx-targets.yaml" and not re.search(
            r"unless on \(job, instance, target\) last_over_time\((?:msx_target_maintenance\[\d+m\]|msx_target:maintenance:bool\[1d\])\) == 1", rule["expr"]):
        yield "it does not honour maintenance"
    runbook = annotations["runbook_url"].rsplit("/", 1)[1]
    if runbook != f"{name}.md" or not (RUNBOOKS / runbook).exists():
        yield f"its runbook {runbook} is not there"


def minutes(duration):
    """A duration of a rule, such as 90s, 15m or 1d, in minutes."""
    return int(duration[:-1]) * {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}[duration[-1]]


def case_faults(rules):
    """Every rule is seen firing, and its alert silent, with its own severity (and operation, where it has one), and a case
    knows its `for` and keep_firing_for."""
    waits = {(spec.alert, spec.severity, spec.for_, spec.keep) for spec in generate_tests.specs()}
    fired, silent = set(), set()
    for stem, document in generate_tests.documents().items():
        for test in document["tests"]:
            for point in test.get("alert_rule_test", []):
                if not point["exp_alerts"]:
                    silent.add(point["alertname"])
                for alert in point["exp_alerts"]:
                    fired.add((point["alertname"], alert["exp_labels"]["severity"], alert["exp_labels"].get("operation")))
                    if alert.get("exp_annotations", {}).keys() != ANNOTATIONS:
                        yield f"{stem}: {test['name']}: an expected alert without all its texts"
    for rule in rules:
        if "alert" in rule:
            labels = rule["labels"]
            if (rule["alert"], labels["severity"], labels.get("operation")) not in fired:
                yield f"{rule['alert']} ({labels['severity']}) fires in no case"
            times = rule.get("for", "0m"), rule.get("keep_firing_for", "0m")
            if (rule["alert"], labels["severity"], *map(minutes, times)) not in waits:
                yield f"{rule['alert']} ({labels['severity']}): no case waits {times[0]} for it and keeps it {times[1]}"
            if rule["alert"] not in silent:
                yield f"{rule['alert']} is silent in no case"


def document_faults(rules):
    """Runbooks have their headings, and every relative link of every document below alerts/ resolves."""
    names = {rule["alert"] for rule in rules if "alert" in rule}
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text()
        if path.stem not in names:
            yield f"{path.name} is the runbook of no alert"
        if not text.startswith(f"# {path.stem}\n"):
            yield f"{path.name} does not begin with its alert's name"
        headings = [line for line in text.split("\n") if line.startswith("## ")]
        if headings != HEADINGS:
            yield f"{path.name} has the headings {headings}"
        recorded = {rule["record"] for rule in rules if "record" in rule}
        known = written()
        for block in re.findall(r"```promql\n(.*?)```", text, re.S):
            for each in sorted(metrics_in(block)):
                if each not in (recorded if ":" in each else known):
                    yield f"{path.name}: the exporter writes no {each}"
        for block in re.findall(r"```sql\n(.*?)```", text, re.S):
            changes = re.search(r"\b(EXEC|UPDATE|DELETE|INSERT|ALTER|CREATE|DROP|TRUNCATE)\b", block, re.I)
            before = text[:text.index(block)].rsplit("```sql", 1)[0].rstrip().rsplit("\n", 1)[-1]
            if changes and "**" not in before:
                yield f"{path.name}: a statement that changes something, and no bold warning in the line before it"
        for forbidden in ("todo", "tbd", "lorem"):
            if forbidden in text.lower().split():
                yield f"{path.name} is not finished: {forbidden}"
    for path in ALERTS.rglob("*.md"):
        text = path.read_text()
        anchors = {}
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / unquote(file)).resolve() if file else path
            if not there.exists():
                yield f"{path.relative_to(ROOT)}: {target} leads nowhere"
            elif anchor and there.suffix == ".md":
                anchors.setdefault(there, {slug(line) for line in there.read_text().split("\n") if line.startswith("#")})
                if anchor not in anchors[there]:
                    yield f"{path.relative_to(ROOT)}: {target} names no heading"


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


def grafana_faults():
    """What the provisioning would silently drop or stumble over."""
    groups = yaml.load((ALERTS / "grafana" / "msx-alerts.yaml").read_text(), Loader)["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    for field in ("uid", "title"):
        values = [rule[field] for rule in rules]
        for twice in sorted({each for each in values if values.count(each) > 1}):
            yield f"Grafana: two rules with the {field} {twice}"
    for rule in rules:
        if len(rule["uid"]) > 40:
            yield f"Grafana: the uid {rule['uid']} is over 40 characters"
        for text in rule["annotations"].values():
            if "query" in re.sub(r"urlquery", "", text) and "{{" in text and re.search(r"\{\{[^}]*\bquery\b", text):
                yield f"Grafana: {rule['title']} asks query(), which does not exist there"
            if text.count("{{") != text.count("}}") or len(re.findall(r"\{\{-? ?(?:if|with|range)\b", text)) != len(re.findall(r"\{\{-? ?end\b", text)):
                yield f"Grafana: {rule['title']} has a template that does not close"


def address_faults():
    """`generate.py --runbooks --grafana` reaches every link and touches nothing else."""
    for name in generate.SOURCES:
        text = (ALERTS / f"{name}.yaml").read_text()
        moved = generate.with_addresses(text, "https://wiki.example/msx", "https://grafana.example")
        if generate.with_addresses(moved, generate.RUNBOOKS, generate.GRAFANA) != text:
            yield f"{name}.yaml does not come back from other addresses"
        links = text.count("runbook_url:")
        if (moved.count("runbook_url: https://wiki.example/msx/Msx"), moved.count("dashboard_url: https://grafana.example/d/")) != (links, links):
            yield f"{name}.yaml keeps links to old addresses"


def shard_faults(rules):
    """The document on large estates has a row for each rule that looks at several exporters, and for no other."""
    across = {rule.get("alert") or rule["record"] for rule in rules for found in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule["expr"])
              if {each.strip() for each in found.split(",")} in ACROSS}
    table = LARGE.read_text().partition("| rule | looks at several exporters |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([\w:]+)`", " ".join(line.split("|")[1] for line in table.splitlines()[2:])))
    for each in sorted(across ^ named):
        yield f"{each} {'has no' if each in across else 'has a'} row in {LARGE.name}, and looks at {'several exporters' if each in across else 'one'}"


def selector_faults():
    """`generate.py --selector` adds one clause to one rule, replaces the one before, and leaves nothing without one."""
    text = (ALERTS / "msx-recording.yaml").read_text()
    chosen = generate.with_selector(text, 'job=~"msx.*"')
    if chosen.count('(up{job=~"msx.*"})') != 1 or generate.with_selector(chosen, "") != text:
        yield "a selector is not put into msx:exporter:seen, or does not leave it"
    if generate.with_selector(chosen, 'env="x"') != generate.with_selector(text, 'env="x"'):
        yield "a second selector does not take the place of the first"
    if any(generate.with_selector(each, 'env="x"') != each for name in generate.SOURCES[1:] for each in [(ALERTS / f"{name}.yaml").read_text()]):
        yield "a selector is put into another file than msx-recording.yaml"


def main():
    rules = load_rules()
    checks = [("rules", rule_faults(rules)), ("cases", case_faults(rules)), ("documents", document_faults(rules)), ("Grafana", grafana_faults()),
              ("addresses", address_faults()), ("selector", selector_faults()), ("shards", shard_faults(rules))]
    passed = failed = 0
    for name, faults in checks:
        faults = list(faults)
        for fault in faults:
            print(fault)
        passed, failed = passed + (not faults), failed + bool(faults)
    print(f"rules together: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
