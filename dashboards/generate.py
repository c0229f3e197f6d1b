#!/usr/bin/env python3
"""Writes the dashboards, dashboards/*.json, from their source in dashboards/src.

    dashboards/generate.py             writes msx-overview.json, msx-target.json and msx-exporter.json
    dashboards/generate.py --check     says what is not as it would be written, and changes nothing
    dashboards/generate.py --catalogue FILE
                                       takes the exporter's words from FILE, written by `msx_exporter catalogue`, and
                                       builds no exporter to ask it

Needs Python 3.9, and without --catalogue what building the exporter needs.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from src import catalogue  # noqa: E402


def files():
    """Each file's path with the text that belongs into it."""
    # They read the catalogue as they are loaded.
    from src.exporter import exporter
    from src.overview import overview
    from src.target import target

    for dashboard in (overview(), target(), exporter()):
        text = json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
        yield HERE / f"{dashboard['uid']}.json", text


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing, fail where something differs")
    arguments.add_argument("--catalogue", metavar="FILE", help="what `msx_exporter catalogue` printed")
    asked = arguments.parse_args()
    catalogue.file = asked.catalogue
    stale = []
    for path, text in files():
        if asked.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        names = ", ".join(str(path.relative_to(HERE.parent)) for path in stale)
        sys.exit(f"{names}: not as dashboards/generate.py writes it; run it and commit the result")


if __name__ == "__main__":
    main()
