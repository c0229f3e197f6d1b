#!/usr/bin/env python3
"""Writes the dashboards, dashboards/*.json, from their source in dashboards/src.

    dashboards/generate.py             writes msx-overview.json, msx-target.json and msx-exporter.json
    dashboards/generate.py --check     says what is not as it would be written, and changes nothing; tests/generate runs
                                       this script with all others

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
    wanted = dict(files())
    different = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    extra = [path for path in sorted(HERE.glob("*.json")) if path not in wanted]
    for path in different:
        print(f"{path.relative_to(HERE.parent)} {'differs: run tests/generate' if check else 'written'}")
        if not check:
            path.write_text(wanted[path], encoding="utf-8")
    for path in extra:
        print(f"{path.relative_to(HERE.parent)} is written by no page of dashboards/src: remove it")
    return 1 if extra or check and different else 0


if __name__ == "__main__":
    sys.exit(main())
