"""Breaks the rules one place at a time and asks whether promtool's cases notice.

A mutant is one change of one rule: a comparison turned round, a `for` or keep_firing_for dropped, a constant scaled,
an `unless` or `and` clause dropped, a window shortened. Each runs in a directory of its own. It is killed when the
rules no longer load or a case fails; the file of its own alert is asked first, which nearly always is enough.
Survivors must stand in ALLOWED with a reason, and a reason without a survivor is a fault, too.

Usage: python3 -m tests.alerts.mutate [PROMTOOL] [--only=ALERT]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import ROOT

from . import generate_tests

ALERTS = ROOT / "alerts"
SOURCES = sorted(ALERTS.glob("msx-*.yaml"))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# Patterns of `rule: change`, and why no case can or should tell such a mutant from the original.
ALLOWED = {
    r": window 5m to 1s in unless on \(.*(maintenance|settling|passive|duration|lateness|series_limited)":
        "a lost scrape opens such a guard for one evaluation; the alert is then pending for one minute and every `for` is longer",
}

OPPOSITE = {">=": "<", "<=": ">", ">": "<=", "<": ">=", "==": "!=", "!=": "=="}


def rules(text):
    """The spans of the rules of a file, each with its name."""
    starts = [(m.start(), m[2]) for m in re.finditer(r"^      - (alert|record): (\S+)$", text, re.M)]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return [(start, end, name) for (start, name), end in zip(starts, ends)]


def expression(rule):
    """Where the PromQL of a rule stands in its text."""
    block = re.search(r"^        expr: \|\n((?:          .*\n)+)", rule, re.M)
    line = re.search(r"^        expr: (.+)\n", rule, re.M)
    return block.span(1) if block else line.span(1)


def in_a_comment(expr, position):
    return "#" in expr[expr.rfind("\n", 0, position) + 1:position]


def inside_braces(expr, position):
    return expr.rfind("{", 0, position) > expr.rfind("}", 0, position)


def clauses(expr):
    """Spans of `unless …` and `and …`, up to where the clause ends: the next operator of its level or a closing bracket."""
    for found in re.finditer(r"\b(unless|and)\b", expr):
        depth, at = 0, found.end()
        while at < len(expr):
            if expr[at] in "([{":
                depth += 1
            elif expr[at] in ")]}":
                if depth == 0:
                    break
                depth -= 1
            elif depth == 0 and re.match(r"\b(unless|and|or)\b", expr[at:]) and expr[at - 1].isspace():
                break
            elif depth == 0 and expr[at] == "*":
                break
            at += 1
        yield found.start(), at


def mutants(rule):
    """Descriptions of changes, each with the changed text of the rule."""
    start, end = expression(rule)
    expr = rule[start:end]

    def changed(text):
        return rule[:start] + text + rule[end:]

    for found in re.finditer(r"(?<![=!<>~])(>=|<=|==|!=|>|<)(?!=|~)", expr):
        if not inside_braces(expr, found.start()):
            turned = expr[:found.start()] + OPPOSITE[found[1]] + expr[found.end():]
            yield f"turn {line_of(expr, found.start())}", changed(turned)
    for found in re.finditer(r"(?<![\w\[.])(\d+(?:\.\d+)?)(?![\w\]])", expr):
        value = float(found[1])
        truth = re.search(r"==\s*$", expr[:found.start()])  # `== 1` asks yes or no; turning it round is enough
        if inside_braces(expr, found.start()) or in_a_comment(expr, found.start()) or value == 0 or truth:
            continue
        for factor in (10, 0.1):
            scaled = expr[:found.start()] + f"{value * factor:g}" + expr[found.end():]
            yield f"scale {found[1]} by {factor:g} in {line_of(expr, found.start())}", changed(scaled)
    for first, last in clauses(expr):
        yield f"drop {' '.join(expr[first:last].split())[:90]}", changed(expr[:first] + expr[last:])
    for found in re.finditer(r"\[(\w+)\]", expr):
        if found[1] not in ("1m",):
            yield f"window {found[1]} to 1s in {line_of(expr, found.start())}", changed(expr[:found.start()] + "[1s]" + expr[found.end():])
    for key in ("for", "keep_firing_for"):
        if found := re.search(rf"^        {key}: \S+\n", rule, re.M):
            yield f"drop {key}", rule[:found.start()] + rule[found.end():]
            scaled = re.sub(r"(\d+)", lambda m: str(int(m[1]) * 2), found[0])
            yield f"double {key}", rule[:found.start()] + scaled + rule[found.end():]


def line_of(expr, position):
    first, last = expr.rfind("\n", 0, position) + 1, expr.find("\n", position)
    return " ".join(expr[first:last if last >= 0 else len(expr)].split())


def users(name):
    """The alert of this name, or those that read the recording of this name themselves: their cases notice soonest."""
    texts = [(each, text[start:end]) for text in map(Path.read_text, SOURCES) for start, end, each in rules(text)]
    return [each for each, text in texts if each.startswith("Msx") and (each == name or name in text)]


def killed(promtool, file, name, text):
    """Whether any case fails with this text in place of the file."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        # As in the repository, for the cases name the rules by a relative path.
        rules_there = Path(directory, "alerts")
        rules_there.mkdir()
        for source in SOURCES:
            shutil.copy(source, rules_there)
        (rules_there / file.name).write_text(text)
        cases = Path(directory) / generate_tests.OUT.relative_to(ROOT)
        shutil.copytree(generate_tests.OUT, cases)
        own = [cases / f"{alert}.yaml" for alert in users(name)] or [cases / "MsxTargetNotPolling.yaml"]
        if not name.startswith("Msx"):
            own.insert(0, cases / "recording.yaml")
        rest = sorted((each for each in cases.iterdir() if each not in own and notices(each, file.stem, name)),
                      key=lambda each: each.stat().st_size)
        for each in own + rest:
            run = subprocess.run([promtool, "test", "rules", each.name], cwd=cases, capture_output=True, text=True,
                                 env={**os.environ, **({"TMPDIR": MEMORY} if MEMORY else {})})
            if run.returncode:
                return True
        return False


def notices(cases, stem, name):
    """Only files that load the changed rule can notice; for an alert, those that ask for it by name."""
    text = cases.read_text()
    return f"/{stem}.yaml" in text[:1000] and (stem == "msx-recording" or f"alertname: {name}\n" in text)


def main():
    options = dict(each.removeprefix("--").split("=") for each in sys.argv[1:] if each.startswith("--"))
    promtool = next((each for each in sys.argv[1:] if not each.startswith("--")), "promtool")
    generate_tests.write()
    work = []
    for file in SOURCES:
        text = file.read_text()
        for start, end, name in rules(text):
            if options.get("only", name) == name:
                work += [(file, name, change, text[:start] + rule + text[end:]) for change, rule in mutants(text[start:end])]
    if not work:
        sys.exit(f"no rule is named {options['only']}")
    file, name = work[0][:2]
    if killed(promtool, file, name, file.read_text()):
        sys.exit(f"the cases of {name} fail before anything is changed: every mutant would seem to be killed")
    faults, survivors = 0, []
    with ThreadPoolExecutor(2) as pool:
        for (_, name, change, _), dead in zip(work, pool.map(lambda each: killed(promtool, each[0], each[1], each[3]), work)):
            if dead:
                continue
            key = f"{name}: {change}"
            survivors.append(key)
            if not any(re.search(pattern, key) for pattern in ALLOWED):
                faults += 1
                print(f"survived: {key}", flush=True)
    if "only" not in options:
        for pattern in ALLOWED:
            if not any(re.search(pattern, key) for key in survivors):
                faults += 1
                print(f"nothing survives any more that {pattern} allows")
    print(f"mutants of the rules: {len(work) - len(survivors)} killed, {len(survivors)} survived")
    print(f"mutation: {len(work) - faults} passed, {faults} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
