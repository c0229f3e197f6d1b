"""Asks a real Prometheus, which scraped the real exporter, everything that Grafana would ask for the dashboards.

    python3 -m tests.dashboards.live            all scenarios side by side, each chosen by its instance, then all of them at once
    python3 -m tests.dashboards.live --show     prints every panel's answer as well
    python3 -m tests.dashboards.live --record=FILE   writes the answers of tiles and tables to a file, for cells.py

What fails: an error or a warning of Prometheus; values that are no numbers; rows of a table that the join would mix;
two lines with one legend; more series than a panel can show; a panel that is empty in a scenario that should fill it,
or filled where it should be empty; a number or word that the scenario contradicts; and any panel that says something
else without the recording rules than with them.
"""

import copy
import json
import math
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.lib.catalogue import catalogue
from tests.lib.processes import wait

from .grafana import Page, dashboards, panels, references, variables
from .scenarios import CHOICES, FACTS, FLEETING, MUTANTS, SCENARIOS, TABLES, TARGET, may_be_empty
from .servers import SCRAPE, SCRAPE_LARGE, Servers

SHOW = "--show" in sys.argv[1:]
RECORD = next((word.partition("=")[2] for word in sys.argv[1:] if word.startswith("--record=")), "")
# The recorded series are renamed to ones that do not exist: what an installation without the rules would see.
RECORDED = re.compile(r"\b(msx|msx_target|msx_port):(\w+):(\w+)")
# Of a graph; more lines than this tell nothing.
BUDGET = {"stat": 6, "timeseries": 25, "state-timeline": 45}
BUDGETS = {
    # Every collector of the 10 exporters that it shows.
    ("msx-exporter", "Collectors over time"): 10 * len(catalogue()["collectors"]),
    ("msx-overview", "Diagnosis over time"): 25 + len(SCENARIOS),
}
TABLE_BUDGET = 1100


@dataclass
class Answer:
    """What Prometheus said to one query: the series with their labels, and the values as numbers."""

    error: str = ""
    series: list = field(default_factory=list)

    @property
    def values(self):
        return [value for _, values in self.series for value in values]


class Asker:
    """Sends what Grafana would send."""

    def __init__(self, servers, page):
        self.servers, self.page = servers, page

    def ask(self, target, expression, ago=0):
        if target.get("instant"):
            body = self.servers.ask("api/v1/query", query=expression, time=self.page.end - ago)
        else:
            body = self.servers.ask(
                "api/v1/query_range", query=expression, start=self.page.start, end=self.page.end, step=self.page.step
            )
        if body["status"] != "success" or body.get("warnings"):
            return Answer(error=body.get("error") or str(body.get("warnings")))
        series = []
        for result in body["data"]["result"]:
            samples = result["values"] if "values" in result else [result["value"]]
            series.append((result["metric"], [float(value) for _, value in samples]))
        return Answer(series=series)

    def options(self, variable):
        """The values that Grafana offers for a variable."""
        query = self.page.fill(variable["query"]["query"])
        if inner := re.fullmatch(r"query_result\((.+)\)", query):
            return self.picked(inner[1], variable["regex"])
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
        body = self.servers.ask(
            f"api/v1/label/{label}/values", **{"match[]": metric, "start": self.page.start, "end": self.page.end}
        )
        return sorted(value for value in body["data"] if value)


    def picked(self, expression, regex):
        """What an expression of the variable's own finds in the series that a query answers."""
        body = self.servers.ask("api/v1/query", query=expression, time=self.page.end)
        # As Grafana writes a series, without escapes.
        texts = [",".join(f'{name}="{value}"' for name, value in one["metric"].items()) for one in body["data"]["result"]]
        return sorted({found[1] for text in texts if (found := re.search(regex.strip("/"), text))})


def legend(target, labels):
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match[1], ""), target["legendFormat"])


def rows(panel, answers):
    """The table as it is shown: a row for each key with its columns by title. Words stand as their labels' values."""
    titles = next(step for step in panel["transformations"] if step["id"] == "organize")["options"]["renameByName"]
    shown = {}
    for target in panel["targets"]:
        for labels, values in answers[target["refId"]].series:
            row = shown.setdefault(labels["key"], {})
            row |= {titles[name]: text for name, text in labels.items() if name in titles}
            if (name := f"Value #{target['refId']}") in titles:
                row[titles[name]] = values[-1]
    return shown


def faults_of(uid, panel, answers, single):
    """What is wrong with a panel's answers whatever the scenario. `single`: one master is chosen, so names are unique."""
    total = sum(len(answer.series) for answer in answers.values())
    budget = BUDGETS.get((uid, panel["title"]), BUDGET.get(panel["type"], TABLE_BUDGET * len(panel["targets"])))
    if total > budget:
        yield f"{total} series, {budget} at most"
    for ref, answer in answers.items():
        if bad := [value for value in answer.values if not math.isfinite(value)]:
            yield f"{ref}: {bad[0]} is no number"
    if panel["type"] == "table":
        titles = next(step for step in panel["transformations"] if step["id"] == "organize")["options"]["renameByName"]
        heads = set(re.match(r"max by \(([^)]*)\)", panel["targets"][0]["expr"])[1].split(", ")) & set(titles)
        # What has words of its own for the empty cell may be missing.
        spoken = {
            over["matcher"]["options"]
            for over in panel["fieldConfig"]["overrides"]
            if any(item["id"] == "noValue" for item in over["properties"])
        }
        heads = {name for name in heads if titles[name] not in spoken}
        for labels, _ in answers["A"].series:
            if missing := heads - set(labels):
                yield f"A: a row without {sorted(missing)}"
                break
        base = {labels.get("key") for labels, _ in answers["A"].series}
        for ref, answer in answers.items():
            keys = [labels.get("key") for labels, _ in answer.series]
            if len(keys) != len(set(keys)):
                yield f"{ref}: two values for {max(keys, key=keys.count)!r}"
            if strange := set(keys) - base:
                yield f"{ref}: {sorted(map(str, strange))[:3]} is in no row"
            if len(keys) > TABLE_BUDGET:
                yield f"{ref}: {len(keys)} rows"
    elif single:
        names = [legend(t, labels) for t in panel["targets"] for labels, _ in answers[t["refId"]].series]
        if len(names) != len(set(names)):
            yield f"the legend {max(names, key=names.count)!r} stands twice"
        if empty := [name for name in names if not name.strip()]:
            yield f"a legend is empty: {empty}"


# Seconds before the end of the page, less than a poll interval of the lab apart. On a loaded machine a rule may be many
# seconds behind a scrape that brought a poll.
MOMENTS = (0, 5, 13, 27)


def differs(one, other):
    """Whether two answers say something else: an age may have moved between scrape and rule, a count may not."""
    first = {tuple(sorted(labels.items())): values[-1] for labels, values in one.series}
    second = {tuple(sorted(labels.items())): values[-1] for labels, values in other.series}
    without_name = lambda series: {tuple(l for l in key if l[0] != "__name__"): v for key, v in series.items()}  # noqa: E731
    first, second = without_name(first), without_name(second)
    if first.keys() != second.keys():
        return f"{sorted(first.keys() ^ second.keys())[:2]}"
    for key, value in first.items():
        integral = value == int(value) and second[key] == int(second[key])
        if value != second[key] and (integral or abs(value - second[key]) > max(3 * SCRAPE, 0.01 * abs(value))):
            return f"{dict(key)}: {value} and {second[key]}"
    return ""


class Look:
    """One dashboard with its variables chosen."""

    # Longer than the servers run: the graphs begin before the recording does.
    def __init__(self, servers, dashboard, chosen, span=900):
        end = time.time()
        self.dashboard = dashboard
        interval = SCRAPE_LARGE if chosen.get("job") == ["msx-large"] else SCRAPE
        self.page = Page(dashboard, end - span, end, scrape_interval=interval)
        self.asker = Asker(servers, self.page)
        self.faults = []
        for variable in variables(dashboard):
            name = variable["name"]
            options = self.asker.options(variable)
            none = name == "group" or name in ("target", "worst") and chosen.get("no targets")
            if not options and not none:
                self.faults.append(f"variable {name} offers nothing")
            value = chosen.get(name, ["$__all"] if variable["multi"] else (options or [""])[0])
            self.page.choose(variable, value, options)
        self.answers = {}
        for panel in panels(dashboard):
            if panel["type"] != "text":
                self.answers[panel["title"]] = self.answered(panel, chosen)

    def answered(self, panel, chosen):
        uid, title = self.dashboard["uid"], panel["title"]
        answers = {}
        for target in panel["targets"]:
            expression = self.page.fill(target["expr"])
            if left := {name for name in references(expression) if not name.isdigit()}:
                self.faults.append(f"{title} {target['refId']}: {sorted(left)} was not filled in")
            answer = self.asker.ask(target, expression)
            if answer.error:
                self.faults.append(f"{title} {target['refId']}: {answer.error}")
            answers[target["refId"]] = answer
            unrecorded = RECORDED.sub(r"\1:no_\2:\3", expression)
            # The column of alerts is meant to be missing without the rules.
            if unrecorded != expression and "ALERTS" not in expression and target.get("instant"):
                if difference := self.contradicts(target, expression, unrecorded):
                    self.faults.append(f"{title} {target['refId']}: without the recording rules: {difference}")
        self.faults += [f"{title}: {fault}" for fault in faults_of(uid, panel, answers, "instance" in chosen)]
        if SHOW:
            print(f"    {title}:", {r: [(legend_of(l), v[-1]) for l, v in a.series[:3]] for r, a in answers.items()})
        return answers

    def contradicts(self, target, expression, unrecorded):
        """What the rules say that the raw expression does not. A poll that is scraped just before the rules are
        evaluated makes the two differ for that moment: what counts is whether they differ at each of some."""
        difference = ""
        for ago in MOMENTS:
            difference = differs(self.asker.ask(target, expression, ago), self.asker.ask(target, unrecorded, ago))
            if not difference:
                break
        return difference

    def empty(self):
        """Titles of the panels that show nothing."""
        return {title for title, answers in self.answers.items() if not any(a.series for a in answers.values())}

    def number(self, title):
        """The one number of a tile, None where it is empty."""
        values = self.answers[title]["A"].values
        return values[-1] if values else None

    def table(self, title):
        panel = next(panel for panel in panels(self.dashboard) if panel["title"] == title)
        return rows(panel, self.answers[title])

    def lines(self, title):
        """The last value of each line by its legend."""
        panel = next(panel for panel in panels(self.dashboard) if panel["title"] == title)
        return {
            legend(target, labels): values[-1]
            for target in panel["targets"]
            for labels, values in self.answers[title][target["refId"]].series
        }

    def recorded(self, scenario):
        """The answers of tiles and tables, with their panels."""
        for panel in panels(self.dashboard):
            if panel["type"] in ("stat", "table"):
                answers = {
                    ref: [(labels, values[-1]) for labels, values in answer.series]
                    for ref, answer in self.answers[panel["title"]].items()
                }
                yield {"scenario": scenario, "uid": self.dashboard["uid"], "panel": panel, "answers": answers}

    def annotations(self):
        """How many marks each annotation would set."""
        marks = {}
        for annotation in self.dashboard["annotations"]["list"]:
            if annotation.get("builtIn"):
                continue
            answer = self.asker.ask({}, self.page.fill(annotation["expr"]))
            if answer.error:
                self.faults.append(f"annotation {annotation['name']}: {answer.error}")
            own = annotation.get("useValueForTime")
            if own and not all(self.page.start <= value / 1000 <= self.page.end for value in answer.values):
                self.faults.append(f"annotation {annotation['name']}: a mark outside of the time range")
            marks[annotation["name"]] = len({(str(labels), v) for labels, vs in answer.series for v in (vs if own else [0])})
        return marks


def legend_of(labels):
    return "/".join(labels.get(name, "") for name in ("key", "target", "instance", "stage", "check") if labels.get(name))


def ready(servers):
    """Waits until there is something to look at: scrapes, a sweep of each exporter, recorded series, a dead master."""
    count = len(SCENARIOS)
    wait("all masters were read", lambda: servers.number("count(max_over_time(msx_up[5m]) == 1)") == count, 120)
    wait("all sweeps ended", lambda: servers.number("count(msx_exporter_port_sweep_timestamp_seconds)") == count + 2, 120)
    # By a connection of its own, next to the sweep: SQL01 alone reaches its master.
    wait("the master's certificate was seen", lambda: servers.number("count(msx_master_certificate_valid == 1)") == 1, 180)
    # Before one of them ends: of what is gone, a rate needs samples too.
    wait("there are rates", lambda: (servers.number("min(count_over_time(msx_up[5m]) and msx_up)") or 0) >= 3, 180)
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    servers.stop("lab-down")
    servers.stop("exporter-gone")
    unread = f'msx_up{{instance="{by_name["down"].instance}"}}'
    wait("the dead master is unread", lambda: servers.number(unread) == 0, 60)
    silent = f'up{{instance="{by_name["gone"].instance}"}}'
    wait("the dead exporter does not answer", lambda: servers.number(silent) == 0, 60)
    calm = 'max(msx_target:poll_lateness:ratio{job="msx-large"})'
    wait("a thousand targets poll", lambda: (servers.number(calm) or 9) < 3, 180)
    # A recorded series: the pages show those, and they end one evaluation after the series that they come from.
    known = 'count(count by (instance) (msx:targets_not_polling:count{job=~"msx.*"}))'
    wait("the rules were evaluated", lambda: servers.number(known) == count - 2, 60)
    wait("an alert fires", lambda: servers.number('count(ALERTS{alertname="MsxTargetNotPolling",alertstate="firing"})'), 60)


def contradictions(facts, look, marks):
    """What the scenario says otherwise."""
    for title, expected in facts.items():
        try:
            if callable(expected):
                found, expected = expected(look), True
            elif title.startswith("mark "):
                found = marks[title.removeprefix("mark ")]
            elif isinstance(expected, dict):
                found = picked(look.table(title) if title in TABLES else look.lines(title), expected)
            else:
                found = look.number(title)
        except (KeyError, IndexError, StopIteration, TypeError) as error:
            found = repr(error)
        if found != expected:
            yield f"{title}: {found!r}, and the scenario says {expected!r}"


def picked(found, expected):
    """Of what a panel shows, the part of which something is expected: rows by what their keys end with."""
    part = {}
    for name, wanted in expected.items():
        matching = [row for key, row in found.items() if key == name or key.endswith(f"/{name}")]
        row = matching[0] if len(matching) == 1 else matching
        part[name] = {k: row.get(k) for k in wanted} if isinstance(wanted, dict) and isinstance(row, dict) else row
    return part


def looked_at(servers, scenario, dashboard, **more):
    """The page of one scenario, once its last scrapes were good ones: on a loaded machine now and then one is late."""
    of_it = f'{{job="{scenario.job}", instance="{scenario.instance}"}}'
    read = {"gone": "vector(1)", "down": f"up{of_it}"}.get(scenario.name, f"msx_up{of_it}")
    # The pages show what exporters on targets see, too.
    scraped = f'{read} == 1 and on () min(up{{job="msx-target"}}) == 1'
    wait(f"{scenario.name} and the target side were scraped", lambda: servers.number(scraped) == 1, 120)
    chosen = {"job": [scenario.job], "instance": [scenario.instance]}
    if scenario.name in ("down", "gone"):
        chosen["no targets"] = True
    if dashboard["uid"] == "msx-target":
        chosen["target"] = TARGET.get(scenario.name, "SQL03")
    return Look(servers, dashboard, chosen | more)


def judged(servers, scenario, dashboard, recording=None):
    """All that is wrong with the page of one scenario."""
    uid = dashboard["uid"]
    look = looked_at(servers, scenario, dashboard)
    if recording is not None:
        recording += look.recorded(scenario.name)
    marks = look.annotations()
    faults = list(look.faults)
    empty, allowed = look.empty(), may_be_empty(uid, scenario.name) & set(look.answers)
    for title in sorted((empty ^ allowed) - FLEETING.get(scenario.name, set())):
        faults.append(f"{title}: {'is empty' if title in empty else 'should be empty, and is not'}")
    return faults + list(contradictions(FACTS.get((scenario.name, uid), {}), look, marks))


def alone(dashboard, title, old, new):
    """The dashboard with this panel alone, as it is and wrong in one place."""
    panel = copy.deepcopy(next(panel for panel in panels(dashboard) if panel["title"] == title))
    assert any(old in target["expr"] for target in panel["targets"]), (title, old)
    right = dashboard | {"panels": [copy.deepcopy(panel)]}
    for target in panel["targets"]:
        # One bracket more is closed at the end, before the names of the labels.
        target["expr"] = target["expr"].replace(old, new)
        if new.count("(") > old.count("("):
            target["expr"] = target["expr"].replace(', "key"', '), "key"', 1)
    return right, dashboard | {"panels": [panel]}


def check(servers, loaded, recording):
    """Yields (what was looked at, its faults)."""
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    for scenario in SCENARIOS:
        for uid, dashboard in loaded.items():
            yield f"{scenario.name} {uid}", judged(servers, scenario, dashboard, recording)
    for name, uid, chosen, facts in CHOICES:
        look = looked_at(servers, by_name[name], loaded[uid], **chosen)
        yield f"{name} {uid} with {chosen}", look.faults + list(contradictions(facts, look, {}))
    for uid in ("msx-overview", "msx-exporter"):
        look = Look(servers, loaded[uid], {})
        look.annotations()
        yield f"all masters {uid}", look.faults
    for number, (name, uid, title, old, new) in enumerate(MUTANTS, 1):
        # What is said of the other panels is missing in both, and proves nothing.
        right, wrong = (set(judged(servers, by_name[name], page)) for page in alone(loaded[uid], title, old, new))
        noticed = wrong - right
        yield f"mutant {number}: {title}", [] if noticed else [f"{old!r} became {new!r}, and nothing was noticed"]


def main():
    loaded = dashboards()
    passed = failed = 0
    recording = []
    began = time.monotonic()
    with Servers(SCENARIOS) as servers:
        ready(servers)
        print(f"{len(SCENARIOS)} masters are up after {time.monotonic() - began:.0f} s")
        for name, faults in check(servers, loaded, recording):
            passed, failed = passed + (not faults), failed + bool(faults)
            print(f"{'FAILED' if faults else 'ok':6} {name}")
            for fault in faults:
                print(f"       {fault}")
    if RECORD:
        Path(RECORD).write_text(json.dumps(recording))
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
