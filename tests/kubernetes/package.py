"""The archive of `helm package` renders the same as the folder, and holds no file that does not belong there; a copy
of the chart without its symbolic links is refused.
"""

import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from . import chart as it


def packed_files():
    """What belongs into the archive: the chart, and of the folders that it links to the rules and the pages alone."""
    own = (path for path in it.CHART.rglob("*") if path.is_file() and it.CHART / "files" not in path.parents)
    linked = [it.CHART / "files/rules/prometheusrule.yaml", *(it.CHART / "files/dashboards").glob("*.json")]
    return {str(path.relative_to(it.CHART)) for path in [*own, *linked]}


def without_links(folder):
    """A checkout that writes a symbolic link as a text file, as Git for Windows does: helm must say what is missing."""
    chart = Path(folder) / "unlinked"
    shutil.copytree(it.CHART, chart, symlinks=True)
    for link in (chart / "files").iterdir():
        target = str(link.readlink())
        link.unlink()
        link.write_text(target)
    for key, name in (("prometheusRule", "files/rules"), ("dashboards", "files/dashboards")):
        values = Path(folder) / "values.yaml"
        values.write_text(f"{key}: {{ enabled: true }}\n")
        answer = it.template(chart, values)
        if not answer.returncode or f"{name} holds nothing: it is a symbolic link" not in answer.stderr:
            yield f"without {name}, helm answers {answer.returncode}: {answer.stderr.strip()}"


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
        # What Kubernetes keeps of a release must fit into a Secret of 1 MiB; the archive is most of it.
        if archive.stat().st_size > 500_000:
            return f"the archive has {archive.stat().st_size} bytes"
        faults = [f"{name} is in one of folder and archive only" for name in sorted(names ^ packed_files())]
        return "\n".join([*faults, *without_links(folder)])


if __name__ == "__main__":
    sys.exit(main() or 0)
