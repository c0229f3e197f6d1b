"""What the documents say about the repository is true of it.

- Every relative link in a Markdown file leads to a file that is there, and to a heading of it.
- Every path of this repository in a block of commands, or alone in `code`, is there.
- `tests/run STAGE` names a stage, `msx_exporter COMMAND --flag` a command and a flag that it takes.
- What README.md lists under "Not there yet" is not there: commands, paths of the server, files. Until then other pages
  may speak of those commands.
- Names of metrics, alerts, keys, variables, flags and causes exist, and figures are those of their source: claims.py.
- The tests' Python is one package: no file of it changes where Python looks for modules.
- No word stands anywhere which the project does not use: BANNED.
- No file names the host of a package registry or a folder of a build machine: both mean nothing to the reader.

Needs Python 3, git and the exporter, which says what commands, flags and paths it has: tests/stages/words.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests import ROOT
from tests.lib import claims
from tests.lib.catalogue import catalogue, flags
from tests.lib.stages import read_stages

SHELLS = {"sh", "bash", "console", "shell", "powershell"}
# Written apart, so that this file does not name them either. cargo writes its registry into Cargo.lock by itself.
HOSTS = ["crates" + ".io", "npmjs" + ".org", "npmjs" + ".com", "pypi" + ".org", "pythonhosted" + ".org", "proxy.golang" + ".org"]
FOLDERS = re.compile(r"(?<![\w.~-])/(?:home/\w+|root|Users/\w+|work/\w+|tmp/(?!msx)\w+)/")
EXEMPT = {"Cargo.lock"}
# Old or private words, and what to say instead. The files below these paths are clean of them and stay so.
BANNED = {
    "nobody": "no one, nothing, no caller", "whoever": "the caller, the user", "told": "reported, asked", "anew": "again",
    "beside": "next to", "whole": "complete, all of", "dear": "expensive", "mend": "repair, fix", "mends": "repairs", "mended": "repaired",
}
UNREAD = ["LICENSE", "tests/lab", "tests/suites/master", "tests/lib/words.py"]
# Names of hosts and services in tests.
NAMED = re.compile(r"NOBODY|--service\.name=nobody|\"nobody\"|owned by nobody")

faults: list[str] = []
promised: set[str] = set()
checked = {"files": 0, "links": 0, "paths": 0, "commands": 0}


def complain(path: Path, line: int, text: str) -> None:
    faults.append(f"{path.relative_to(ROOT)}:{line}: {text}")


def tracked() -> list[Path]:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def headings(path: Path) -> set[str]:
    """Anchors as GitHub makes them: lower case, punctuation gone, spaces as dashes, repetitions numbered."""
    anchors: dict[str, int] = {}
    found, fenced = set(), False
    for line in path.read_text().splitlines():
        fenced ^= line.lstrip().startswith("```")
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if heading and not fenced:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found.add(f"{slug}-{anchors[slug]}" if slug in anchors else slug)
            anchors[slug] = anchors.get(slug, 0) + 1
    return found


def link(path: Path, number: int, target: str) -> None:
    if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
        return
    checked["links"] += 1
    name, _, anchor = target.partition("#")
    file = (path.parent / name) if name else path
    if not file.exists():
        complain(path, number, f"the link {target} leads nowhere")
    elif anchor and file.suffix == ".md" and anchor not in headings(file):
        complain(path, number, f"{name or 'this file'} has no heading #{anchor}")


def paths(path: Path, number: int, text: str, tops: set[str]) -> None:
    for token in re.findall(r"[\w.*/-]+", text):
        token = token.rstrip(".")
        top, slash, rest = token.partition("/")
        if not slash or top not in tops:
            continue
        checked["paths"] += 1
        there = any(list(base.glob(token.rstrip("/"))) for base in (ROOT, path.parent))
        if not there and token not in promised and subprocess.run(["git", "check-ignore", "-q", f"{token}/"], cwd=ROOT).returncode:
            complain(path, number, f"{token} is not there")


def commands(path: Path, number: int, text: str, stages: set[str], calls: set[str]) -> None:
    for said in re.finditer(r"(?:^|[\s/])(tests/run|msx_exporter)((?: +[^\s#|&;]+)+)", text):
        checked["commands"] += 1
        program, words = said[1], said[2].split()
        if program == "tests/run":
            for word in words:
                if word not in stages and not re.fullmatch(r"[A-Z]+", word):
                    complain(path, number, f"tests/run knows no {word}")
            continue
        call = next((word for word in words if not word.startswith("-")), None)
        if call in promised:
            continue
        if words[0] == call and call not in calls and re.fullmatch(r"[a-z-]+", call):
            complain(path, number, f"msx_exporter has no command {call}")
        command: tuple[str, ...] = ()
        for word in words:
            if any(known["path"] == [*command, word] for known in catalogue()["commands"]):
                command = (*command, word)
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag[2:] not in flags(command):
                complain(path, number, f"{' '.join(('msx_exporter', *command))} has no flag {flag}")


def markdown(path: Path, tops: set[str], *known: set[str]) -> None:
    language = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for fault in claims.names(path, number, line):
            complain(*fault)
        fence = re.match(r"\s*```(\S*)", line)
        if fence:
            language = None if language is not None else fence[1]
            continue
        if language is not None:
            if language in SHELLS:
                code = re.sub(r"(^|\s)#.*", "", line)
                paths(path, number, code, tops)
                commands(path, number, code, *known)
            continue
        for code in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"[\w.*/-]+", code):
                paths(path, number, code, tops)
            commands(path, number, code, *known)
        prose = re.sub(r"`[^`]*`", "``", line)
        for target in re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", prose):
            link(path, number, target)
        for target in re.findall(r"^\[[^\]]+\]:\s+(\S+)", prose):
            link(path, number, target)


def promises(calls: set[str]) -> None:
    """What the README says is not there yet must not be there, or the README is out of date."""
    readme = ROOT / "README.md"
    section = re.search(r"^## Not there yet$(.*?)(?=^## |\Z)", readme.read_text(), re.MULTILINE | re.DOTALL)
    promised.update(re.findall(r"`([^`]+)`", section[1]) if section else [])
    served = {path["path"] for path in catalogue()["paths"]}
    for word in sorted(promised):
        if word in calls or word in served or (re.match(r"[\w.]+/", word) and (ROOT / word).exists()):
            complain(readme, 1, f"{word} is said not to be there yet, and it is")


def strangers(path: Path) -> None:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    checked["files"] += 1
    for number, line in enumerate(text.splitlines(), 1):
        for host in HOSTS:
            if host in line:
                complain(path, number, f"names the registry {host}")
        for folder in FOLDERS.findall(line):
            complain(path, number, f"names a folder of a build machine: {folder}")


def below(path: Path, tops: list[str]) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return any(name == top or name.startswith((f"{top}/", f"{top}.")) for top in tops)


def package(path: Path) -> None:
    if path.suffix == ".py" and below(path, ["tests"]) and path != Path(__file__):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "sys.path" in line:
                complain(path, number, "changes sys.path: the tests are one package, run from the root by python3 -m")


def banned(path: Path) -> None:
    """The words that the project does not use."""
    if below(path, UNREAD) or path.suffix in {".snap", ".json", ".png"}:
        return
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        for word in re.findall(rf"(?<![A-Za-z])({'|'.join(BANNED)})(?![A-Za-z])", NAMED.sub("", line), re.IGNORECASE):
            complain(path, number, f"`{word}` is no word of this project: {BANNED[word.lower()]}")


def main() -> int:
    files = tracked()
    tops = {name.relative_to(ROOT).parts[0] for name in files if len(name.relative_to(ROOT).parts) > 1}
    stages = {stage.name for stage in read_stages()} | {"--all", "--list"}
    calls = {command["path"][0] for command in catalogue()["commands"] if command["path"]}
    promises(calls)
    for path in files:
        if str(path.relative_to(ROOT)) not in EXEMPT:
            strangers(path)
        banned(path)
        package(path)
        if path.suffix == ".md":
            markdown(path, tops, stages, calls)
    for fault in claims.figures({path: path.read_text() for path in files if path.suffix == ".md"}):
        complain(*fault)
    for fault in faults:
        print(fault)
    print(", ".join(f"{count} {what}" for what, count in checked.items()) + f": {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
