"""The exporter's own words for causes, port states, checks and classes of errors."""

import functools
import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What `msx_exporter catalogue` printed, where generate.py was given such a file.
file = None


@functools.cache
def catalogue():
    """The catalogue of the file, else of the exporter in this repository."""
    if file:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    source = ROOT / "tests/lib/catalogue.py"
    if not source.exists():
        raise SystemExit("outside of the repository, say --catalogue FILE, written by `msx_exporter catalogue`")
    spec = importlib.util.spec_from_file_location("exporter_catalogue", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.catalogue()
