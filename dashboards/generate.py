#!/usr/bin/env python3
"""Writes the dashboards, dashboards/*.json, from their source in dashboards/src.

    dashboards/generate.py             writes msx-overview.json, msx-target.json and msx-exporter.json
    dashboards/generate.py --check     says what is not as it would be written, and changes nothing; tests/generate runs
                                       this script with all others
    dashboards/generate.py --catalogue FILE
                                       takes the exporter's words from FILE, written by `msx_exporter catalogue`, and
                                       builds no exporter to ask it

Needs Python 3.9, and without --catalogue what building the exporter needs.
"""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from src import catalogue  # noqa: E402
from src.layout import layout  # noqa: E402


def files():
    """Each file's path with the text that belongs into it."""
    # They read the catalogue as they are loaded.
    from src.exporter import exporter
    from src.overview import overview
    from src.target import target

    for dashboard in (overview(), target(), exporter()):
        text = layout(dashboard) + "\n"
        yield HERE / f"{dashboard['uid']}.json", text


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing, fail where something differs")
    arguments.add_argument("--catalogue", metavar="FILE", help="what `msx_exporter catalogue` printed")
    asked = arguments.parse_args()
    catalogue.file = asked.catalogue
    wanted = dict(files())
    different = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    extra = [path for path in sorted(HERE.glob("*.json")) if path not in wanted]
    for path in different:
        print(f"{path.relative_to(HERE.parent)} {'differs: run tests/generate' if asked.check else 'written'}")
        if not asked.check:
            path.write_text(wanted[path], encoding="utf-8")
    for path in extra:
        print(f"{path.relative_to(HERE.parent)} is written by no page of dashboards/src: remove it")
    return 1 if extra or asked.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
