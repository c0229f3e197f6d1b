"""Makes the test files for promtool from the cases in this folder: one file an alert, in target/alert-cases.

They are not committed: run_cases.py and mutate.py write them before they use them. `tests/generate` writes them, too,
to let a person read every series and every expected text, or run one by hand:

    promtool test rules target/alert-cases/MsxPortClosed.yaml
"""


import yaml

from tests import ROOT

from . import cases_exporter, cases_fleet, cases_master, cases_ports, cases_targets

OUT = ROOT / "target" / "alert-cases"


def document(tests, groups):
    return {
        "rule_files": [f"../../alerts/{group}.yaml" for group in groups],
        "evaluation_interval": "1m",
        "group_eval_order": groups,
        "tests": tests,
    }


class Dumper(yaml.SafeDumper):
    """Repeats a value instead of writing an anchor, and indents lists: both are easier to read."""

    def ignore_aliases(self, data):
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


MODULES = [
    (cases_exporter, "msx-exporter"), (cases_master, "msx-master"), (cases_targets, "msx-targets"), (cases_ports, "msx-ports"),
]


def specs():
    """What is asked of every alert, without the cases of many targets."""
    return [spec for module, _ in MODULES for spec in module.SPECS]


def documents():
    """Each file's name, without its ending, with what stands in it."""
    tests = {stem: cases for stem, (_, cases) in cases_fleet.FILES.items()}
    rules = {stem: groups for stem, (groups, _) in cases_fleet.FILES.items()}
    for module, group in MODULES:
        for spec in module.SPECS:
            tests.setdefault(spec.alert, []).extend(spec.tests())
            # An alert's own file loads what it needs: promtool evaluates every loaded rule at every minute.
            rules[spec.alert] = ["msx-recording", group]
    return {stem: document(cases, rules[stem]) for stem, cases in tests.items()}


def write():
    """Writes them all, and removes what no case asks for any more. Answers their folder."""
    OUT.mkdir(parents=True, exist_ok=True)
    wanted = {OUT / f"{stem}.yaml": content for stem, content in documents().items()}
    for path in OUT.iterdir():
        if path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        path.write_text(yaml.dump(content, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True), encoding="utf-8")
    return OUT


if __name__ == "__main__":
    write()
