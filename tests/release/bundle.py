"""A bundle is complete and works: sums, contents, programs, rules, dashboards, documents, and a machine that has nothing
else (alone.py). Every file of it, in archives too, is used by one of these; one that is not is a fault.

    python3 -m tests.release.bundle FOLDER LAB [REVISION]       the revision that its programs name; this checkout's else

Needs root for the machine, tests/requirements.txt, and what tests/release/try installs.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests import ROOT
from tests.scripts import powershell

from . import alone
from .held import Bundle

faults: list[str] = []


def expect(true: object, words: str) -> None:
    if not true:
        faults.append(words)


def run(*words: object, folder: Path | None = None) -> tuple[int, str]:
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    return done.returncode, done.stdout + done.stderr


def answers(*words: object, folder: Path | None = None, code: int = 0) -> str:
    found, text = run(*words, folder=folder)
    expect(found == code, f"{' '.join(map(str, words))} ended with {found}: {text[-2000:]}")
    return text


def contents(bundle: Bundle) -> None:
    text = (bundle.folder / "CONTENTS").read_text()
    named = set(re.findall(r"^(\S+): ", text.partition("\nNot here:")[0], re.MULTILINE))
    there = {path.name for path in bundle.folder.iterdir()} - {"SHA256SUMS", "CONTENTS"}
    expect(named == there, f"CONTENTS names {sorted(named)}, and there is {sorted(there)}")
    for part, ending in (("windows", ".msi"), ("docker", "-image.tar.gz"), ("kubernetes", ".tgz")):
        expect(bundle.archive(ending) or "\nNot here:" in text, f"deploy/{part} left nothing, and CONTENTS does not say why")
    bundle.use(bundle.folder / "CONTENTS")


def program(bundle: Bundle, revision: str) -> Path:
    folder = bundle.inside("-linux-amd64.tar.gz")
    exporter = folder / "msx_exporter"
    expect(f"revision: {revision[:12]}\n" in answers(exporter, "--version"), "--version names another revision")
    answers(sys.executable, "-m", "tests.linux.manual", exporter, folder / "msx_exporter.1", folder=ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "c.yml")
        Path(scratch, "password").write_text("secret")
        for name, place, more, code in (
            ("msx_exporter.yml", "/etc/msx_exporter/", "", 0),
            ("msx_exporter.example.yml", "/run/secrets/", "", 0),
            ("msx_exporter.yml", "/etc/msx_exporter/", "no_such_key: 1\n", 64),
        ):
            text = (folder / name).read_text().replace("/run/secrets/msx", "/run/secrets/password").replace(place, f"{scratch}/")
            written.write_text(text + more)
            answers(exporter, "check-config", f"--config.file={written}", code=code)
    text = exporter.read_bytes()
    for place in (str(ROOT), str(Path.home()) + "/.cargo", ".rustup"):
        expect(place.encode() not in text, f"the program names a folder of the machine that built it: {place}")
    bundle.use(*(folder / name for name in ("msx_exporter", "msx_exporter.1", "msx_exporter.yml", "msx_exporter.example.yml")))
    return exporter


def c_library(exporter: Path, document: Path) -> None:
    """The version of the C library that the document asks for is the one that the program does."""
    needed = re.findall(r"GLIBC_([\d.]+)", answers("objdump", "--dynamic-syms", exporter))
    newest = max(needed, key=lambda version: [int(part) for part in version.split(".")], default="none")
    stated = re.search(r"the C library, version (\S+) or later", document.read_text())
    expect(stated and stated[1] == newest, f"{document.name} asks for another version of the C library than {newest}")


def materials(bundle: Bundle) -> None:
    """Every library whose notices are passed on is in the bill of materials; that has what only builds the program, too."""
    for bill in bundle.folder.glob("*.cdx.json"):
        notices = bundle.inside(bill.name.replace(".cdx.json", ".tar.gz")) or bundle.inside(bill.name.replace(".cdx.json", ".zip"))
        listed = (notices / "third-party-notices.txt").read_text().partition("\n---")[0]
        named = set(re.findall(r"^(\S+ \d\S+): ", listed, re.MULTILINE))
        parts = {f"{part['name']} {part['version']}" for part in json.loads(bill.read_text())["components"]}
        expect(len(named) > 100 and named <= parts, f"{bill.name} lacks {sorted(named - parts)} of {len(named)} libraries")
        bundle.use(bill, notices / "third-party-notices.txt")


def scripts(bundle: Bundle, exporter: Path) -> None:
    """What deploy/sql holds is what the program prints, and the PowerShell scripts parse."""
    folder = bundle.inside("-operations.tar.gz")
    found = sorted(folder.glob("deploy/sql/*-*/*.sql"))
    for path in found:
        verb, kind = path.stem.split("-", 1)
        words = [f"--server.version={path.parent.name[:4]}", f"--login.kind={kind}", *(["--revoke"] if verb == "revoke" else [])]
        expect(answers(exporter, "grants", *words) == path.read_text(), f"{path.name} is not what the program prints")
    shells = sorted(folder.glob("deploy/windows/*.ps1"))
    for path in shells:
        faults.extend(f"{path.name}: {fault}" for fault in powershell.check(path.name, path.read_text()))
    expect(found and shells, "there are no scripts")
    bundle.use(*found, *shells)


def rules(bundle: Bundle) -> None:
    folder = bundle.inside("-operations.tar.gz")
    alerts = folder / "alerts"
    answers(sys.executable, "alerts/generate.py", "--check", folder=folder)
    answers("amtool", "check-config", alerts / "alertmanager/alertmanager.yml", folder / "deploy/docker/alertmanager.yml")
    inhibition = yaml.safe_load((alerts / "alertmanager/inhibition.yaml").read_text())["inhibit_rules"]
    shipped = yaml.safe_load((folder / "deploy/docker/alertmanager.yml").read_text())["inhibit_rules"]
    expect(inhibition and inhibition == shipped, "the inhibition of the compose file is another one")
    with tempfile.TemporaryDirectory() as scratch:
        spec = yaml.safe_load((alerts / "kubernetes/prometheusrule.yaml").read_text())["spec"]
        Path(scratch, "rules.yml").write_text(yaml.safe_dump(spec))
        answers("promtool", "check", "rules", Path(scratch, "rules.yml"))
    sources = yaml.safe_load((folder / "deploy/grafana/provisioning/datasources/msx.yaml").read_text())["datasources"]
    managed = (alerts / "grafana/msx-alerts.yaml").read_text()
    asked = set(re.findall(r"datasourceUid: (\w+)", managed)) - {"__expr__"}
    expect(asked and asked <= {source["uid"] for source in sources}, f"the rules for Grafana ask {asked}")
    bundle.use(alerts / "generate.py", alerts / "thresholds.yaml", alerts / "kubernetes", alerts / "grafana", alerts / "alertmanager")
    if jsonnet := os.environ.get("JSONNET"):
        text = answers(jsonnet, "-e", "(import 'mixin.libsonnet').prometheusAlerts", folder=folder)
        expect(len(json.loads(text)["groups"]) > 3, "the mixin renders no alerts")
        bundle.use(folder / "mixin.libsonnet")


def services(bundle: Bundle) -> None:
    """What the compose file mounts is there, and so is what Grafana is provisioned with."""
    folder = bundle.inside("-operations.tar.gz")
    place = folder / "deploy/docker"
    mounts = re.findall(r"^ +- (\.[\w./]+)[:$]", (place / "compose.yaml").read_text(), re.MULTILINE)
    expect(len(mounts) > 4, f"compose.yaml mounts {mounts}")
    for mount in mounts:
        expect((place / mount).exists(), f"compose.yaml mounts {mount}, which is not in the bundle")
    answers("promtool", "check", "config", "--syntax-only", place / "prometheus.yml")
    provider = yaml.safe_load((folder / "deploy/grafana/provisioning/dashboards/msx.yaml").read_text())["providers"][0]
    expect(provider["type"] == "file" and provider["options"]["path"], "Grafana is provisioned with no dashboards")
    bundle.use(place, folder / "deploy/grafana/provisioning")


def documents(bundle: Bundle) -> None:
    """Every link of every document leads to something in its archive: its reader has nothing else."""
    followed = 0
    for name, page in bundle.files.items():
        if page.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not re.match(r"\w+:", target):
                followed += 1
                place = (page.parent / target).resolve()
                inside = any(place == file or place in file.parents for file in bundle.files.values())
                expect(inside, f"{name} leads to {target}, which is not in the bundle")
                if place.is_file():
                    bundle.use(place)
        bundle.use(page)
    expect(followed > 150, f"only {followed} links were followed")


def chart(bundle: Bundle) -> None:
    helm, archive = os.environ.get("HELM"), bundle.archive(".tgz")
    if not archive or not helm:
        return
    values = ["--set=masters[0].name=msx01,masters[0].address=msx01,login.existingSecret=msx-login"]
    values += [f"--set={key}.enabled=true" for key in ("prometheusRule", "dashboards")]
    answers(helm, "lint", "--strict", archive, *values)
    text = answers(helm, "template", "msx", archive, *values)
    for kind in ("Deployment", "PrometheusRule", "ConfigMap"):
        expect(f"kind: {kind}\n" in text, f"the chart renders no {kind}")
    bundle.use(bundle.inside(".tgz"))


def windows(bundle: Bundle) -> None:
    """The MSI brings the program of the zip, which tests/release/try starts and installs."""
    zipped, installed = bundle.inside("-windows-amd64.zip"), bundle.inside(".msi")
    if not zipped:
        return
    programs = [path for path in installed.rglob("*.exe")]
    exe = zipped / "msx_exporter.exe"
    expect(exe.read_bytes()[:2] == b"MZ", "the program for Windows is none")
    expect([path.read_bytes() for path in programs] == [exe.read_bytes()], f"the MSI brings {programs}, and not the program of the zip")
    bundle.use(exe)


def main() -> int:
    folder, lab, *more = sys.argv[1:]
    revision = more[0] if more else subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Bundle(folder, scratch)
        contents(bundle)
        exporter = program(bundle, revision)
        c_library(exporter, bundle.inside("-linux-amd64.tar.gz") / "README.md")
        for look in (materials, rules, services, documents, chart, windows):
            look(bundle)
        scripts(bundle, exporter)
        faults.extend(alone.tried(bundle, lab))
        # What failed may have come before it used its files.
        faults.extend(f"{name} is used by nothing" for name in ([] if faults else bundle.unused()))
        print(*faults or [f"all {len(bundle.files)} files of the bundle are as they should be"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
