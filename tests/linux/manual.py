"""The manual page names every command and flag that the program has, and no other flag.

    python3 -m tests.linux.manual PROGRAM [PAGE]
"""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "deploy/linux/msx_exporter.1"


def help_of(program: str, *command: str) -> str:
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True).stdout


def main() -> int:
    program = sys.argv[1]
    top = help_of(program)
    commands = set(re.findall(r"^  ([a-z-]+)  ", top, re.MULTILINE))
    helps = [top, *(help_of(program, command) for command in sorted(commands))]
    flags = {flag for text in helps for flag in re.findall(r"^\s+(?:-\w, )?(--[a-z.-]+)", text, re.MULTILINE)}
    page = Path(sys.argv[2] if len(sys.argv) > 2 else PAGE).read_text().replace("\\-", "-")
    # What stands at the head of an entry.
    named = {flag for line in page.splitlines() if re.match(r"\.(B|BI|BR) ", line) for flag in re.findall(r"--[a-z.-]+", line)}
    entries = set(re.findall(r"^\.B ([a-z-]+)$", page, re.MULTILINE))
    faults = [f"{flag} is not in the manual" for flag in sorted(flags - named)]
    faults += [f"the manual names {flag}, which is no flag" for flag in sorted(named - flags)]
    faults += [f"the command {command} is not in the manual" for command in sorted(commands - entries)]
    print(*faults or [f"{len(commands)} commands, {len(flags)} flags"], sep="\n")
    return 1 if faults or not commands or len(flags) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
