"""Judges the same cases by vmalert, which evaluates these rules as MetricsQL over a VictoriaMetrics.

Three things are written otherwise for it. Its time begins in 2000. Its name for an expression's test is its own. And it does
not see in one group what an earlier rule of the group recorded at the same evaluation, so each recording gets a group of
its own here; alerts/README.md says what that costs where the rules are loaded as they are shipped.

Usage: python3 -m tests.alerts.vmalert VMALERT_TOOL [CASES...]
"""

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from tests import ROOT

from . import generate_tests

BEGINNING = 946_684_800  # 2000-01-01
# It keeps 12 or 13 digits of what it stores: these are no round figures.
ROUNDED = {"msx:brisk_targets_not_polling:ratio * 3", "msx_target:poll_lateness:ratio"}
# Two days, minute by minute, take it longer than all others together.
LEFT_OUT = {"intervals"}


def later(series):
    """A series whose values are times, moved to where its time begins."""
    if not re.match(r"msx_server_time_seconds|\w+_timestamp_seconds", series["series"]):
        return series
    moved = [re.sub(r"^-?[\d.]+", lambda m: str(float(m[0]) + BEGINNING), each) for each in series["values"].split()]
    return {**series, "values": " ".join(moved)}


def case(test):
    asked = [each for each in test.get("promql_expr_test", []) if each["expr"] not in ROUNDED]
    rest = {key: value for key, value in test.items() if key != "promql_expr_test"}
    return {**rest, "input_series": [later(each) for each in test["input_series"]], "metricsql_expr_test": asked}


def rules(folder):
    """The rule files, with a group for each recording; their names in order."""
    groups = []
    for path in sorted((ROOT / "alerts").glob("msx-*.yaml")):
        document = yaml.safe_load(path.read_text())
        (group,) = document["groups"]
        if group["name"] == "msx-recording":
            document["groups"] = [{"name": rule["record"], "rules": [rule]} for rule in group["rules"]]
            groups = [each["name"] for each in document["groups"]]
        (folder / path.name).write_text(yaml.safe_dump(document, sort_keys=False, width=10_000))
    return groups


def faults(tool, folder, recordings, stem, document):
    loaded = [Path(each).name for each in document["rule_files"]]
    order = recordings + [each for each in document["group_eval_order"] if each != "msx-recording"]
    cases = {**document, "rule_files": loaded, "group_eval_order": order, "tests": [case(each) for each in document["tests"]]}
    text = yaml.dump(cases, Dumper=generate_tests.Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    (folder / f"{stem}.yaml").write_text(text.replace("1970-01-01", "2000-01-01"))
    run = subprocess.run([tool, "unittest", "--disableAlertgroupLabel", f"--files={folder / stem}.yaml"],
                         cwd=folder, capture_output=True, text=True)
    return run.returncode and run.stdout + run.stderr


def main():
    tool = str(Path(sys.argv[1]).resolve())
    chosen = sys.argv[2:]
    work = [(stem, document) for stem, document in generate_tests.documents().items() if stem not in LEFT_OUT and (not chosen or stem in chosen)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        folder = Path(folder)
        recordings = rules(folder)
        for (stem, _), words in zip(work, pool.map(lambda each: faults(tool, folder, recordings, *each), work)):
            if words:
                failed += 1
                print(f"{stem}:\n{words}")
    print(f"rule files judged by vmalert: {len(work) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
