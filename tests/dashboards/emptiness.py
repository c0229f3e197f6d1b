"""Which panels have nothing to show once a master or its exporter is gone, from the queries of the panels themselves.

A panel of the present moment shows what the last scrape brought. Graphs keep what was before, and what asks `up` counts
those that do not answer.
"""

import functools
import re

import yaml

from tests import ROOT
from tests.lib.catalogue import metrics

from .grafana import dashboards, panels

# These look back by themselves, or read what other exporters write.
OUTLAST = {"Port closed", "Ports from target to master"}
# The sweep goes on with the names that it knows while its master cannot be read.
SWEPT = {"Ports from master to target", "Ports now"}
OF_THE_MASTER = {"target", "master", "jobs"}


@functools.cache
def recorded():
    """The expression of each recorded series."""
    groups = yaml.safe_load((ROOT / "alerts/msx-recording.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


def sources(expression):
    """The groups of the metrics that an expression reads in the end; `up` stands for itself."""
    found = set()
    for name in re.findall(r"[a-zA-Z_:][\w:]*", re.sub(r'"[^"]*"', "", expression)):
        if name in recorded():
            found |= sources(recorded()[name])
        elif name == "up":
            found.add("up")
        elif name in metrics():
            found.add(metrics()[name]["group"])
    return found


def momentary(uid):
    """Each panel of the present moment with the groups that it reads."""
    for panel in panels(dashboards()[uid]):
        queries = panel.get("targets", [])
        if queries and all(query.get("instant") for query in queries):
            yield panel["title"], set().union(*(sources(query["expr"]) for query in queries))


def without_exporter(uid):
    """What an exporter that is gone leaves empty."""
    return {title for title, read in momentary(uid) if not read & {"up", "target_side"} and title not in OUTLAST}


def without_master(uid):
    """What is empty while the master cannot be read: the ports and the exporter go on without it."""
    gone = without_exporter(uid)
    return {title for title, read in momentary(uid) if title in gone - SWEPT and read & OF_THE_MASTER}
