#!/usr/bin/env python3
"""Writes the dashboards, dashboards/*.json, from their source in dashboards/src.

    dashboards/generate.py             writes msx-overview.json, msx-target.json and msx-exporter.json
    dashboards/generate.py --check     says what is not as it would be written, and changes nothing

Needs Python 3.9 and nothing else.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from src.exporter import exporter  # noqa: E402
from src.overview import overview  # noqa: E402
from src.target import target  # noqa: E402


def files():
    """Each file's path with the text that belongs into it."""
    for dashboard in (overview(), target(), exporter()):
        text = json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
        yield HERE / f"{dashboard['uid']}.json", text


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    stale = []
    for path, text in files():
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        names = ", ".join(str(path.relative_to(HERE.parent)) for path in stale)
        sys.exit(f"{names}: not as dashboards/generate.py writes it; run it and commit the result")


if __name__ == "__main__":
    main()
