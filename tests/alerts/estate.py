"""What one Prometheus pays for a large estate: 20 masters of 1,000 targets each, with all rules, and what the fleet dashboard then
asks of it.

    python3 -m tests.alerts.estate      measures, and writes its tables into BENCHMARKS.md

One exporter reads one master of the lab. Its page is served twenty times, each time with names of its own for master and
targets, so that Prometheus sees twenty exporters and two cores are left for Prometheus.
"""

import functools
import json
import sys
import time
import urllib.error

from tests import ROOT
from tests.dashboards.grafana import Page, dashboards, panels, variables
from tests.dashboards.live import Asker
from tests.lib.processes import Processes, Server, override, wait

from .cost import own, resident, served, touched, watch, write

MARKS = "<!-- Written by tests/run large-estate. -->\n", "<!-- End of what it writes. -->\n"
MASTERS, TARGETS = 20, 1_000
# Seconds: ranges of 5 minutes hold twice as many samples as with a scrape a minute, and those of a quarter as many.
EVERY, RUN = 30, 300
# Seconds between two points of a graph, which has 300 of them, as of 5 hours at one a minute.
STEP = 1
# Above this an evaluation a minute is in danger, and people turn away from a dashboard.
SLOWEST_GROUP, SLOWEST_PANEL = 30, 30


def pages(exporter):
    """A page for each master, of one reading for all of them in each interval."""

    @functools.lru_cache(maxsize=1)
    def reading(_):
        return exporter.read("metrics")

    def page(number):
        text = reading(time.monotonic() // EVERY)
        for label in (b"target", b"server"):
            text = text and text.replace(label + b'="', label + b'="M%02d-' % number)
        return text

    return [functools.partial(page, number) for number in range(MASTERS)]


def estate(processes):
    """The Prometheus that has scraped them for a while."""
    lab = processes.lab("one", "--targets", TARGETS, "--rows", 2 * TARGETS, "--jobs", 3)
    checks = {"interval": "60s", "checks": "{ browser: { sweep: false } }"}
    exporter = Server(processes.exporter("one", lab.address, checks, [override(".*", lab.port)]))
    wait("ports are on the page", lambda: (exporter.read("metrics") or b"").count(b"\nmsx_port_open{") >= TARGETS, 300)
    prometheus = watch(processes, "prometheus", [served(page) for page in pages(exporter)], ROOT / "alerts", EVERY)
    wait("all are scraped", lambda: prometheus.number("count(msx_up == 1)") == MASTERS, 300)
    time.sleep(RUN)  # what is measured depends on how long it ran
    assert prometheus.number("count(group by (target) (last_over_time(msx_target_enlisted[2m])))") == MASTERS * TARGETS
    return prometheus


def groups(prometheus):
    """How long each group of rules took, by its name: the median of five evaluations."""
    failed = own(prometheus, "prometheus_rule_evaluation_failures_total")
    assert failed == 0, f"{failed:.0f} evaluations of rules failed"
    took = {}
    for _ in range(5):
        for group in prometheus.ask("api/v1/rules")["data"]["groups"]:
            took.setdefault(group["name"], []).append(group["evaluationTime"])
        time.sleep(EVERY)  # the next evaluation
    return {name: sorted(seconds)[2] for name, seconds in took.items()}


def answer(prometheus, target, expression, end):
    """The bytes of the answer to a query, and why there is none."""
    over = {"start": end - RUN, "end": end, "step": STEP} if target["range"] else {"time": end}
    try:
        with prometheus.opened(f"api/v1/query{'_range' if target['range'] else ''}", {"query": expression, **over}) as body:
            return len(body.read()), ""
    except urllib.error.HTTPError as error:
        return 0, f"refused: {json.loads(error.read())['error']}"
    except TimeoutError:
        return 0, "no answer in time"


def asked(prometheus, dashboard, instances):
    """Seconds, bytes and the first refusal of each panel by its title. `instances`: whether one is chosen or all."""
    end, found = time.time(), {}
    page = Page(dashboard, end - RUN, end, scrape_interval=EVERY)
    asker = Asker(prometheus, page)
    for variable in variables(dashboard):
        options = asker.options(variable)
        page.choose(variable, options[:1] if variable["name"] == "instance" and instances == "one" else ["$__all"], options)
    for panel in panels(dashboard):
        began = time.monotonic()
        answers = [answer(prometheus, target, page.fill(target["expr"]), end) for target in panel.get("targets", [])]
        refused = next((reason for _, reason in answers if reason), "")
        found[panel["title"]] = time.monotonic() - began, sum(size for size, _ in answers), refused
    return found


def main():
    with Processes("msx-estate-") as processes:
        prometheus = estate(processes)
        cpu, began = own(prometheus, "process_cpu_seconds_total"), time.monotonic()
        took = groups(prometheus)
        cpu = (own(prometheus, "process_cpu_seconds_total") - cpu) / (time.monotonic() - began)
        series, memory = own(prometheus, "prometheus_tsdb_head_series"), resident(processes.running["prometheus"])
        samples = touched(prometheus)
        late = own(prometheus, "prometheus_rule_group_iterations_missed_total")
        fleet = dashboards()["msx-overview"]
        one, every = (asked(prometheus, fleet, instances) for instances in ("one", "all"))
        after = resident(processes.running["prometheus"])
    rows = [
        ("head series", f"{series:,.0f}"),
        ("resident", f"{memory:,.0f} MB; {after:,.0f} MB after the queries below"),
        (f"processor time for scrapes and rules, each every {EVERY} s", f"{cpu:.0%} of a core"),
        ("samples that one evaluation of all rules touches", f"{samples:,.0f}"),
        ("one evaluation of all rules", f"{sum(took.values()):.1f} s"),
        *((f"of it the group `{name}`", f"{seconds:.1f} s") for name, seconds in sorted(took.items(), key=lambda item: -item[1])),
    ]
    table = f"| {MASTERS} masters of {TARGETS:,} targets | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)
    slow = sorted(every, key=lambda title: -every[title][0])
    table += "\n| panel of the fleet dashboard | one master chosen | all masters | bytes of its answers |\n|---|---|---|---|\n"
    for title in slow:
        (first, _, _), (seconds, size, refused) = one[title], every[title]
        table += f"| {title} | {first:.2f} s | {refused or f'{seconds:.2f} s'} | {size / 1e6:,.1f} MB |\n"
    print(table)
    write(MARKS, table)
    missed = [f"{late:.0f} evaluations of rules were left out"] if late else []
    missed += [f"the group {name} takes {seconds:.1f} s" for name, seconds in took.items() if seconds > SLOWEST_GROUP]
    missed += [f"{title}: {refused or f'{seconds:.1f} s'}" for title, (seconds, _, refused) in every.items() if refused or seconds > SLOWEST_PANEL]
    print(*(f"missed: {what}" for what in missed), sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
