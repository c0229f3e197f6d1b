#!/usr/bin/env python3
"""Brings rules and dashboards into the chart, from their one source each. A chart can only read files of its own folder.

    deploy/kubernetes/sync.py            writes msx-exporter/files
    deploy/kubernetes/sync.py --check    says what is not as it would be written, and changes nothing

Needs Python 3.9 and nothing else. Run alerts/generate.py and dashboards/generate.py first.
"""

import sys
import textwrap
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILES = HERE / "msx-exporter" / "files"


def rules():
    """The groups of the PrometheusRule, as a rule file."""
    _, _, groups = (ROOT / "alerts/kubernetes/prometheusrule.yaml").read_text().partition("\nspec:\n")
    if not groups.startswith("  groups:\n"):
        sys.exit("alerts/kubernetes/prometheusrule.yaml has no spec with groups")
    return "# Written by deploy/kubernetes/sync.py; do not edit.\n" + textwrap.dedent(groups)


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    wanted = {FILES / "rules.yaml": rules()}
    for dashboard in sorted((ROOT / "dashboards").glob("*.json")):
        wanted[FILES / "dashboards" / dashboard.name] = dashboard.read_text()
    faults = []
    for path, text in wanted.items():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            faults.append(f"{path.relative_to(ROOT)} differs from its source")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in sorted(FILES.rglob("*")):
        if path.is_file() and path not in wanted:
            if check:
                faults.append(f"{path.relative_to(ROOT)} has no source any more")
            else:
                path.unlink()
    if faults:
        sys.exit("\n".join(faults) + "\nrun deploy/kubernetes/sync.py and commit the result")


if __name__ == "__main__":
    main()
