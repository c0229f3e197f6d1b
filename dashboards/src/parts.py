"""Panels, as small functions that return Grafana's classic JSON.

Every panel that ships passes through here, so that none lacks a title, a description, a unit, its mappings or the
words that stand where there is no data.
"""

from dataclasses import dataclass, field

from .promql import tidy
from .words import GREEN, RED, TEXT, said

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def steps(*pairs):
    """Thresholds: the first colour from the bottom, each next one from its value on.

    The bottom is written as null, which JavaScript takes for 0 where Grafana does not put minus infinity back, as in
    exceptions for a column. Where values below 0 count the bottom is a number.
    """
    (base, *rest) = pairs
    bottom = -1e12 if any(value < 0 for value, _ in rest) else None
    return {
        "mode": "absolute",
        "steps": [{"color": base, "value": bottom}] + [{"color": colour, "value": value} for value, colour in rest],
    }


# Nothing is bad or good about the number by itself.
NEUTRAL = steps(TEXT)
# Any at all is bad.
NONE_ALLOWED = steps(GREEN, (1, RED))


@dataclass
class Query:
    """One query: over the time range with a legend, or `instant` for the state at its end."""

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False


def targets(queries):
    out = []
    for index, query in enumerate(queries):
        out.append(
            {
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": tidy(query.expr),
                "format": "table" if query.table else "time_series",
                "instant": query.instant,
                "legendFormat": query.legend or "__auto",
                "range": not query.instant,
                "refId": chr(ord("A") + index),
            }
        )
    return out


def panel(kind, title, description, width, *, queries=(), defaults=None, overrides=(), options=None, transformations=()):
    """The frame of every panel. The layout adds its id and place; `width` is out of 24."""
    out = {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"w": width},
        "fieldConfig": {"defaults": defaults or {}, "overrides": list(overrides)},
        "options": options or {},
        "targets": targets(queries),
    }
    if transformations:
        out["transformations"] = list(transformations)
    return out


def override(name, **properties):
    """What differs for the field of this name. `custom__width` stands for `custom.width`."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def stat(
    title,
    description,
    queries,
    *,
    width=4,
    unit="none",
    thresholds=NEUTRAL,
    mappings=None,
    no_value,
    text_mode="auto",
    links=(),
    decimals=None,
    overrides=(),
    colour="background_solid",
):
    """One number, or one word, as of now.

    Instant queries alone: over a range the panel would go on to show the last number that was known.
    """
    if isinstance(queries, str):
        queries = [queries]
    defaults = {
        "color": {"mode": "thresholds"},
        "mappings": said(mappings) if mappings else [],
        "noValue": no_value,
        "thresholds": thresholds,
        "unit": unit,
    }
    if links:
        defaults["links"] = list(links)
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "none" if thresholds is NEUTRAL and not mappings and not overrides else colour,
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": text_mode,
        "wideLayout": True,
    }
    queries = [q if isinstance(q, Query) else Query(q, legend=title) for q in queries]
    for query in queries:
        query.instant = True
    return panel(
        "stat", title, description, width, queries=queries, defaults=defaults, overrides=overrides, options=options
    )


def lines(
    title,
    description,
    queries,
    *,
    width=12,
    unit="none",
    no_value,
    axis="",
    thresholds=NEUTRAL,
    draw_thresholds=False,
    overrides=(),
    minimum=0,
    stacked=False,
    legend="",
    decimals=None,
    stepped=False,
    soft_max=None,
    wide=False,
    many=False,
):
    """Lines over time, with the last and the largest value in the legend, the largest first. Next to a narrow graph there
    is no room for that: names and last values stand below it, of `many` lines the names alone.

    `wide` is for values of which some are a thousand times the others: the scale is even up to 1 and logarithmic above.
    """
    custom = {
        "axisLabel": axis,
        "axisPlacement": "auto",
        "drawStyle": "line",
        "fillOpacity": 25 if stacked else 0,
        "lineInterpolation": "stepAfter" if stepped else "linear",
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "dashed" if draw_thresholds else "off"},
    }
    if wide:
        custom["scaleDistribution"] = {"type": "symlog", "log": 10, "linearThreshold": 1}
    if soft_max is None:
        # What is 0 all the time would stand on an axis up to 100, which is 10,000 % of a share.
        soft_max = 1 if decimals == 0 else 0.01 if unit == "percentunit" else None
    if soft_max is not None:
        custom["axisSoftMax"] = soft_max
    defaults = {
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "mappings": [],
        "noValue": no_value,
        "thresholds": thresholds,
        "unit": unit,
    }
    if wide:
        # The scale has a mark at -1 as well, below its end and across the times.
        defaults["mappings"] = [{"type": "value", "options": {"-1": {"index": 0, "text": " "}}}]
    if minimum is not None:
        defaults["min"] = minimum
    if decimals is not None:
        defaults["decimals"] = decimals
    at_the_right = {
        "calcs": ["lastNotNull", "max"],
        "displayMode": "table",
        "placement": "right",
        "showLegend": True,
        "sortBy": "Max",
        "sortDesc": True,
        # Else one long name takes the place of the graph.
        "width": 400 if width == 24 else 300,
    }
    below = {"calcs": [] if many else ["lastNotNull"], "displayMode": "list", "placement": "bottom", "showLegend": True}
    options = {
        "legend": at_the_right if (legend or ("right" if width >= 12 else "bottom")) == "right" else below,
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel(
        "timeseries", title, description, width, queries=queries, defaults=defaults, overrides=overrides, options=options
    )


def timeline(title, description, queries, mappings, *, width=24, no_value, links=(), show_value="auto", overrides=()):
    """A bar for each series that changes its colour with the state. Neighbours in the same state become one."""
    defaults = {
        "color": {"mode": "thresholds"},
        "custom": {"fillOpacity": 80, "lineWidth": 0},
        "mappings": said(mappings),
        "noValue": no_value,
        "thresholds": NEUTRAL,
        "unit": "none",
    }
    if links:
        defaults["links"] = list(links)
    options = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "perPage": 30,
        "rowHeight": 0.9,
        "showValue": show_value,
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel(
        "state-timeline",
        title,
        description,
        width,
        queries=queries,
        defaults=defaults,
        overrides=overrides,
        options=options,
    )


@dataclass
class Column:
    """One column of a table.

    Its cells are the values of `expr`, or with `label` the values of that label of `expr`, shown as words.
    """

    title: str
    expr: str
    label: str = ""
    width: int = 0
    unit: str = "none"
    mappings: dict = None
    no_value: str = ""
    thresholds: dict = None
    cell: str = ""
    links: list = field(default_factory=list)
    decimals: int = None
    # A column made of a label that comes after the others.
    last: bool = False
    more: dict = field(default_factory=dict)

    def properties(self):
        properties = {}
        if not self.label:
            properties["unit"] = self.unit
        if self.width:
            properties["custom.width"] = self.width
        if self.mappings:
            properties["mappings"] = said(self.mappings)
        if self.no_value:
            properties["noValue"] = self.no_value
        if self.thresholds:
            properties["thresholds"] = self.thresholds
        cell = self.cell or ("color-text" if self.mappings or self.thresholds else "")
        if cell:
            modes = {"gauge": {"mode": "basic"}, "color-background": {"mode": "basic"}}
            properties["custom.cellOptions"] = {"type": cell} | modes.get(cell, {})
        if self.links:
            properties["links"] = self.links
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        if not self.label and self.width and self.unit not in ("dateTimeFromNow",) and cell != "gauge" and not self.mappings:
            properties["custom.align"] = "right"
        return properties | self.more


# Lines are wrapped. Grafana reads it with the field since 12.2, and with the cell before.
WRAPPED = {"custom.cellOptions": {"type": "auto", "wrapText": True}, "custom.wrapText": True}

KEY = "key"


def keyed(expression, labels, by):
    """The series with one more label, by which the rows of a table are joined, and of the rest only `by`.

    Rows that were joined on the target alone would mix masters.
    """
    kept = ", ".join([KEY, *by])
    names = ", ".join(f'"{label}"' for label in labels)
    return f'max by ({kept}) (label_join({expression}, "{KEY}", "/", {names}))'


def table(
    title,
    description,
    rows,
    columns,
    *,
    labels,
    heads,
    width=24,
    no_value,
    cell_height="sm",
    sort_down=True,
    filterable=True,
):
    """A table that joins one instant query for each column.

    `rows` is the expression that says which rows there are; its value sorts them. `labels` tell rows apart, `heads`
    are the columns made of labels: `{label: Column}`, those without a Column are not shown.
    """
    queries = [Query(keyed(rows, labels, list(heads)), instant=True, table=True)]
    shown = {label: column.title for label, column in heads.items() if column and not column.last}
    overrides = [(column.title, column.properties()) for column in heads.values() if column]
    for column in columns:
        ref = chr(ord("A") + len(queries))
        by = [column.label] if column.label else []
        queries.append(Query(keyed(column.expr, labels, by), instant=True, table=True))
        shown[column.label or f"Value #{ref}"] = column.title
        overrides.append((column.title, column.properties()))
    shown |= {label: column.title for label, column in heads.items() if column and column.last}
    transformations = [
        {"id": "joinByField", "options": {"byField": KEY, "mode": "outer"}},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "Value #A", "desc": sort_down}]}},
        {"id": "filterFieldsByName", "options": {"include": {"names": list(shown)}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {name: index for index, name in enumerate(shown)},
                "renameByName": shown,
            },
        },
    ]
    defaults = {
        "color": {"mode": "thresholds"},
        "custom": {
            "align": "auto",
            "cellOptions": {"type": "auto"},
            "filterable": filterable,
            "inspect": False,
            "minWidth": 60,
        },
        "mappings": [],
        "noValue": no_value,
        "thresholds": NEUTRAL,
        "unit": "none",
    }
    return panel(
        "table",
        title,
        description,
        width,
        queries=queries,
        defaults=defaults,
        overrides=[
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": key, "value": value} for key, value in properties.items()],
            }
            for name, properties in overrides
            if properties
        ],
        options={
            "cellHeight": cell_height,
            "showHeader": True,
        },
        transformations=transformations,
    )


def text(title, description, markdown, *, width=24):
    out = panel("text", title, description, width, options={"mode": "markdown", "content": markdown.strip()})
    del out["fieldConfig"], out["targets"], out["datasource"]
    return out
