"""What can be said of the images, the compose file and Grafana's provisioning without running them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests import ROOT

from . import compose, dockerfile

faults = []


def expect(truth, words):
    if not truth:
        faults.append(words)


def images():
    program = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([str(program), str(dockerfile.FILE)], capture_output=True, text=True)
    expect(said.returncode == 0, f"hadolint: {said.stdout}{said.stderr}")
    stages = dockerfile.stages()
    expect(list(stages)[-1] == "exporter", "a build without --target gives the exporter")
    for name in ("exporter", "lab"):
        stage = stages[name]
        expect(stage.base == "scratch", f"{name}: starts from nothing")
        expect(
            re.fullmatch(r"[1-9]\d*:[1-9]\d*", (stage.of("USER") or [""])[-1]),
            f"{name}: its user is a number, and not root",
        )
        expect(not stage.of("RUN"), f"{name}: there is no shell to run anything")
        expect(stage.last("ENTRYPOINT") and stage.health(), f"{name}: an entry point and a health check in exec form")
        labels = " ".join(stage.of("LABEL"))
        expect(all(f"image.{word}=" in labels for word in ("title", "description", "licenses")), f"{name}: labels")
        there = {target for _, _, target in stage.copies()}
        for program in (stage.last("ENTRYPOINT")[0], stage.health()[0]):
            expect(program in there, f"{name}: {program} is copied")
    expect(stages["exporter"].of("EXPOSE") == ["9814"], "exporter: EXPOSE 9814")
    for stage in stages.values():
        for origin, _, _ in stage.copies():
            expect(origin is None or origin in stages, f"{stage.name}: copies from {origin}, which is no stage")
        try:
            dockerfile.copied(stage)
        except ValueError as error:
            faults.append(str(error))
    wanted = re.search(r"^ARG RUST_VERSION=(.*)$", dockerfile.FILE.read_text(), re.MULTILINE)[1]
    stated = re.search(r'^rust-version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    expect(wanted.startswith(stated), f"Rust {wanted} builds the image, and Cargo.toml says {stated}")
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    expect(f"VERSION={version}" in stages["exporter"].of("ARG"), f"exporter: the version is {version}")


def services():
    model = compose.load()
    expect(set(model["services"]) == {"lab", "exporter", "prometheus", "alertmanager", "grafana"}, "five services")
    stages = dockerfile.stages()
    for name, service in model["services"].items():
        expect(service.get("read_only"), f"{name}: read_only")
        expect(service.get("cap_drop") == ["ALL"], f"{name}: cap_drop")
        expect("no-new-privileges:true" in service.get("security_opt", []), f"{name}: no-new-privileges")
        expect(
            not service.get("privileged") and not service.get("network_mode"),
            f"{name}: no privileges, no host's network",
        )
        expect(re.search(r":v?\d+\.\d+\.\d+$", service["image"]), f"{name}: {service['image']} is pinned")
        expect(
            all(port.get("host_ip") == "127.0.0.1" for port in service.get("ports", [])),
            f"{name}: published on loopback",
        )
        target = service.get("build", {}).get("target")
        expect(service.get("healthcheck") or target and stages[target].health(), f"{name}: a health check")
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                expect(Path(mount["source"]).exists(), f"{name}: {mount['source']} is there")
                expect(mount.get("read_only"), f"{name}: {mount['target']} is mounted read-only")
        for other, how in service.get("depends_on", {}).items():
            expect(how["condition"] == "service_healthy", f"{name}: waits until {other} is healthy")
    for name, secret in model["secrets"].items():
        path = Path(secret["file"])
        # The container's user is not the owner.
        expect(path.is_file() and path.stat().st_mode & 0o004, f"secret {name}: {path} is there and can be read")
    real = compose.load(MSX_ADDRESS="msx01.corp.example", MSX_USER="reader")
    expect("lab" not in real["services"], "with MSX_ADDRESS there is no lab")
    environment = real["services"]["exporter"]["environment"]
    expect(environment["MSX_EXPORTER__MASTER__ADDRESS"] == "msx01.corp.example", "MSX_ADDRESS reaches the exporter")
    expect(environment["MSX_EXPORTER__MASTER__USER"] == "reader", "MSX_USER reaches the exporter")
    expect(
        real["secrets"]["msx_password"]["file"] != model["secrets"]["msx_password"]["file"], "not the lab's password"
    )
    config = real["services"]["exporter"]["volumes"][0]["source"]
    expect(config.endswith("exporter.master.yml") and Path(config).is_file(), "not the lab's configuration")


def configurations():
    folder = compose.FOLDER
    for check in (
        ["promtool", "check", "config", "--syntax-only", "prometheus.yml"],
        ["amtool", "check-config", "alertmanager.yml"],
    ):
        said = subprocess.run([shutil.which(check[0]), *check[1:]], cwd=folder, capture_output=True, text=True)
        expect(said.returncode == 0, f"{' '.join(check)}: {said.stdout}{said.stderr}")
    ours = yaml.safe_load((folder / "alertmanager.yml").read_text())["inhibit_rules"]
    shipped = yaml.safe_load((ROOT / "alerts/alertmanager/inhibition.yaml").read_text())["inhibit_rules"]
    expect(ours == shipped, "alertmanager.yml inhibits otherwise than alerts/alertmanager/inhibition.yaml")


# The keys that Grafana's documentation gives for these files.
DATASOURCE = {
    "name",
    "uid",
    "type",
    "access",
    "orgId",
    "url",
    "isDefault",
    "editable",
    "jsonData",
    "secureJsonData",
    "version",
}
PROVIDER = {
    "name",
    "orgId",
    "type",
    "folder",
    "folderUid",
    "disableDeletion",
    "allowUiUpdates",
    "updateIntervalSeconds",
    "options",
}


def provisioning():
    folder = ROOT / "deploy/grafana/provisioning"
    grafana = compose.load()["services"]["grafana"]
    mounts = {Path(mount["target"]): Path(mount["source"]) for mount in grafana["volumes"] if mount["type"] == "bind"}
    expect(mounts.get(Path("/etc/grafana/provisioning")) == folder, "compose mounts the provisioning")
    asked = set()
    kinds = {}
    for path in sorted(folder.glob("*/*.yaml")):
        document = yaml.safe_load(path.read_text())
        expect(document.pop("apiVersion", None) == 1, f"{path.name}: apiVersion 1")
        asked |= set(re.findall(r"\$\{(\w+)\}", path.read_text()))
        kinds.setdefault(path.parent.name, []).append(document)
    for variable in asked:
        expect(variable in grafana["environment"], f"compose gives Grafana {variable}")
    sources = [each for document in kinds["datasources"] for each in document["datasources"]]
    expect(all(set(each) <= DATASOURCE for each in sources), "datasources: keys that Grafana knows")
    uids = {each["uid"]: each["type"] for each in sources}
    expect(uids == {"prometheus": "prometheus", "alertmanager": "alertmanager"}, f"datasources: {uids}")
    expect(sum(each.get("isDefault", False) for each in sources) == 1, "datasources: one default")
    wanted = set(re.findall(r"datasourceUid: (\w+)", (ROOT / "alerts/grafana/msx-alerts.yaml").read_text())) - {
        "__expr__"
    }
    expect(wanted <= set(uids), f"alerts/grafana asks {wanted}")
    (provider,) = [each for document in kinds["dashboards"] for each in document["providers"]]
    expect(set(provider) <= PROVIDER and provider["type"] == "file", "dashboards: keys that Grafana knows")
    expect(
        provider["allowUiUpdates"] is False and provider["disableDeletion"] is False, "dashboards: files are the source"
    )
    expect(
        provider["options"]["foldersFromFilesStructure"] and "folder" not in provider, "dashboards: folders are files'"
    )
    base = Path(grafana["environment"][re.fullmatch(r"\$\{(\w+)\}", provider["options"]["path"])[1]])
    shown = [source for target, source in mounts.items() if base in target.parents]
    expect(shown == [ROOT / "dashboards"], f"dashboards: {base} holds a folder with the JSON files")
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    expect((mounts.get(home.parent, Path()) / home.name).is_file(), "dashboards: the home page is one of them")


for check in (images, services, configurations, provisioning):
    check()
for fault in faults:
    print(f"wrong: {fault}")
print(f"images, compose file, configurations and provisioning: {len(faults)} faults")
if __name__ == "__main__":
    sys.exit(bool(faults))
