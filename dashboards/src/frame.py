"""What stands around the panels: variables, annotations, links, and the grid that they are laid on."""

from .parts import DATASOURCE
from .promql import ONE, SCOPE, TARGETS, tidy

RUNBOOKS = "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks"

UIDS = {"overview": "msx-overview", "target": "msx-target", "exporter": "msx-exporter"}
TITLES = {"overview": "MSX / Fleet overview", "target": "MSX / Target detail", "exporter": "MSX / Exporter health"}

# The choice of data source, job and instance goes along with every link; the target only where one is meant: the
# overview's may be several, and the detail page shows one.
KEPT = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"


def variable(name, label, query, *, all_value=None, multi=True, hide=0, description="", regex=""):
    out = {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": f"Variable-{name}"},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "regex": regex,
        "multi": multi,
        "includeAll": multi,
        "hide": hide,
        "options": [],
        "skipUrlSync": hide == 2,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if multi else {},
    }
    if all_value:
        out["allValue"] = all_value
    return out


def datasource_variable():
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "description": "The Prometheus that scrapes the exporters.",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "options": [],
        "skipUrlSync": False,
        "current": {},
    }


def scope_variables(metric):
    """Job and instance of the exporters that write `metric`, one following from the other."""
    return [
        variable(
            "job",
            "Job",
            f"label_values({metric}, job)",
            all_value=".+",
            description="The scrape job of the exporters; msx in the configuration that ships.",
        ),
        variable(
            "instance",
            "Instance",
            f'label_values({metric}{{job=~"$job"}}, instance)',
            all_value=".+",
            description="The exporter; on the overview and the target page there is one next to each master.",
        ),
    ]


def annotation(name, expr, colour, *, title, text="", tags="", own_time=False, shown=True):
    out = {
        "name": name,
        "datasource": DATASOURCE,
        "enable": shown,
        "hide": False,
        "iconColor": colour,
        "expr": tidy(expr),
        "step": "60s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": tags,
    }
    if own_time:
        # The value is a time in milliseconds, and the mark stands there and not where the sample was taken.
        out["useValueForTime"] = True
    return out


def alert_annotations(scope):
    """A mark where an alert began, one for each name and exporter however many targets it is about.

    A region for as long as it fires would be the plain way: ten alerts that fire for hours then paint every graph red.
    """

    def began(severity):
        which = f'alertname=~"Msx.*", severity="{severity}", {scope}'
        newest = f'ALERTS_FOR_STATE{{{which}}} and ignoring (alertstate) ALERTS{{alertstate="firing", {which}}}'
        return at_its_time(f"max by (alertname, severity, component, instance) ({newest})")

    words = {"title": "{{alertname}}", "text": "{{instance}}", "tags": "severity,component", "own_time": True}
    return [
        annotation("Critical alerts", began("critical"), "red", **words),
        annotation("Warnings", began("warning"), "orange", **words, shown=False),
        annotation("Info alerts", began("info"), "blue", **words, shown=False),
    ]


def at_its_time(expr):
    """A timestamp in seconds as one in milliseconds, where it lies within the time range."""
    return f"({expr}) * 1000 > $__from < $__to"


def start_annotations(exporters="msx_exporter_build_info"):
    return [
        annotation(
            "Master starts",
            at_its_time(f"msx_server_start_timestamp_seconds{{{SCOPE}}}"),
            "purple",
            title="SQL Server of the master started",
            text="{{instance}}",
            own_time=True,
        ),
        annotation(
            "Exporter starts",
            at_its_time(
                f"process_start_time_seconds{{{SCOPE}}} and on (job, instance) {exporters}{{{SCOPE}}}"
            ),
            "blue",
            title="Exporter started",
            text="{{instance}}",
            own_time=True,
        ),
    ]


def enlistment_annotation(scope, limit=100):
    """At most so many: a fleet that is enlisted by a script would cover the graphs with marks."""
    enlisted = f"msx_target_enlist_timestamp_seconds{{{scope}}}"
    return annotation(
        "Enlistments",
        at_its_time(f"{enlisted} and topk({limit}, {enlisted} @ end())"),
        "green",
        title="{{target}} was enlisted",
        text="{{instance}}",
        own_time=True,
    )


BUILT_IN = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}


def page_link(key):
    return {
        "type": "link",
        "title": TITLES[key].removeprefix("MSX / "),
        "url": f"/d/{UIDS[key]}?{KEPT}",
        "icon": "dashboard",
        "tooltip": f"{TITLES[key]}, for the same data source, job and instance",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
    }


def runbook_link():
    return {
        "type": "link",
        "title": "Runbooks",
        "url": RUNBOOKS,
        "icon": "doc",
        "tooltip": "What each alert means and what to do about it",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": True,
    }


def target_link(target, instance="${__data.fields.Exporter}"):
    """From a row of a table to the page of its target. `__data.fields` reads hidden columns too."""
    return {
        "title": "Open the target's page",
        "url": (
            f"/d/{UIDS['target']}?${{datasource:queryparam}}&${{job:queryparam}}"
            f"&var-instance={instance}&var-target={target}&${{__url_time_range}}"
        ),
        "targetBlank": False,
    }


def section(title, *lines, collapsed=False):
    """A row with a title; each line is `(height, panel, …)` and fills the 24 columns."""
    return {"title": title, "lines": lines, "collapsed": collapsed}


def laid_out(sections):
    """Places and ids. Ids count within their section, so that a new panel changes no link to one in another."""
    panels = []
    y = 0
    for index, part in enumerate(sections):
        next_id = 100 * index + 1
        inner = []
        row = None
        if part["title"]:
            row = {
                "type": "row",
                "id": 100 * index,
                "title": part["title"],
                "collapsed": part["collapsed"],
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
                "panels": [],
            }
            y += 1
        top = y
        for height, *line in part["lines"]:
            x = 0
            for panel in line:
                width = panel["gridPos"]["w"]
                panel["id"] = next_id
                panel["gridPos"] = {"h": height, "w": width, "x": x, "y": top}
                next_id += 1
                x += width
                inner.append(panel)
            top += height
        if row and part["collapsed"]:
            row["panels"] = inner
            panels.append(row)
        else:
            panels += ([row] if row else []) + inner
            y = top
    return panels


def dashboard(key, description, variables, annotations, sections, *, span="now-6h"):
    others = [page_link(other) for other in UIDS if other != key]
    return {
        "id": None,
        "uid": UIDS[key],
        "title": TITLES[key],
        "description": description,
        "tags": ["msx", "mssql"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": span, "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "links": [*others, runbook_link()],
        "templating": {"list": [datasource_variable(), *variables]},
        "annotations": {"list": [BUILT_IN, *annotations]},
        "panels": laid_out(sections),
    }
