"""The exporter's own words for causes, port states, checks and classes of errors."""

import functools
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What `msx_exporter catalogue` printed, where generate.py was given such a file.
file = None


@functools.cache
def catalogue():
    """The catalogue of the file, else of the exporter in this repository."""
    if file:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    if not (ROOT / "tests/lib/catalogue.py").exists():
        raise SystemExit("outside of the repository, say --catalogue FILE, written by `msx_exporter catalogue`")
    sys.path.insert(0, str(ROOT))
    from tests.lib.catalogue import catalogue as of_the_exporter

    return of_the_exporter()
