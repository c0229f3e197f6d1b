"""Which exporter, lab and demo the tests run: those in the folder that MSX_BINARIES names, else those of this source,
which cargo builds. Nothing else decides it.

    python3 -m tests.lib.programs msx_exporter lab      prints their folder
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT

PACKAGES = {"msx_exporter": "msx-exporter", "lab": "msx-lab", "demo": "msx-lab"}


class ProgramError(SystemExit):
    """A program cannot be had. Ends the caller with the sentence where nothing catches it."""


@functools.cache
def program(name):
    """The path of a program, built where MSX_BINARIES names no folder."""
    if folder := os.environ.get("MSX_BINARIES"):
        path = Path(folder).resolve() / name
        if not path.is_file():
            raise ProgramError(f"MSX_BINARIES names {folder}, which holds no {name}; without that variable cargo builds it")
        return path
    build = ["cargo", "build", "--quiet", "--locked", "--package", PACKAGES[name], "--bin", name]
    try:
        built = subprocess.run(build, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise ProgramError(f"cargo cannot be run ({error}); MSX_BINARIES names a folder with a built {name}") from None
    if built.returncode:
        raise ProgramError(f"{' '.join(build)} failed, see above; MSX_BINARIES names a folder with a built {name}")
    return Path(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug", name)


def main():
    folders = {program(name).parent for name in sys.argv[1:]}
    print(*folders)
    return 0 if len(folders) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
