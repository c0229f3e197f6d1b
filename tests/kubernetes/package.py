#!/usr/bin/env python3
"""The archive of `helm package` renders the same as the folder, and holds no file that does not belong there."""

import sys
import tarfile
import tempfile
from pathlib import Path

import chart as it


def main():
    with tempfile.TemporaryDirectory() as folder:
        answer = it.helm("package", it.CHART, "--destination", folder)
        archive = Path(folder) / "msx-exporter-0.1.0.tgz"
        if answer.returncode or not archive.exists():
            return f"{answer.stdout} {answer.stderr}"
        for values in it.CASES:
            if it.rendered(archive, values) != it.rendered(it.CHART, values):
                return f"{values.stem}: the archive renders something else"
        with tarfile.open(archive) as packed:
            names = {name.split("/", 1)[1] for name in packed.getnames()}
        files = {str(path.relative_to(it.CHART)) for path in it.CHART.rglob("*") if path.is_file()}
        # What Kubernetes keeps of a release must fit into a Secret of 1 MiB; the archive is most of it.
        if archive.stat().st_size > 500_000:
            return f"the archive has {archive.stat().st_size} bytes"
        return "\n".join(f"{name} is in one of folder and archive only" for name in sorted(names ^ files))


sys.exit(main() or 0)
