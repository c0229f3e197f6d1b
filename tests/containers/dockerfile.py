"""deploy/docker/Dockerfile: its stages and instructions, and the build context that its .dockerignore leaves."""

import json
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests import ROOT

FILE = ROOT / "deploy/docker/Dockerfile"


@dataclass
class Stage:
    """From one FROM to the next."""

    name: str
    base: str
    steps: list = field(default_factory=list)  # pairs of instruction and argument, in order

    def of(self, instruction):
        return [argument for each, argument in self.steps if each == instruction]

    def last(self, instruction):
        """A command in its exec form, as a list; None where there is none."""
        found = self.of(instruction)
        return json.loads(found[-1]) if found else None

    def health(self):
        """The command of HEALTHCHECK."""
        found = self.of("HEALTHCHECK")
        return json.loads(found[-1].partition("CMD")[2]) if found else None

    def copies(self):
        """Triples of the stage copied from (None: the context), the sources and the destination."""
        for argument in self.of("COPY"):
            words = shlex.split(argument)
            flags = dict(word[2:].split("=") for word in words if word.startswith("--"))
            *sources, target = [word for word in words if not word.startswith("--")]
            yield flags.get("from"), sources, target


def stages():
    text = re.sub(r"^\s*#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        instruction, _, argument = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = argument.partition(" AS ")
            found.append(Stage(name, base))
        elif instruction and found:
            found[-1].steps.append((instruction, argument))
    return {stage.name: stage for stage in found}


def context():
    """The files that git knows, or would, and that the build gets to see; paths below ROOT."""
    rules = [
        line for line in FILE.with_name("Dockerfile.dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({Path(name) for name in names if name and (ROOT / name).is_file() and seen(name, rules)})


def seen(name, rules):
    """The last rule that fits decides. Of patterns only `**` is known here; what needs more is added here."""
    verdict = True
    for rule in rules:
        pattern = rule.lstrip("!").rstrip("/")
        if "*" in pattern and pattern != "**":
            raise ValueError(f".dockerignore: {rule} is not understood")
        if pattern == "**" or name == pattern or name.startswith(f"{pattern}/"):
            verdict = rule.startswith("!")
    return verdict


def copied(stage):
    """The files of the context that a stage copies; a ValueError for a source that is not there."""
    files, there = set(), context()
    for origin, sources, _ in stage.copies():
        for source in sources if origin is None else []:
            hits = {path for path in there if path == Path(source) or Path(source) in path.parents}
            if not hits:
                raise ValueError(f"COPY {source}: the context holds no such thing")
            files |= hits
    return files
