"""Renders mixin.libsonnet: by default it is the files that are shipped, and with a configuration it is what
alerts/generate.py makes of the same wishes, which was written apart.

Usage: python3 -m tests.alerts.mixin JSONNET
"""

import json
import subprocess
import sys

import yaml

from alerts import generate
from tests import ROOT

DASHBOARDS = ["msx-overview.json", "msx-target.json", "msx-exporter.json"]
WISHES = {
    "selector": 'job=~"msx.*"', "runbooks": "https://wiki.example/msx", "grafana": "https://grafana.example",
    "thresholds": {name: place["default"] * 2 for name, place in generate.THRESHOLDS.items()},
}


def rendered(jsonnet, config):
    program = f"""local mixin = (import 'mixin.libsonnet') + {{ _config+:: {json.dumps(config)} }};
        {{ rules: mixin.prometheusRules, alerts: mixin.prometheusAlerts, dashboards: mixin.grafanaDashboards }}"""
    run = subprocess.run([jsonnet, "-J", ROOT, "-e", program], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def generated(selector="", runbooks=generate.RUNBOOKS, grafana=generate.GRAFANA, thresholds=None):
    files = {}
    for name in generate.SOURCES:
        text = generate.with_addresses((ROOT / f"alerts/{name}.yaml").read_text(), runbooks, grafana)
        text = generate.with_thresholds(generate.with_selector(text, selector), thresholds or {})
        files[name] = yaml.safe_load(text)["groups"]
    return {
        "rules": {"groups": files.pop("msx-recording")},
        "alerts": {"groups": [group for groups in files.values() for group in groups]},
        "dashboards": {name: json.loads((ROOT / "dashboards" / name).read_text()) for name in DASHBOARDS},
    }


def faults(jsonnet):
    shipped, wished = rendered(jsonnet, {}), rendered(jsonnet, WISHES)
    for part, wanted in generated().items():
        if shipped[part] != wanted:
            yield f"by default its {part} are not those that are shipped"
    for part, wanted in generated(**WISHES).items():
        if wished[part] != wanted:
            yield f"with a configuration its {part} are not those of alerts/generate.py"
    for name, place in generate.THRESHOLDS.items():
        one = rendered(jsonnet, {"thresholds": {**{each: place["default"] for each, place in generate.THRESHOLDS.items()}, name: 77}})
        changed = [rule for before, after in zip(shipped["alerts"]["groups"], one["alerts"]["groups"])
                   for rule, other in zip(before["rules"], after["rules"]) if rule != other]
        if [(rule["alert"], rule["labels"]["severity"]) for rule in changed] != [(place["alert"], place["severity"])]:
            yield f"the threshold {name} changes {[rule['alert'] for rule in changed]}"


def main():
    found = list(faults(sys.argv[1]))
    print("".join(f"{fault}\n" for fault in found) + f"the mixin: {int(not found)} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
