"""`docker compose up` without containers: the services of the compose file as processes, one by one as depends_on says.

Each gets what the file and the Dockerfile give it and nothing else, by bubblewrap: the programs that its image copies
(for the images of Prometheus and Alertmanager, Debian's programs), the mounts at their places, a root that cannot be
written, no capabilities, the user's number, the environment, the command. This runs in a network namespace of its own,
where a DNS server like Docker's makes the names of the services addresses of the loopback, so that every name and port
stays as written.

    unshare --net --mount python3 -m tests.containers.up

Not here: the images themselves, Docker's own networks, and Grafana. Alerts fire without waiting for their `for`.
MSX_PROMETHEUS and MSX_ALERTMANAGER name other programs than Debian's.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from tests import ROOT
from tests.lib.namespaces import refuse_the_machine
from tests.lib.processes import wait

from . import compose, dockerfile
from .names import PLACE, Names

BUILT = ROOT / "tests/.tools/containers/out"
PATH = "/usr/local/bin:/usr/bin:/bin"
# What the images' stages take from those before them, and what stands for it here.
COPIED = {"/out/msx_exporter": BUILT / "msx_exporter", "/out/lab": BUILT / "lab", "/bin/busybox": Path("/bin/busybox")}
# Images that others make: the entry point, its program on Debian, and the user.
FOREIGN = {
    "prom/prometheus": ("/bin/prometheus", os.environ.get("MSX_PROMETHEUS", "/usr/bin/prometheus"), "65534:65534"),
    "prom/alertmanager": (
        "/bin/alertmanager",
        os.environ.get("MSX_ALERTMANAGER", "/usr/bin/prometheus-alertmanager"),
        "65534:65534",
    ),
}


class Service:
    """One service of the file, ready to run in its sandbox."""

    def __init__(self, name, model, folder, swaps):
        self.name, self.folder = name, folder
        service = model["services"][name]
        stage = dockerfile.stages().get(service.get("build", {}).get("target"))
        self.box = ["bwrap", "--unshare-user", "--unshare-pid", "--cap-drop", "ALL", "--die-with-parent", "--clearenv"]
        self.box += ["--setenv", "PATH", PATH, "--proc", "/proc", "--dev", "/dev"]
        for file in ("hosts", "resolv.conf"):
            self.box += ["--ro-bind", folder / file, f"/etc/{file}"]
        if stage:
            for _, sources, target in stage.copies():
                self.box += ["--ro-bind", COPIED.get(sources[0], Path(sources[0])), target]
            entry, command, health = stage.last("ENTRYPOINT"), stage.last("CMD") or [], stage.health()
            user = stage.of("USER")[-1]
        else:
            place, program, user = FOREIGN[service["image"].rpartition(":")[0]]
            self.box += ["--ro-bind", program, place, "--ro-bind", "/bin/busybox", "/bin/wget"]
            # Debian links them to the C library, and keeps their templates apart.
            self.box += ["--ro-bind", "/usr/lib", "/usr/lib", "--symlink", "usr/lib", "/lib"]
            self.box += ["--ro-bind", "/usr/share/prometheus", "/usr/share/prometheus"]
            self.box += ["--ro-bind-try", "/usr/lib64", "/usr/lib64", "--symlink", "usr/lib64", "/lib64"]
            entry, command, health = [place], [], None
        number, _, group = user.partition(":")
        self.box += ["--uid", number, "--gid", group]
        for mount in service.get("volumes", []):
            source = swaps.get(mount["source"], mount["source"])
            if mount["type"] == "volume":
                source = folder / f"volume-{mount['source']}"
                source.mkdir(exist_ok=True)
            self.box += ["--ro-bind" if mount.get("read_only") else "--bind", source, mount["target"]]
        for secret in service.get("secrets", []):
            self.box += ["--ro-bind", model["secrets"][secret["source"]]["file"], secret["target"]]
        for place in service.get("tmpfs", []):
            self.box += ["--tmpfs", place]
        for key, value in service.get("environment", {}).items():
            self.box += ["--setenv", key, value]
        if service.get("read_only"):
            self.box += ["--remount-ro", "/"]
        self.command = [*(service.get("entrypoint") or entry), *(service.get("command") or command)]
        self.health = service.get("healthcheck", {}).get("test", ["CMD", *(health or [])])[1:]
        self.log = folder / f"{name}.log"

    def sandbox(self, command):
        return [str(word) for word in [*self.box, *command]]

    def start(self):
        with open(self.log, "w") as out:
            self.process = subprocess.Popen(
                self.sandbox(self.command), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )

    def healthy(self):
        """What the health check says, asked in the same surroundings. One that ended fails the test at once."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}")
        return subprocess.run(self.sandbox(self.health), capture_output=True, timeout=30).returncode == 0

    def stop(self):
        self.process.kill()
        self.process.wait()


def impatient_rules(folder):
    """A copy of alerts/ whose alerts fire at once."""
    shutil.copytree(ROOT / "alerts", folder, ignore=shutil.ignore_patterns("runbooks"))
    for path in folder.glob("msx-*.yaml"):
        path.write_text(re.sub(r"^(\s+)for: .*$", r"\1for: 0s", path.read_text(), flags=re.MULTILINE))


class Up:
    """All services, as a context."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="msx-compose-"))
        self.running = {}

    def __enter__(self):
        model = compose.load()
        names = [*model["services"], "msx01"]
        self.names = Names({name: f"127.0.1.{number}" for number, name in enumerate(names, 1)})
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n")
        (self.folder / "resolv.conf").write_text(f"nameserver {PLACE}\noptions ndots:0\n")
        # For the test itself, in this mount namespace alone.
        for file in ("hosts", "resolv.conf"):
            subprocess.run(["mount", "--bind", self.folder / file, f"/etc/{file}"], check=True)
        impatient_rules(self.folder / "alerts")
        self.swaps = {str(ROOT / "alerts"): self.folder / "alerts"}
        return self

    def __exit__(self, kind, *_):
        if kind:
            for service in self.running.values():
                print(f"--- the end of what {service.name} said\n{service.log.read_text(errors='replace')[-3000:]}")
        for service in self.running.values():
            service.stop()
        self.names.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, model, name):
        service = self.running[name] = Service(name, model, self.folder, self.swaps)
        service.start()
        wait(f"{name} is healthy", service.healthy, 60)
        print(f"healthy: {name}: {' '.join(service.health)}")


def ask(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def number(expression):
    found = json.loads(ask("http://prometheus:9090/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
    result = found["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def alerts():
    known = json.loads(ask("http://alertmanager:9093/api/v2/alerts"))
    return {(each["labels"]["alertname"], each["labels"].get("target")) for each in known}


def complete_product(up):
    model = compose.load()
    for name in compose.in_order(model["services"]):
        if name == "grafana":
            print("skipped: grafana, which cannot be had here as a program")
        else:
            up.start(model, name)
    works(model)
    assert {"lab", "exporter", "alertmanager"} <= up.names.asked, f"names that were asked for: {up.names.asked}"


def works(model):
    """From the master to an alert in Alertmanager, asked by the services' names."""
    wait("Prometheus scraped the exporter", lambda: number('up{job="msx",instance="exporter:9814"}') == 1, 60)
    wait("the master is read", lambda: number('msx_up{job="msx"}') == 1, 30)
    print(f"scraped: {number('count(msx_target_enlisted == 1)'):.0f} targets enlisted")
    groups = json.loads(ask("http://prometheus:9090/api/v1/rules"))["data"]["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    shipped = set()
    for path in sorted((ROOT / "alerts").glob("msx-*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            shipped |= {rule.get("alert") or rule["record"] for rule in group["rules"]}
    assert loaded == shipped, f"rules that are missing or strange: {loaded ^ shipped}"
    # The fleet of the lab holds each of these troubles.
    wanted = {
        ("MsxTargetDownloadErrors", "SQL01\\PAYROLL"),
        ("MsxTargetNeverPolled", "SQL03"),
        ("MsxPortClosed", "SQL04"),
    }
    wait(f"Alertmanager knows {wanted}", lambda: wanted <= alerts(), 90)
    print(f"{len(loaded)} rules loaded, {len(alerts())} alerts in Alertmanager")
    sick = [rule["name"] for group in json.loads(ask("http://prometheus:9090/api/v1/rules"))["data"]["groups"]
            for rule in group["rules"] if rule["health"] not in ("ok", "unknown")]  # fmt: skip
    assert not sick, f"rules that fail: {sick}"
    # What Grafana is given as addresses of its data sources answers.
    given = model["services"]["grafana"]["environment"]
    assert json.loads(ask(f"{given['MSX_PROMETHEUS_URL']}/api/v1/query?query=msx_up"))["status"] == "success"
    assert json.loads(ask(f"{given['MSX_ALERTMANAGER_URL']}/api/v2/status"))["versionInfo"]


def real_master(up):
    """The same file with MSX_ADDRESS: the lab plays a master by the name of msx01, which compose knows nothing of."""
    password = up.folder / "master.password"
    shutil.copy(compose.FOLDER / "exporter.password", password)
    model = compose.load(MSX_ADDRESS="msx01:1433", MSX_PASSWORD_FILE=str(password))
    assert "lab" not in model["services"]
    up.running.pop("exporter").stop()
    up.start(model, "exporter")
    page = ask("http://exporter:9814/metrics")
    assert re.search(r"^msx_up 1$", page, re.MULTILINE), "the master that MSX_ADDRESS names is read"
    print("with MSX_ADDRESS the exporter reads the master that it names")


def main():
    refuse_the_machine()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with Up() as up:
        complete_product(up)
        real_master(up)
    print("the product came up")


if __name__ == "__main__":
    main()
