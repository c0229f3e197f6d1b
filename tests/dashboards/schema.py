"""Holds the dashboards to Grafana's own types (@grafana/schema), by the TypeScript compiler: a name of an option that no
panel knows, or a value that is not in its list, is an error. Broken copies next to them prove that it notices.

    python3 -m tests.dashboards.schema LIBRARY      a folder with @grafana/schema and typescript in node_modules
"""

import copy
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .grafana import dashboards, panels

# By the type of panel the folder of its types.
FOLDERS = {"stat": "stat", "table": "table", "timeseries": "timeseries", "state-timeline": "statetimeline", "text": "text"}
HEAD = """import type * as s from '@grafana/schema';
import type { FieldConfig as Field } from '@grafana/schema';
%s
// Enumerations as JSON has them, by their values.
type Json<T> = T extends string ? `${T}` : T extends number ? T : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type Plain = Omit<Field, 'custom'>;
// What the Prometheus data source reads of an annotation; it turns this into a query of its own.
interface Prometheus { expr?: string; step?: string; titleFormat?: string; textFormat?: string; tagKeys?: string; useValueForTime?: boolean }
type Annotation = Json<s.AnnotationQuery> & Prometheus;
// Nothing is chosen as yet, and the words of the query are shown in the list of variables.
type Variable = Omit<Json<s.VariableModel>, 'current'> & { current?: Partial<Json<s.VariableModel>['current']>; definition?: string };
// Before 12.2 the cell said whether its lines are wrapped.
type Cells = Json<s.TableCellOptions> | { type: 'auto'; wrapText?: boolean };
"""


def kind(panel):
    return panel["type"].replace("-", "_")


def checked(dashboard):
    """The dashboard as TypeScript: its frame, and each panel by the types of its own kind."""
    imports = []
    for name, folder in FOLDERS.items():
        path = f"@grafana/schema/dist/types/raw/composable/{folder}/panelcfg/x/types.gen"
        imports.append(f"import type * as {name.replace('-', '_')} from '{path}';")
    out = [HEAD % "\n".join(imports)]
    constant = lambda name, kind, value: out.append(f"export const {name}: {kind} = {json.dumps(value)};")  # noqa: E731
    frame = {key: value for key, value in dashboard.items() if key not in ("panels", "annotations", "templating")}
    constant("frame", "Json<Omit<s.Dashboard, 'panels' | 'annotations' | 'templating'>>", frame)
    constant("variables", "Variable[]", dashboard["templating"]["list"])
    constant("annotations", "Annotation[]", dashboard["annotations"]["list"])
    rows = [panel | {"panels": []} for panel in dashboard["panels"] if panel["type"] == "row"]
    constant("rows", "Json<s.RowPanel>[]", rows)
    for index, panel in enumerate(panels(dashboard)):
        name, own = f"panel{index}", kind(panel)
        constant(f"{name}_options", f"Partial<Json<{own}.Options>>", panel["options"])
        bare = {key: value for key, value in panel.items() if key not in ("options", "fieldConfig")}
        constant(name, "Json<Omit<s.Panel, 'options' | 'fieldConfig'>>", bare)
        if "fieldConfig" not in panel:
            continue
        defaults = dict(panel["fieldConfig"]["defaults"])
        custom = defaults.pop("custom", {})
        constant(f"{name}_defaults", "Json<Plain>", defaults)
        # A panel of tiles has no options of its own for fields.
        constant(f"{name}_custom", f"Partial<Json<{own}.FieldConfig>>" if own != "stat" else "{ [key: string]: never }", custom)
        overrides = []
        for over in panel["fieldConfig"]["overrides"]:
            constant(f"{name}_matcher{len(overrides)}", "Json<s.MatcherConfig>", over["matcher"])
            overrides.append(over)
            for number, item in enumerate(over["properties"]):
                key = item["id"].removeprefix("custom.")
                holder = "Plain" if key == item["id"] else f"{own}.FieldConfig"
                type_ = "Cells" if key == "cellOptions" else f"Json<{holder}>['{key}']"
                constant(f"{name}_over{len(overrides)}_{number}", type_, item["value"])
    return "\n".join(out) + "\n"


def find(dashboard, title):
    return next(panel for panel in panels(dashboard) if panel["title"] == title)


def option(title, old, new):
    def change(dashboard):
        options = find(dashboard, title)["options"]
        options[new] = options.pop(old)

    return change


def value(title, path, new):
    def change(dashboard):
        holder = find(dashboard, title)
        *above, last = path.split(".")
        for key in above:
            holder = holder[key]
        assert last in holder, (title, path)
        holder[last] = new

    return change


def property_of(title, column, old, new):
    def change(dashboard):
        overrides = find(dashboard, title)["fieldConfig"]["overrides"]
        item = next(i for o in overrides if o["matcher"]["options"] == column for i in o["properties"] if i["id"] == old)
        item.update(new)

    return change


# Each is one wrong name or value; the compiler must object to every one.
MUTANTS = [
    option("Targets", "colorMode", "colourMode"),
    option("Targets now", "cellHeight", "rowHeight"),
    option("Diagnosis over time", "mergeValues", "merge"),
    value("Targets", "options.colorMode", "background-solid"),
    value("Targets", "options.textMode", "names"),
    value("Targets now", "options.cellHeight", "small"),
    value("Diagnosis over time", "options.showValue", "sometimes"),
    value("Poll lateness", "options.legend.placement", "left"),
    value("Poll lateness", "options.tooltip.sort", "down"),
    value("Poll lateness", "fieldConfig.defaults.custom.lineInterpolation", "step"),
    value("Poll lateness", "fieldConfig.defaults.custom.stacking", {"group": "A", "mode": "on"}),
    value("Poll lateness", "fieldConfig.defaults.color", {"mode": "palette-classical"}),
    value("Targets", "fieldConfig.defaults.thresholds", {"mode": "fixed", "steps": []}),
    value("Targets now", "fieldConfig.defaults.custom.cellOptions", {"type": "colour-text"}),
    property_of("Targets now", "Diagnosis", "custom.cellOptions", {"value": {"type": "color-backgrounds"}}),
    property_of("Targets now", "Diagnosis", "custom.width", {"id": "custom.columnWidth"}),
    property_of("Targets now", "Last poll", "unit", {"id": "units"}),
    property_of("Targets now", "Diagnosis", "mappings", {"value": [{"type": "values", "options": {}}]}),
    lambda dashboard: dashboard.update(graphTooltip="shared"),
    lambda dashboard: dashboard.update(editables=False),
    lambda dashboard: dashboard["templating"]["list"][1].update(multiple=True),
    lambda dashboard: dashboard["links"][0].update(type="dashboard"),
]


def objections(library, sources):
    """What the compiler says of each file."""
    with tempfile.TemporaryDirectory(dir=library, prefix="types-") as folder:
        for name, text in sources.items():
            Path(folder, f"{name}.ts").write_text(text, encoding="utf-8")
        flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "node10"]
        command = [Path(library, "node_modules/.bin/tsc"), *flags, "--target", "es2022"]
        run = subprocess.run([*command, *Path(folder).glob("*.ts")], capture_output=True, text=True)
    found = {name: [] for name in sources}
    for line in run.stdout.splitlines():
        if match := re.match(r"(?:.*/)?([\w-]+)\.ts\((\d+),\d+\): error (.*)", line):
            found[match[1]].append(f"line {match[2]}: {match[3]}")
        elif "error" in line and not line.startswith(" "):
            found.setdefault("compiler", []).append(line)
    return found


def main():
    (library,) = sys.argv[1:]
    loaded = dashboards()
    sources = {uid: checked(page) for uid, page in loaded.items()}
    for number, mutate in enumerate(MUTANTS, 1):
        broken = copy.deepcopy(loaded["msx-overview"])
        mutate(broken)
        sources[f"mutant-{number}"] = checked(broken)
    found = objections(library, sources)
    passed = failed = 0
    for name, said in found.items():
        good = bool(said) if name.startswith("mutant-") else not said
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"FAILED {name}: {'the compiler accepts it' if not said else ''}")
            print("".join(f"       {line}\n" for line in said[:20]), end="")
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
