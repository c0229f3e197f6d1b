"""What must hold of the dashboards whatever the data: Grafana's linter covers a part of it, this all panels.

    python3 -m tests.dashboards.static          runs every check over the committed files
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import promql_parser as promql
import yaml

from tests import ROOT
from tests.lib.catalogue import catalogue, causes, metrics

from .grafana import BUILT_IN, Page, dashboards, panels, references, variables

UIDS = {"msx-overview", "msx-target", "msx-exporter"}
# Of Grafana's list, those that are in use here; a name that is not in the list would be shown as a suffix.
UNITS = {"none", "short", "s", "bytes", "percentunit", "dateTimeFromNow"}
# Written by Prometheus itself.
PROMETHEUS = {"up", "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_scraped"}
# What an exporter on a target says of its master: it has that exporter's job and instance.
TARGET_SIDE_METRICS = {name for name, metric in metrics().items() if metric["group"] == "target_side"}
# The values of a label, or what a query answers.
VARIABLE = re.compile(r"label_values\((.+), (\w+)\)|query_result\((.+)\)")
# Metrics with a label for what holds now.
CHANGING = "msx_target_diagnosis|msx_target_download_errors_by_class|msx_port_state"
TYPES = {"stat", "table", "timeseries", "state-timeline", "text"}


def walk(node, parents=()):
    """Every node of a PromQL tree with those above it."""
    yield node, parents
    below = []
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None:
            below.append(child)
    below += list(getattr(node, "args", None) or [])
    for child in below:
        yield from walk(child, (*parents, node))


def selectors(tree):
    for node, parents in walk(tree):
        if isinstance(node, promql.VectorSelector):
            yield node, parents


def matchers(selector):
    return {matcher.name: matcher for matcher in selector.matchers.matchers}


def metric_labels():
    """Each metric of the exporter with its labels."""
    return {name: set(metric["labels"]) for name, metric in metrics().items()}


def recorded():
    groups = yaml.safe_load((ROOT / "alerts/msx-recording.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["record"] for group in groups for rule in group["rules"]}


def expressions(dashboard):
    """Every expression with where it stands, interpolated with everything chosen."""
    page = Page(dashboard, 1_700_000_000, 1_700_021_600)
    for variable in variables(dashboard):
        page.choose(variable, ["A\\B", "C"] if variable["multi"] else "A\\B", [])
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r} {target['refId']}", page.fill(target["expr"])
    for annotation in dashboard["annotations"]["list"]:
        if not annotation.get("builtIn"):
            yield f"annotation {annotation['name']!r}", page.fill(annotation["expr"])
    for variable in variables(dashboard):
        if inner := VARIABLE.fullmatch(variable["query"]["query"]):
            yield f"variable {variable['name']!r}", page.fill(inner[1] or inner[3])


def uninterpolated(dashboard):
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r} {target['refId']}", target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        if not annotation.get("builtIn"):
            yield f"annotation {annotation['name']!r}", annotation["expr"]


# Each check yields a sentence for each fault. The argument is all dashboards by uid.


def frame(all_dashboards):
    if set(all_dashboards) != UIDS:
        yield f"the uids are {sorted(all_dashboards)}"
    for uid, dashboard in all_dashboards.items():
        expected = {"schemaVersion": 39, "editable": False, "refresh": "1m", "graphTooltip": 1, "id": None}
        for key, value in expected.items():
            if dashboard.get(key, "missing") != value:
                yield f"{uid}: {key} is {dashboard.get(key, 'missing')!r}, not {value!r}"
        for key in ("version", "__inputs", "__requires", "__elements"):
            if key in dashboard:
                yield f"{uid}: {key} does not belong into a file that is provisioned"
        if "msx" not in dashboard["tags"]:
            yield f"{uid}: the tag msx is missing"
        if len(dashboard["description"]) < 40 or not dashboard["title"].startswith("MSX / "):
            yield f"{uid}: its title or its description says too little"
        size = len((ROOT / "dashboards" / f"{uid}.json").read_bytes())
        if size > 1_000_000:
            yield f"{uid}: {size} bytes do not fit into a ConfigMap"


def variable_rules(all_dashboards):
    for uid, dashboard in all_dashboards.items():
        listed = dashboard["templating"]["list"]
        sources = [variable["name"] for variable in listed if variable["type"] == "datasource"]
        if sources != ["datasource"] or listed[0]["name"] != "datasource":
            yield f"{uid}: the first variable, and the only data source, must be `datasource`"
        if listed[0].get("label") != "Data source":
            yield f"{uid}: the variable datasource is not called Data source"
        known = {"datasource"}
        for variable in variables(dashboard):
            name = variable["name"]
            if variable["label"] != name.capitalize():
                yield f"{uid}: variable {name} is called {variable['label']!r}"
            if not VARIABLE.fullmatch(variable["query"]["query"]):
                yield f"{uid}: variable {name} asks neither for the values of a label nor for those of a query"
            if variable["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
                yield f"{uid}: variable {name} does not ask the chosen data source"
            if variable["refresh"] != 2 or variable["sort"] != 1:
                yield f"{uid}: variable {name} must be read again when the time range changes, and sorted"
            if unknown := references(variable["query"]["query"]) - known - BUILT_IN:
                yield f"{uid}: variable {name} uses {sorted(unknown)}, which do not come before it"
            wanted = {"job": set(), "instance": {"job"}}.get(name, {"job", "instance"})
            if missing := wanted - references(variable["query"]["query"]):
                yield f"{uid}: variable {name} does not follow from {sorted(missing)}"
            if not variable["description"]:
                yield f"{uid}: variable {name} has no description"
            single = uid == "msx-target" and name == "target"
            if variable["multi"] is single or variable["includeAll"] is single:
                yield f"{uid}: variable {name} must {'be one value' if single else 'take several values and All'}"
            everything = {"job": ".+", "instance": ".+", "target": None if single else ".+", "group": ".*", "worst": None}.get(name)
            if variable.get("allValue") != everything:
                yield f"{uid}: variable {name}: All stands for {variable.get('allValue')!r}, not {everything!r}"
            known.add(name)
        used = set()
        for place, expression in uninterpolated(dashboard):
            names = references(expression)
            used |= names
            if unknown := names - known - BUILT_IN:
                yield f"{uid}: {place} uses the unknown {sorted(unknown)}"
        chained = set().union(*(references(variable["query"]["query"]) for variable in variables(dashboard)))
        if unused := known - used - chained - {"datasource"}:
            yield f"{uid}: nothing uses the variables {sorted(unused)}"


def grid(all_dashboards):
    for uid, dashboard in all_dashboards.items():
        ids = [panel["id"] for panel in [*dashboard["panels"], *panels(dashboard)] if panel["type"] == "row"]
        ids += [panel["id"] for panel in panels(dashboard)]
        if len(ids) != len(set(ids)):
            yield f"{uid}: two panels have one id"
        groups = [dashboard["panels"]] + [row["panels"] for row in dashboard["panels"] if row["type"] == "row" and row["panels"]]
        for group in groups:
            taken = {}
            for panel in group:
                place = panel["gridPos"]
                if place["x"] < 0 or place["x"] + place["w"] > 24 or place["w"] < 1 or place["h"] < 1:
                    yield f"{uid}: {panel['title']!r} leaves the grid"
                for x in range(place["x"], place["x"] + place["w"]):
                    for y in range(place["y"], place["y"] + place["h"]):
                        if (x, y) in taken:
                            yield f"{uid}: {panel['title']!r} overlaps {taken[x, y]!r}"
                        taken[x, y] = panel["title"]
            rows = [y for _, y in taken]
            for y in range(min(rows), max(rows) + 1):
                if missing := [x for x in range(24) if (x, y) not in taken]:
                    yield f"{uid}: a hole at line {y}, column {missing[0]}"


def panel_rules(all_dashboards):
    for uid, dashboard in all_dashboards.items():
        titles = [panel["title"] for panel in panels(dashboard)]
        for title in {title for title in titles if titles.count(title) > 1}:
            yield f"{uid}: two panels are called {title!r}"
        for panel in panels(dashboard):
            name = f"{uid}: {panel['title']!r}"
            if not panel["title"].strip():
                yield f"{uid}: panel {panel['id']} has no title"
            if panel["type"] not in TYPES:
                yield f"{name}: the type {panel['type']} is not one that was tried"
            if len(panel["description"]) < 80 or not panel["description"].endswith("."):
                yield f"{name}: its description does not say enough"
            if panel["type"] == "text":
                continue
            if not re.search(r"\b(bad|red|Bad|Red|Any|Over|Unreadable|silent)\b", panel["description"]):
                yield f"{name}: its description does not say what is bad"
            if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
                yield f"{name}: it does not ask the chosen data source"
            defaults = panel["fieldConfig"]["defaults"]
            if not defaults.get("noValue"):
                yield f"{name}: nothing is said where there is no data"
            properties = [
                (item["id"], item["value"]) for over in panel["fieldConfig"]["overrides"] for item in over["properties"]
            ]
            units = [defaults.get("unit")] + [value for key, value in properties if key == "unit"]
            if wrong := [unit for unit in units if unit not in UNITS]:
                yield f"{name}: units {wrong}"
            for thresholds in [defaults.get("thresholds")] + [value for key, value in properties if key == "thresholds"]:
                values = [step["value"] for step in thresholds["steps"]]
                below = any(value is not None and value < 0 for value in values[1:])
                if None in values[1:] or values[1:] != sorted(values[1:]) or values[0] != (-1e12 if below else None):
                    yield f"{name}: thresholds {values} are out of order, or do not begin at the bottom"
            if panel["type"] == "table":
                yield from table_rules(name, panel)


def table_rules(name, panel):
    """The columns that are kept are those that the queries bring, and every exception is about one of them."""
    brought = set()
    for target in panel["targets"]:
        kept = re.match(r"max by \(([^)]*)\)", target["expr"])
        brought |= set(kept[1].split(", ")) if kept else set()
        brought.add(f"Value #{target['refId']}")
    if len(panel["targets"]) < 2:
        yield f"{name}: with one query alone its column would be called Value"
    steps = {step["id"]: step["options"] for step in panel["transformations"]}
    shown = steps["filterFieldsByName"]["include"]["names"]
    if unknown := set(shown) - brought:
        yield f"{name}: no query brings {sorted(unknown)}"
    renamed = steps["organize"]["renameByName"]
    if set(renamed) != set(shown) or set(steps["organize"]["indexByName"]) != set(shown):
        yield f"{name}: its columns are not all named and ordered"
    if len(set(renamed.values())) != len(renamed):
        yield f"{name}: two columns have one name"
    for over in panel["fieldConfig"]["overrides"]:
        if over["matcher"]["options"] not in renamed.values():
            yield f"{name}: an exception for {over['matcher']['options']!r}, which is no column"
    links = [value for over in panel["fieldConfig"]["overrides"] for value in over["properties"] if value["id"] == "links"]
    for link in (link for value in links for link in value["value"]):
        for field in re.findall(r"\$\{__data\.fields\.(\w+)\}", link["url"]):
            if field not in renamed.values():
                yield f"{name}: the link reads {field!r}, which is no column"


def target_rules(all_dashboards):
    for uid, dashboard in all_dashboards.items():
        for panel in panels(dashboard):
            name = f"{uid}: {panel['title']!r}"
            targets = panel.get("targets", [])
            refs = [target["refId"] for target in targets]
            if panel["type"] != "text" and not targets or len(refs) != len(set(refs)):
                yield f"{name}: its queries are missing or not distinguished"
            for target in targets:
                if target["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
                    yield f"{name}: query {target['refId']} does not ask the chosen data source"
                if target["instant"] is target["range"]:
                    yield f"{name}: query {target['refId']} must be over a range or instant"
                now = panel["type"] in ("stat", "table")
                if target["instant"] is not now:
                    yield f"{name}: query {target['refId']}: {'as of now' if now else 'over time'} is right for this panel"
                if (target["format"] == "table") is not (panel["type"] == "table"):
                    yield f"{name}: query {target['refId']} has the format {target['format']}"
                if not target["legendFormat"] or target["legendFormat"] == "__auto" and panel["type"] != "table":
                    yield f"{name}: query {target['refId']} has no legend"


def expression_rules(all_dashboards):
    labels_of, rules, known = metric_labels(), recorded(), metrics()
    for uid, dashboard in all_dashboards.items():
        for place, expression in expressions(dashboard):
            where = f"{uid}: {place}"
            try:
                tree = promql.parse(expression)
            except ValueError as error:
                yield f"{where}: {error}"
                continue
            for node, parents in walk(tree):
                if isinstance(node, promql.Call) and node.func.name == "time":
                    yield f"{where}: time() is the clock of Prometheus; ages are by the master's"
                if isinstance(node, promql.MatrixSelector) and getattr(parents[-1], "func", None):
                    if parents[-1].func.name in ("rate", "irate") and node.range.total_seconds() != 60:
                        yield f"{where}: the window of a rate must be $__rate_interval"
            for selector, parents in selectors(tree):
                metric, held = selector.name, matchers(selector)
                if metric not in labels_of and metric not in rules and metric not in PROMETHEUS:
                    yield f"{where}: nothing writes {metric}"
                extra = set(held) - labels_of.get(metric, set(held)) - {"job", "instance"}
                if extra and not metric.startswith("ALERTS") and not (extra == {"group"} and metric == "msx_target_enlisted"):
                    yield f"{where}: {metric} has no label {sorted(extra)}"
                for label, values in known.get(metric, {"values": {}})["values"].items():
                    if label in held and held[label].op == promql.MatchOp.Equal and held[label].value not in values:
                        yield f"{where}: {label} of {metric} is never {held[label].value!r}"
                far = metric in TARGET_SIDE_METRICS or getattr(held.get("direction"), "value", "") == "to_master"
                far = far or "direction" in held and metric in rules
                # Exporters on targets are those without it, whichever master is chosen.
                far = far or metric == "msx_up" and any("to_master" in str(getattr(parent, "lhs", "")) for parent in parents[-1:])
                if not place.startswith("variable") and not far and not {"job", "instance"} <= set(held):
                    yield f"{where}: {metric} is asked for without job and instance"
                calls = [parent.func.name for parent in parents if isinstance(parent, promql.Call)]
                if metric.endswith("_total") and not {"rate", "irate", "increase"} & set(calls):
                    yield f"{where}: {metric} is a counter"
                if ":" in metric and not falls_back(selector, parents) and not for_rules_alone(parents):
                    yield f"{where}: {metric} has no fallback for an installation without the recording rules"


def falls_back(selector, parents):
    """Whether a recorded series stands as `1 * recorded or …`: without its name, so that what stands in for it where it
    was not recorded continues the same line."""
    if not parents or not is_product(parents[-1], "1"):
        return False
    node = parents[-1]
    for parent in reversed(parents[:-1]):
        if isinstance(parent, promql.BinaryExpr) and str(parent.op) == "or" and same(parent.lhs, node):
            return True
        if not isinstance(parent, promql.ParenExpr):
            return False
        node = parent
    return False


def for_rules_alone(parents):
    """`0 * recorded`: says that the rules are loaded, and is meant to be absent without them."""
    return bool(parents) and is_product(parents[-1], "0")


def is_product(node, factor):
    return isinstance(node, promql.BinaryExpr) and str(node.op) == "*" and node.lhs.prettify().strip() == factor


def same(left, right):
    return left.prettify() == right.prettify()


def words(all_dashboards):
    """Titles and next steps are the exporter's own, and no cause, code or state is without words."""
    titled = {name: (cause["title"], cause["next_step"]) for name, cause in causes().items()}
    coded = {name: cause["code"] for name, cause in causes().items()}
    states = {state["name"] for state in catalogue()["port_states"]}
    for uid, dashboard in all_dashboards.items():
        for panel in panels(dashboard):
            name = f"{uid}: {panel['title']!r}"
            by_column = {
                over["matcher"]["options"]: item["value"]
                for over in panel.get("fieldConfig", {}).get("overrides", [])
                for item in over["properties"]
                if item["id"] == "mappings"
            }
            said = {column: set(mappings[0]["options"]) for column, mappings in by_column.items()}
            for column, wanted in (("Diagnosis", set(titled)), ("Meaning", set(titled)), ("Next step", set(titled))):
                if column in said and said[column] != wanted:
                    yield f"{name}: column {column} says nothing of {sorted(wanted ^ said[column])}"
            if "Next step" in said:
                for cause, (title, step) in titled.items() if said["Meaning"] == said["Next step"] == set(titled) else ():
                    if by_column["Meaning"][0]["options"][cause]["text"] != title:
                        yield f"{name}: the exporter calls {cause} {title!r}"
                    if by_column["Next step"][0]["options"][cause]["text"] != step:
                        yield f"{name}: the exporter's next step for {cause} is {step!r}"
            for column, of_the_word in (("Master shows", "title"), ("In words", "meaning")):
                if column in said:
                    shown = {word: option["text"] for word, option in by_column[column][0]["options"].items()}
                    if shown != {word["name"]: word[of_the_word] for word in catalogue()["master_evidence"]}:
                        yield f"{name}: column {column} does not say what the exporter says of the master's evidence"
            for column in ("Engine", "State"):
                if column in said and "filtered" in said[column] and not states <= said[column]:
                    yield f"{name}: column {column} says nothing of {sorted(states - said[column])}"
            if panel["title"] == "Diagnosis over time":
                mapped = {int(code) for code in panel["fieldConfig"]["defaults"]["mappings"][0]["options"]}
                if {code for code in mapped if code < 100} != set(coded.values()):
                    yield f"{name}: its codes are not the exporter's"
                if "msx_target_diagnosis_code{" not in panel["targets"][-1]["expr"]:
                    yield f"{name}: it does not draw the number of the cause"
        # What holds now ends when something else does, and a range still sees it. Only a count may reach for it.
        for place, expression in expressions(dashboard):
            for call, found in re.findall(rf"(\w*)\(((?:{CHANGING})(?:\{{[^}}]*\}})?\[)", expression):
                if call != "count_over_time":
                    yield f"{uid}: {place}: `{call}({found}` still sees what has just ended"
            for number in re.findall(r"msx_target_diagnosis_code(?:\{[^}]*\})?\s*[!=]=\s*(?:bool\s+)?(\d+)", expression):
                if int(number) not in (coded["ok"], coded["settling"]):
                    yield f"{uid}: {place} compares with {number}, which is neither ok nor settling"


def links(all_dashboards):
    for uid, dashboard in all_dashboards.items():
        urls = [(f"link {link['title']!r}", link["url"]) for link in dashboard["links"]]
        for panel in panels(dashboard):
            found = re.findall(r"'url': '(/d/[^']*)'", str(panel["fieldConfig"] if "fieldConfig" in panel else ""))
            urls += [(f"panel {panel['title']!r}", url) for url in found]
        led_to = set()
        for place, url in urls:
            if url.startswith("https://"):
                continue
            to = re.match(r"/d/([\w-]+)", url)[1]
            led_to.add(to)
            if to not in all_dashboards:
                yield f"{uid}: {place} leads to {to}, which is no dashboard"
                continue
            taken = {variable["name"] for variable in all_dashboards[to]["templating"]["list"]}
            given = set(re.findall(r"var-(\w+)=", url)) | set(re.findall(r"\$\{(\w+):queryparam\}", url))
            if given - taken:
                yield f"{uid}: {place} gives {sorted(given - taken)}, which {to} does not take"
        if led_to - {uid} != UIDS - {uid}:
            yield f"{uid}: it does not lead to the other dashboards"
        if any(link["url"].startswith(f"/d/{uid}") for link in dashboard["links"]):
            yield f"{uid}: it links to itself"


def documented(all_dashboards):
    """The README has a row and a picture for each page, and shows every picture that there is."""
    text = (ROOT / "dashboards/README.md").read_text()
    shown = set(re.findall(r"!\[[^]]+\]\(pictures/([\w-]+\.png)\)", text))
    if lone := shown ^ {path.name for path in (ROOT / "dashboards/pictures").iterdir()}:
        yield f"README.md or the folder of pictures lacks {sorted(lone)}"
    for uid, dashboard in all_dashboards.items():
        if f"| {dashboard['title']} | `{dashboard['uid']}` |" not in text:
            yield f"{uid}: README.md has no row for it"
        if f"{dashboard['uid'].removeprefix('msx-')}.png" not in shown:
            yield f"{uid}: README.md has no picture of it"


def promtool(all_dashboards):
    """The oldest Prometheus that is supported parses every expression."""
    with tempfile.TemporaryDirectory() as folder:
        for uid, dashboard in all_dashboards.items():
            rules = [
                {"record": f"check:{index}", "expr": expression} for index, (_, expression) in enumerate(expressions(dashboard))
            ]
            path = Path(folder, "rules.yml")
            path.write_text(yaml.safe_dump({"groups": [{"name": uid, "rules": rules}]}))
            run = subprocess.run(["promtool", "check", "rules", "--lint=none", path], capture_output=True, text=True)
            if run.returncode != 0:
                yield f"{uid}: {(run.stderr or run.stdout).strip()}"


CHECKS = [frame, variable_rules, grid, panel_rules, target_rules, expression_rules, words, links, documented, promtool]


def main():
    loaded = dashboards()
    passed = failed = 0
    for check in CHECKS:
        faults = list(check(loaded))
        passed, failed = passed + (not faults), failed + bool(faults)
        print(f"{'FAILED' if faults else 'ok':6} {check.__name__}")
        for fault in faults:
            print(f"       {fault}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
