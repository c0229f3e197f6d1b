"""Two bundles are equal, byte for byte. What differs is listed, and is a failure unless it is expected to.

    python3 -m tests.release.compare FOLDER OTHER
"""

import sys
from pathlib import Path

# Name of a file in the bundle, as a pattern, and why two builds of one commit may differ in it. The sums differ with it.
MAY_DIFFER = {
    "*-image.tar.gz": "layers and configuration of an image carry the time of the build",
}


def main() -> int:
    one, other = map(Path, sys.argv[1:])
    names = {path.relative_to(folder).as_posix() for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    equal, excused, faults = 0, [], []
    for name in sorted(names - {"SHA256SUMS"}):
        pair = [folder / name for folder in (one, other)]
        missing = [str(path) for path in pair if not path.is_file()]
        if missing:
            faults.append(f"{name} is in one of them only")
            continue
        first, second = (path.read_bytes() for path in pair)
        if first == second:
            equal += 1
            continue
        at = next((i for i, (a, b) in enumerate(zip(first, second)) if a != b), min(len(first), len(second)))
        reason = next((why for pattern, why in MAY_DIFFER.items() if Path(name).match(pattern)), None)
        said = f"{name} differs from byte {at} on ({len(first)} and {len(second)} bytes)"
        (excused if reason else faults).append(f"{said}, expected: {reason}" if reason else said)
    if not excused and (one / "SHA256SUMS").read_bytes() != (other / "SHA256SUMS").read_bytes():
        faults.append("SHA256SUMS differs")
    print(*excused, *faults, f"{equal} files are equal", sep="\n")
    return 1 if faults or equal < 4 else 0


if __name__ == "__main__":
    sys.exit(main())
