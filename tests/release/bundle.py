"""A bundle is complete and works: sums, archives, the program of the tarball, and the documents that it brings.

    python3 -m tests.release.bundle FOLDER REVISION
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests import ROOT

faults: list[str] = []


def expect(true: object, words: str) -> None:
    if not true:
        faults.append(words)


def sums(bundle: Path) -> None:
    listed = dict(reversed(line.split("  ")) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in bundle.iterdir() if path.name != "SHA256SUMS"}
    expect(listed == there, f"SHA256SUMS does not fit: {sorted(set(listed.items()) ^ set(there.items()))}")


def contents(bundle: Path) -> None:
    text = (bundle / "CONTENTS").read_text()
    named = set(re.findall(r"^(\S+): ", text.partition("\nNot here:")[0], re.MULTILINE))
    there = {path.name for path in bundle.iterdir()} - {"SHA256SUMS", "CONTENTS"}
    expect(named == there, f"CONTENTS names {sorted(named)}, and there is {sorted(there)}")
    for part, ending in (("windows", ".msi"), ("docker", "-image.tar.gz"), ("kubernetes", ".tgz")):
        made = any(path.name.endswith(ending) for path in bundle.iterdir())
        expect(made or "\nNot here:" in text, f"deploy/{part} left nothing, and CONTENTS does not say why")


def program(bundle: Path, revision: str, scratch: Path) -> None:
    archive = next(bundle.glob("*-linux-amd64.tar.gz"))
    with tarfile.open(archive) as packed:
        modes = {member.name.partition("/")[2]: (member.mode, member.uid, member.gid) for member in packed}
        packed.extractall(scratch, filter="data") if hasattr(tarfile, "data_filter") else packed.extractall(scratch)
    expect(modes["msx_exporter"] == (0o755, 0, 0) and modes["msx_exporter.yml"] == (0o644, 0, 0), f"modes: {modes}")
    folder = next(scratch.glob("msx_exporter-*"))

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run([folder / "msx_exporter", *words], env={}, cwd=folder, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    code, said = run("--version")
    expect(code == 0 and f"revision: {revision[:12]}\n" in said, f"--version answered {code}: {said}")
    (folder / "password").write_text("secret")
    configuration = (folder / "msx_exporter.yml").read_text().replace("/etc/msx_exporter/", f"{folder}/")
    (folder / "sound.yml").write_text(configuration)
    code, said = run("check-config", "--config.file=sound.yml")
    expect(code == 0, f"check-config of the minimal configuration answered {code}: {said}")
    (folder / "example.yml").write_text((folder / "msx_exporter.example.yml").read_text().replace("/run/secrets/msx", f"{folder}/password"))
    code, said = run("check-config", "--config.file=example.yml")
    expect(code == 0, f"check-config of the example answered {code}: {said}")
    (folder / "faulty.yml").write_text(configuration + "no_such_key: 1\n")
    code, _ = run("check-config", "--config.file=faulty.yml")
    expect(code == 64, f"check-config of a faulty file answered {code}")
    expect("tokio" in (folder / "third-party-notices.txt").read_text(), "notices of the libraries are missing")

    text = (folder / "msx_exporter").read_bytes()
    for place in (str(ROOT), str(Path.home()) + "/.cargo", ".rustup"):
        expect(place.encode() not in text, f"the program names a folder of the machine that built it: {place}")


def operations(bundle: Path, scratch: Path) -> None:
    with tarfile.open(next(bundle.glob("*-operations.tar.gz"))) as packed:
        packed.extractall(scratch)
    folder = next(scratch.glob("*-operations"))
    for name in ("README.md", "RELEASING.md", "dashboards/msx-overview.json", "alerts/msx-targets.yaml", "alerts/runbooks/MsxTargetNotPolling.md", "exporter/METRICS.md", "deploy/linux/README.md"):
        expect((folder / name).is_file(), f"{name} is not in the operations archive")
    links(folder)
    loaded(folder)
    for kind in ("sql", "docker", "prometheus", "grafana"):
        expect((folder / "deploy" / kind).is_dir() == (ROOT / "deploy" / kind).is_dir(), f"deploy/{kind} is not in it")


def links(folder: Path) -> None:
    """Every link between documents leads to something in the archive: its reader has nothing else."""
    followed = 0
    for page in folder.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not re.match(r"\w+:", target):
                followed += 1
                expect((page.parent / target).exists(), f"{page.relative_to(folder)} leads to {target}, which is not in the bundle")
    expect(followed > 100, f"only {followed} links were followed")


def loaded(folder: Path) -> None:
    """Prometheus takes the rules and the examples as they lie there, and every dashboard is one."""
    rules = sorted(folder.glob("alerts/msx-*.yaml"))
    examples = [path for path in folder.glob("deploy/prometheus/*.yml") if "scrape_configs" in path.read_text()]
    expect(rules and examples, f"{len(rules)} files of rules and {len(examples)} examples were found")
    for words in (["rules", *rules], *(["config", "--syntax-only", path] for path in examples)):
        said = subprocess.run(["promtool", "check", *words], cwd=folder, capture_output=True, text=True)
        expect(said.returncode == 0, f"promtool check {words[0]}: {said.stdout}{said.stderr}")
    for path in folder.glob("dashboards/*.json"):
        page = json.loads(path.read_text())
        expect(page["uid"] and page["panels"], f"{path.name} is no dashboard")


def chart(bundle: Path) -> None:
    for archive in bundle.glob("msx-exporter-*.tgz"):
        with tarfile.open(archive) as packed:
            names = {member.name.partition("/")[2] for member in packed if member.isfile()}
        pages = {f"files/dashboards/{path.name}" for path in (ROOT / "dashboards").glob("*.json")}
        missing = {"Chart.yaml", "files/rules/prometheusrule.yaml", *pages} - names
        expect(not missing, f"{archive.name} lacks {sorted(missing)}")


def windows(bundle: Path) -> None:
    for archive in bundle.glob("*-windows-amd64.zip"):
        with zipfile.ZipFile(archive) as packed:
            expect(packed.testzip() is None, "the zip is damaged")
            names = [name.partition("/")[2] for name in packed.namelist()]
            exe = next(name for name in packed.namelist() if name.endswith(".exe"))
            expect(packed.read(exe)[:2] == b"MZ" and "third-party-notices.txt" in names, f"the zip holds {names}")


def main() -> int:
    bundle, revision = Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as scratch:
        sums(bundle)
        contents(bundle)
        program(bundle, revision, Path(scratch, "program"))
        operations(bundle, Path(scratch, "operations"))
        chart(bundle)
        windows(bundle)
    print(*faults or ["sums, contents, program and documents are as they should be"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
