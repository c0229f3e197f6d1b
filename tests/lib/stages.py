"""The table of stages in tests/README.md, written from the stages themselves.

    python3 -m tests.lib.stages            writes it
    python3 -m tests.lib.stages --check    says whether it is not as it would be written, and changes nothing

What a stage shows is the first sentence of its head. What it needs is read from its commands, so that the table cannot
say less than the stage takes.
"""

import re
import sys
from dataclasses import dataclass

from tests import ROOT

RUN, PAGE, STAGES = ROOT / "tests/run", ROOT / "tests/README.md", ROOT / "tests/stages"
BEGIN, END = "<!-- The table is written by tests/generate. -->\n", "<!-- End of the table. -->\n"
# Minutes: what the budgets of the gate may add up to.
GATE = 60
# What a stage needs besides Debian packages that it installs itself, by what its commands say.
NEEDS = [
    ("root", r"\bunshare\b|tests\.linux\.suite|on_debian"),
    ("Go", r"need_go_|tests/kubernetes/programs\.sh"),
    ("a JDK", r"\bjavac\b"),
    ("Node", r"need_grafana|need_axe|tests/clients/run\.sh"),
    ("Chromium", r"\bchromium\b"),
    ("Wine and MinGW", r"\bwine64\b|deploy/release/build"),
    ("Prometheus", r"need_deb [^\n]*\bprometheus\b(?!-(sql|blackbox))"),
    ("Python packages", r"need_venv|tests/clients/run\.sh|tests/generate|\.\./generate|venv-release"),
    ("cargo tools", r"cargo install"),
]


class StageError(SystemExit):
    """The stages cannot be read. Ends the caller with the sentence where nothing catches it."""


@dataclass
class Stage:
    """One stage: its name, what it shows, its budget in minutes, what it needs, and whether the gate runs it."""

    name: str
    shows: str
    minutes: int
    needs: list
    in_gate: bool


def read_stages():
    """All of them, in the order in which tests/run runs them."""
    names = {}
    for which in ("gate", "long"):
        found = re.search(rf"^{which}=\(([\w\s-]+)\)$", RUN.read_text(), re.MULTILINE)
        if not found:
            raise StageError(f"tests/run has no list {which}=(…) any more")
        names |= dict.fromkeys(found[1].split(), which == "gate")
    there = {path.name for path in STAGES.iterdir()}
    if there != names.keys():
        raise StageError(f"tests/run and tests/stages differ in: {', '.join(sorted(there ^ names.keys()))}")
    stages = [read_stage(name, in_gate) for name, in_gate in names.items()]
    if (total := sum(stage.minutes for stage in stages if stage.in_gate)) > GATE:
        raise StageError(f"the budgets of the gate add up to {total} minutes, and may to {GATE}")
    return stages


def read_stage(name, in_gate):
    head, _, commands = (STAGES / name).read_text().partition("\nset -e")
    budget = re.search(r"^# Budget: (\d+) min\.$", head, re.MULTILINE)
    if not budget:
        raise StageError(f"tests/stages/{name} has no line `# Budget: N min.` in its head")
    text = " ".join(re.findall(r"^# ?(.*)", head.partition("\n")[2].partition("# Budget")[0], re.MULTILINE))
    needs = [need for need, pattern in NEEDS if re.search(pattern, commands)]
    return Stage(name, re.split(r"(?<=\.) (?=[A-Z])", text.strip())[0].rstrip("."), int(budget[1]), needs, in_gate)


def table(stages):
    rows = ["| stage | what it shows | what it needs | minutes | run |\n|---|---|---|---|---|\n"]
    for stage in stages:
        run = "gate" if stage.in_gate else "`--all`"
        rows.append(f"| `{stage.name}` | {stage.shows} | {', '.join(stage.needs) or '–'} | {stage.minutes} | {run} |\n")
    return "".join(rows)


def main():
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise StageError(f"tests/README.md lacks one of its two marks, {BEGIN.strip()} and {END.strip()}")
    wanted = before + begin + table(read_stages()) + end + after
    if wanted == text:
        return 0
    if "--check" in sys.argv:
        print("tests/README.md differs: run tests/generate")
        return 1
    PAGE.write_text(wanted)
    print("tests/README.md written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
