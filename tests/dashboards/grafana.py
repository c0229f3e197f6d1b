"""What Grafana does to a dashboard before it asks Prometheus: variables put into expressions, and panels found in rows.

The rules are those of Grafana's Prometheus data source: a value of a variable that may be several is escaped for a
regular expression, twice, because it stands in a PromQL string; several values become `(a|b)`; a variable of one value
is escaped as a string alone; "All" is the variable's own `allValue` as it stands, or else all its values.
"""

import json
import re

from tests import ROOT

ALL = "$__all"

# Variables that Grafana itself fills in.
BUILT_IN = {
    "__rate_interval",
    "__interval",
    "__interval_ms",
    "__range",
    "__range_s",
    "__range_ms",
    "__from",
    "__to",
    "__url_time_range",
    "__all_variables",
}
REFERENCE = re.compile(r"\$\{(?P<braced>[A-Za-z_][\w.]*)(?::(?P<format>\w+))?\}|\$(?P<plain>[A-Za-z_]\w*)")


def dashboards():
    """The committed dashboards by uid."""
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "dashboards").glob("*.json"))]
    return {dashboard["uid"]: dashboard for dashboard in loaded}


def panels(dashboard):
    """All panels but rows, those of collapsed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def variables(dashboard):
    """The variables that ask Prometheus, in their order."""
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]


def references(text):
    """The names of the variables in a text."""
    return {(match["braced"] or match["plain"]).split(".")[0] for match in REFERENCE.finditer(text)}


def as_string(value):
    return value.replace("\\", "\\\\").replace("'", "\\\\'")


def as_regex(value):
    value = value.replace("\\", "\\\\\\\\")
    return re.sub(r"[$^*{}\[\]+?.()|]", lambda match: "\\\\" + match[0], value)


def value_of(variable, chosen, options):
    """What stands in an expression for a variable."""
    if not variable["multi"] and not variable["includeAll"]:
        return as_string(chosen[0] if isinstance(chosen, list) else chosen)
    if chosen in (ALL, [ALL]):
        if variable.get("allValue"):
            return variable["allValue"]
        chosen = options
    values = [as_regex(value) for value in (chosen if isinstance(chosen, list) else [chosen])]
    return values[0] if len(values) == 1 else f"({'|'.join(values)})"


def seconds(text):
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]


class Page:
    """A dashboard with a time range and its variables chosen."""

    def __init__(self, dashboard, start, end, scrape_interval=15, points=1000):
        self.dashboard = dashboard
        self.start, self.end = start, end
        span = int(end - start)
        # Grafana's step is at least the scrape interval of the data source, and rates look back over four of them.
        self.step = max(scrape_interval, -(-span // points))
        rate = max(self.step + scrape_interval, 4 * scrape_interval)
        self.values = {
            "__interval": f"{self.step}s",
            "__interval_ms": str(1000 * self.step),
            "__rate_interval": f"{rate}s",
            "__range": f"{span}s",
            "__range_s": str(span),
            "__range_ms": str(1000 * span),
            "__from": str(int(1000 * start)),
            "__to": str(int(1000 * end)),
        }
        self.options = {}

    def choose(self, variable, chosen, options):
        self.options[variable["name"]] = options
        self.values[variable["name"]] = value_of(variable, chosen, options)

    def fill(self, expression):
        """The expression as it is sent. What is no variable stays, such as the `$1` of label_replace."""

        def filled(match):
            return self.values.get(match["braced"] or match["plain"], match[0])

        return REFERENCE.sub(filled, expression)
