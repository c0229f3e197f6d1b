"""Builds the images' programs from exactly what the Dockerfile copies, with the commands that it runs.

Three things differ, to stay cheap: the profile is the one for development instead of --release, the flags reach the
program alone instead of every crate (so that those built already serve), and the compiler is this machine's.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

from tests import ROOT

from . import dockerfile

OUT = ROOT / "tests/.tools/containers"
CONTEXT = OUT / "context"


def lay(files):
    """The files at the same place each time and with their own times, so that cargo builds only what changed."""
    for path in sorted(CONTEXT.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(CONTEXT) not in files:
            path.unlink()
    for name in files:
        source, target = ROOT / name, CONTEXT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.stat().st_mtime_ns != source.stat().st_mtime_ns:
            shutil.copy2(source, target)


def main():
    stages = dockerfile.stages()
    files = dockerfile.copied(stages["sources"])
    lay(files)
    environment = dict(argument.split("=", 1) for argument in stages["sources"].of("ENV"))
    flags = shlex.split(environment["RUSTFLAGS"].strip('"'))
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    # There is no repository in the image's build, either.
    known = {"CARGO_TARGET_DIR": target, "MSX_REVISION": "unknown"}
    for name in ("build-exporter", "build-lab"):
        (run,) = stages[name].of("RUN")
        command = shlex.split(re.search(r"cargo build .*?(?= &&)", run)[0])
        if not {"--locked", "--release", "--target"} <= set(command):
            sys.exit(f"{name}: {' '.join(command)} is locked, for release and for a target")
        program = command[command.index("--bin") + 1]
        if f"/release/{program}" not in run or f"/out/{program}" not in run:
            sys.exit(f"{name}: {program} is what it lays into /out")
        kept = [word for word in command[2:] if word != "--release"]
        place = kept.index("--target")
        del kept[place : place + 2]
        built = ["cargo", "rustc", "--quiet", *kept, "--", *flags]
        subprocess.run(built, cwd=CONTEXT, check=True, env=os.environ | known)
        (OUT / "out").mkdir(exist_ok=True)
        shutil.copy2(f"{target}/debug/{program}", OUT / "out" / program)
        print(f"built from the {len(files)} files of the context: {shlex.join(built)}")


if __name__ == "__main__":
    main()
