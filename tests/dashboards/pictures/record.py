"""Records what a real Prometheus answers to every query of the dashboards, for pages worth a picture.

    python3 -m tests.dashboards.pictures.record FILE      MSX_BINARIES names the folder of the two programs, as for live.py

Three masters of the lab are read by the real exporter for some minutes, while a few things befall the first of them.
"""

import json
import re
import socket
import sys
import time
from pathlib import Path

from tests.lib.processes import wait

from ..grafana import Page, dashboards, panels, variables
from ..live import Asker, legend
from ..servers import SCRAPE, SCRAPE_LARGE, Scenario, Servers

# The first is the master of the exporters in the role target.
CONTROL = ["--control", "127.0.0.1:0"]
BUSY = Scenario(
    "everything",
    ["--scenario", "everything", *CONTROL],
    {"SQL02": "required filtered", "SQL05": "refused", "SQL06": "filtered", "SQL04": "required refused"},
    more="expected_targets: [RENAMED-NEW]\n",
)
HEALTHY = Scenario("healthy", ["--scenario", "healthy"])
LARGE = Scenario("thousand", ["--targets", "1000"], job="msx-large")
SCENARIOS = [BUSY, HEALTHY, LARGE]

# What befalls the busy master: one target stops and its instructions stay, one fails, one is enlisted. The target whose
# name is as long as a name may be leaves: no picture of a page should be one of its name.
LONG = "SQL-" + 124 * "X"
EVENTS = ["stop SQL10", *["post SQL10 insert"] * 3, "post SQL10 start", "enlist SQL24"]
LATER = ["fail SQL11 The EXECUTE permission was denied on the object 'sp_add_job'.", *["post SQL11 update"] * 2]

# Name of the picture, page, and what is chosen there; everything else stays at All.
SHOTS = [
    ("overview", "msx-overview", BUSY, {}),
    ("overview-healthy", "msx-overview", HEALTHY, {}),
    ("overview-thousand", "msx-overview", LARGE, {}),
    ("target", "msx-target", BUSY, {"target": "SQL10"}),
    ("target-blocked", "msx-target", BUSY, {"target": "SQL01\\PAYROLL"}),
    ("target-filtered", "msx-target", BUSY, {"target": "SQL02"}),
    ("target-healthy", "msx-target", HEALTHY, {"target": "SQL01"}),
    ("exporter", "msx-exporter", None, {}),
    ("exporter-one", "msx-exporter", HEALTHY, {}),
]


class Recorder(Asker):
    """Keeps the answers as they came, with the times of the samples."""

    took = {}

    def series(self, target, expression):
        began = time.monotonic()
        series = self.answered(target, expression)
        self.took[expression] = time.monotonic() - began
        return series

    def answered(self, target, expression):
        if target.get("instant"):
            body = self.servers.ask("api/v1/query", query=expression, time=self.page.end)
        else:
            span = {"start": self.page.start, "end": self.page.end, "step": self.page.step}
            body = self.servers.ask("api/v1/query_range", query=expression, **span)
        if not body or body["status"] != "success":
            raise RuntimeError(f"{expression}: {body['error'] if body else 'no answer'}")
        return [
            {"labels": result["metric"], "samples": result.get("values") or [result["value"]]}
            for result in body["data"]["result"]
        ]


def shot(servers, dashboard, scenario, chosen, start, end):
    """One page: what is chosen, the answers of each panel, the marks."""
    page = Page(dashboard, start, end, scrape_interval=SCRAPE_LARGE if scenario is LARGE else SCRAPE)
    # As Grafana rounds the range to its step.
    page.start, page.end = start - start % page.step, end - end % page.step
    recorder = Recorder(servers, page)
    if scenario:
        chosen = chosen | {"job": [scenario.job], "instance": [scenario.instance]}
    shown = []
    for variable in variables(dashboard):
        options = recorder.options(variable)
        value = chosen.get(variable["name"], ["$__all"])
        page.choose(variable, value, options)
        if variable["hide"] == 2:
            continue
        text = value if isinstance(value, str) else ", ".join(value)
        shown.append({"label": variable["label"], "text": text.replace("$__all", "All")})
    answers = {
        panel["title"]: {target["refId"]: recorder.series(target, page.fill(target["expr"])) for target in panel["targets"]}
        for panel in panels(dashboard)
        if panel["type"] != "text"
    }
    return {
        "uid": dashboard["uid"],
        "from": 1000 * page.start,
        "to": 1000 * page.end,
        "step": 1000 * page.step,
        "variables": shown,
        "answers": answers,
        "marks": [mark for annotation in dashboard["annotations"]["list"] for mark in marks(recorder, annotation)],
    }


def marks(recorder, annotation):
    """Where a shown annotation stands. One that fires for a while is a region from its first sample to its last."""
    if annotation.get("builtIn") or not annotation["enable"]:
        return
    for series in recorder.series({}, recorder.page.fill(annotation["expr"])):
        times = [1000 * float(at) for at, _ in series["samples"]]
        if annotation.get("useValueForTime"):
            times = [float(series["samples"][-1][1])]
        title = legend({"legendFormat": annotation["titleFormat"]}, series["labels"])
        yield {"colour": annotation["iconColor"], "title": title, "from": times[0], "to": times[-1]}


def command(servers, scenario, *lines):
    host, _, port = re.search(r"control on (\S+)", servers.log(f"lab-{scenario.name}"))[1].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rw") as both:
        for line in lines:
            print(line, file=both, flush=True)
            answer = both.readline()
            while (more := both.readline()) not in (".\n", ""):
                answer += more
            if answer.startswith("error"):
                raise RuntimeError(f"the lab refuses {line!r}: {answer}")


def befall(servers):
    """Lets it happen, and waits until it shows."""
    count = len(SCENARIOS)
    wait("all masters were read", lambda: servers.number("count(max_over_time(msx_up[5m]) == 1)") == count, 120)
    command(servers, BUSY, f"delete {LONG}")
    gone = f'count(msx_target_enlisted{{job="msx", instance="{BUSY.instance}", target="{LONG}"}})'
    wait("the long name is gone", lambda: servers.number(gone) is None, 60)
    began = time.time()
    wait("all sweeps ended", lambda: servers.number("count(msx_exporter_port_sweep_timestamp_seconds)") == count + 2, 120)
    busy = f'job="msx", instance="{BUSY.instance}"'
    polled = f'msx_server_time_seconds{{{busy}}} - on (job, instance) msx_target_last_poll_timestamp_seconds{{{busy}, target="SQL10"}}'
    wait("SQL10 has just polled", lambda: (servers.number(polled) or 99) < 10, 120)
    command(servers, BUSY, *EVENTS)
    late = f'msx_target:poll_lateness:ratio{{{busy}, target="SQL10"}}'
    wait("it is late", lambda: (servers.number(late) or 0) > 2, 240)
    command(servers, BUSY, *LATER)
    wait("it is silent", lambda: (servers.number(late) or 0) > 6, 360)
    calm = 'max(msx_target:poll_lateness:ratio{job="msx-large"})'
    wait("a thousand targets poll", lambda: (servers.number(calm) or 9) < 3, 180)
    read = f'msx_up{{instance="{LARGE.instance}"}}'
    wait("they were read just now", lambda: servers.number(read) == 1, 120)
    return began


def main():
    pages = dashboards()
    with Servers(SCENARIOS) as servers:
        start, end = befall(servers), time.time()
        shots = {name: shot(servers, pages[uid], scenario, chosen, start, end) for name, uid, scenario, chosen in SHOTS}
    Path(sys.argv[1]).write_text(json.dumps(shots), encoding="utf-8")
    slowest = max(Recorder.took, key=Recorder.took.get)
    print(f"the slowest of {len(Recorder.took)} queries took {Recorder.took[slowest]:.1f} s: {slowest[:300]}")
    print(f"{len(shots)} pages were recorded over {end - start:.0f} s")


if __name__ == "__main__":
    main()
