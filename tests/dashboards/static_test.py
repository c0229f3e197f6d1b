"""Breaks the dashboards in one place at a time and sees the check that should notice it notice it."""

import copy
import sys

from . import static
from .grafana import Page, dashboards, panels


def find(loaded, uid, title):
    return next(panel for panel in panels(loaded[uid]) if panel["title"] == title)


def column(panel, name, key):
    over = next(o for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == name)
    return next(item for item in over["properties"] if item["id"] == key)


def edit(uid, title, change):
    return lambda loaded: change(find(loaded, uid, title))


def query(uid, title, old, new, index=0):
    def change(panel):
        target = panel["targets"][index]
        assert old in target["expr"], (title, old)
        target["expr"] = target["expr"].replace(old, new)

    return edit(uid, title, change)


O, T, X = "msx-overview", "msx-target", "msx-exporter"
MUTANTS = [
    (static.frame, lambda d: d[O].update(schemaVersion=42)),
    (static.frame, lambda d: d[O].update(version=3)),
    (static.frame, lambda d: d[T].update(__inputs=[])),
    (static.frame, lambda d: d[X].update(editable=True)),
    (static.frame, lambda d: d[X]["tags"].remove("msx")),
    (static.variable_rules, lambda d: d[O]["templating"]["list"][1].update(refresh=1)),
    (static.variable_rules, lambda d: d[O]["templating"]["list"][1].update(allValue=".*")),
    (static.variable_rules, lambda d: d[O]["templating"]["list"].append(d[O]["templating"]["list"].pop(1))),
    (static.variable_rules, lambda d: d[T]["templating"]["list"][3].update(multi=True)),
    (static.variable_rules, lambda d: d[O]["templating"]["list"][2]["query"].update(query="label_values(msx_up, instance)")),
    (static.variable_rules, query(O, "Targets", "$target", "$targt")),
    (static.grid, edit(O, "Targets", lambda p: p["gridPos"].update(w=5))),
    (static.grid, edit(O, "Targets", lambda p: p["gridPos"].update(w=3))),
    (static.grid, edit(O, "Masters", lambda p: p["gridPos"].update(x=1))),
    (static.grid, edit(O, "Masters", lambda p: p.update(id=1))),
    (static.panel_rules, edit(O, "Masters", lambda p: p.update(description="The masters."))),
    (static.panel_rules, edit(O, "Not polling", lambda p: p.update(title="Targets"))),
    (static.panel_rules, edit(O, "Targets", lambda p: p["fieldConfig"]["defaults"].pop("noValue"))),
    (static.panel_rules, edit(O, "Targets", lambda p: p["fieldConfig"]["defaults"].update(unit="targets"))),
    (static.panel_rules, edit(O, "Targets", lambda p: p["fieldConfig"]["defaults"]["thresholds"]["steps"].reverse())),
    (static.panel_rules, edit(O, "Targets now", lambda p: p["fieldConfig"]["overrides"][0]["matcher"].update(options="X"))),
    (static.panel_rules, query(O, "Targets now", "(key, cause)", "(key)", index=1)),
    (static.panel_rules, edit(O, "Targets now", lambda p: column(p, "Target", "links")["value"][0].update(url="${__data.fields.X}"))),
    (static.target_rules, edit(O, "Masters", lambda p: p["targets"][1].update(refId="A"))),
    (static.target_rules, edit(O, "Not polling", lambda p: p["targets"][0].update(instant=False, range=True))),
    (static.target_rules, edit(O, "Poll lateness", lambda p: p["targets"][0].update(legendFormat="__auto"))),
    (static.target_rules, edit(O, "Masters", lambda p: p["targets"][0].update(format="time_series"))),
    (static.expression_rules, query(O, "Pending", "msx_target_pending_downloads", "msx_target_pending")),
    (static.expression_rules, query(O, "Pending", 'job=~"$job", ', "")),
    (static.expression_rules, query(O, "Pending", "target=~", "server=~")),
    (static.expression_rules, query(O, "Ports from master to target", 'direction="to_target"', 'direction="to_targets"')),
    (static.expression_rules, query(T, "Last poll", "msx_server_time_seconds", "time() + 0 * msx_server_time_seconds")),
    (static.expression_rules, query(X, "SQL errors by stage", "increase(", "max_over_time(")),
    (static.expression_rules, query(X, "CPU", "$__rate_interval", "5m")),
    (static.expression_rules, edit(T, "Lateness", lambda p: p["targets"][0].update(expr=p["targets"][0]["expr"].split(" or ")[0]))),
    (static.expression_rules, query(O, "Poll lateness", "1 * msx_target:poll_lateness:ratio", "msx_target:poll_lateness:ratio")),
    (static.words, edit(O, "Targets now", lambda p: column(p, "Diagnosis", "mappings")["value"][0]["options"].pop("settling"))),
    (
        static.words,
        edit(
            T,
            "Diagnosis and next step",
            lambda p: column(p, "Next step", "mappings")["value"][0]["options"]["never_polled"].update(text="Wait."),
        ),
    ),
    (static.words, edit(O, "Ports from master to target", lambda p: column(p, "Engine", "mappings")["value"][0]["options"].pop("denied"))),
    (static.words, edit(O, "Targets now", lambda p: column(p, "Master shows", "mappings")["value"][0]["options"].pop("no_trace"))),
    (
        static.words,
        edit(
            T,
            "What the master shows of it",
            lambda p: column(p, "In words", "mappings")["value"][0]["options"]["refused"].update(text="No."),
        ),
    ),
    (static.words, query(T, "Diagnosis over time", "msx_target_diagnosis_code", "msx_target_diagnosis", index=1)),
    (static.words, query(O, "Diagnosis over time", "count_over_time", "last_over_time", index=1)),
    (static.words, query(O, "Not polling", "== 12", "== 5")),
    (static.links, lambda d: d[O]["links"][0].update(url="/d/msx-targets")),
    (static.links, lambda d: d[O]["links"][0].update(url="/d/msx-overview")),
    (static.links, lambda d: d[O]["links"][0].update(url=d[O]["links"][0]["url"] + "&var-group=x")),
    (static.documented, lambda d: d[O].update(title="MSX / Fleet")),
    (static.documented, lambda d: d[T].update(uid="msx-instance")),
    # The rules of Grafana's dashboard-linter that nothing above breaks; the rules for Loki concern no panel here.
    (static.variable_rules, lambda d: d[O]["templating"]["list"][0].update(label="Prometheus")),
    (static.variable_rules, lambda d: d[O]["templating"]["list"][0].update(name="source")),
    (static.variable_rules, lambda d: d[O]["templating"]["list"][1].update(label="Scrape")),
    (static.variable_rules, lambda d: d[X]["templating"]["list"][2].update(multi=False)),
    (static.variable_rules, lambda d: d[X]["templating"]["list"][2].update(allValue=None)),
    (static.variable_rules, lambda d: d[X]["templating"]["list"][2]["query"].update(query="instances($job)")),
    (static.variable_rules, lambda d: d[X]["templating"]["list"][2].update(datasource={"type": "prometheus", "uid": "abc"})),
    (static.expression_rules, lambda d: d[O]["templating"]["list"][2]["query"].update(query='label_values(msx_up{job=~"$job"]}, instance)')),
    (static.panel_rules, edit(O, "Targets", lambda p: p.update(datasource={"type": "prometheus", "uid": "abc"}))),
    (static.panel_rules, edit(O, "Targets", lambda p: p.update(title=""))),
    (static.panel_rules, edit(X, "CPU", lambda p: p["fieldConfig"]["defaults"].pop("unit"))),
    (static.target_rules, edit(O, "Targets", lambda p: p["targets"].clear())),
    (static.target_rules, edit(O, "Targets", lambda p: p["targets"][0].update(datasource={"type": "loki", "uid": "x"}))),
    (static.expression_rules, query(O, "Pending", ', instance=~"$instance"', "")),
    (static.expression_rules, query(X, "CPU", "rate(process_cpu_seconds_total", "avg_over_time(process_cpu_seconds_total")),
    (static.promtool, query(O, "Targets", "sum(", "summ(")),
]


def interpolation():
    """A target that is a named instance, in each form that Grafana gives it."""
    page = Page({}, 0, 3600)
    many = {"name": "target", "multi": True, "includeAll": True, "allValue": ".+"}
    cases = [
        (many, ["SQL01\\PAYROLL"], r"SQL01\\\\PAYROLL"),
        (many, ["SQL01\\PAYROLL", "A.B"], r"(SQL01\\\\PAYROLL|A\\.B)"),
        (many, ["$__all"], ".+"),
        (many | {"allValue": None}, ["$__all"], "(A|B)"),
        (many | {"multi": False, "includeAll": False}, "SQL01\\PAYROLL", r"SQL01\\PAYROLL"),
    ]
    for variable, chosen, expected in cases:
        page.choose(variable, chosen, ["A", "B"])
        if page.fill('x{target="$target"}') != f'x{{target="{expected}"}}':
            yield f"{chosen} became {page.fill('$target')}, not {expected}"
    if page.fill('label_replace(x[$__range], "a", "$1")') != 'label_replace(x[3600s], "a", "$1")':
        yield "what is no variable must stay as it is"


def main():
    loaded = dashboards()
    passed, missed = 0, list(interpolation())
    for number, (check, mutate) in enumerate(MUTANTS, 1):
        broken = copy.deepcopy(loaded)
        mutate(broken)
        if any(True for _ in check(broken)):
            passed += 1
        else:
            missed.append(f"mutant {number} passed the check {check.__name__}")
    for fault in missed:
        print(fault)
    print(f"{passed} passed, {len(missed)} failed")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
