"""`docker compose up` by a real engine: Docker's own compose before podman's API, with images of the real Dockerfile.

    unshare --net --mount python3 -m tests.containers.engine

tests/stages/container-engine makes the images and says in CONTAINERS_CONF how podman runs them here. Prometheus and
Alertmanager are Debian's, in images of their own under the names of the file. Not here: Grafana. Alerts fire without
waiting for their `for`, and the exporter gets the chart's limit of memory. There is no systemd whose timers would run the
health checks, so this does.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

from tests import ROOT
from tests.lib.namespaces import refuse_the_machine
from tests.lib.processes import wait

from . import compose
from .up import ask, impatient_rules, number, works

SERVICES = ("lab", "exporter", "alertmanager", "prometheus")
VALUES = ROOT / "deploy/kubernetes/msx-exporter/values.yaml"
EVERY = 2  # seconds between two health checks


def run(*words, **more):
    """What a command printed; its words are in the error where it fails."""
    answer = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if answer.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {answer.returncode}: {answer.stdout[-2000:]}{answer.stderr[-3000:]}")
    return answer.stdout


def inspect(service):
    return json.loads(run("podman", "inspect", name(service)))[0]


def name(service):
    return f"msx-test-{service}-1"


class Engine:
    """podman's API and its health checks, as a context; `compose` is Docker's."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="msx-engine-"))
        self.ended = threading.Event()

    def __enter__(self):
        impatient_rules(self.folder / "alerts")
        limit = yaml.safe_load(VALUES.read_text())["resources"]["limits"]["memory"]
        changes = {"services": {
            "exporter": {"mem_limit": limit.replace("Mi", "m")},
            "prometheus": {"volumes": [f"{self.folder}/alerts:/etc/prometheus/msx:ro"]},
        }}  # fmt: skip
        (self.folder / "changes.yaml").write_text(yaml.safe_dump(changes))
        (self.folder / "hosts").write_text("127.0.0.1 localhost exporter prometheus alertmanager\n")
        # For the test itself, in this mount namespace alone: the ports that the file publishes, by the services' names.
        run("mount", "--bind", self.folder / "hosts", "/etc/hosts")
        socket = self.folder / "podman.sock"
        others = {key: value for key, value in os.environ.items() if not key.startswith(("MSX_", "COMPOSE_"))}
        self.environment = others | {"DOCKER_HOST": f"unix://{socket}", "COMPOSE_PROJECT_NAME": "msx-test"}
        with open(self.folder / "podman.log", "w") as log:
            words = ["podman", "system", "service", "--time", "0", f"unix://{socket}"]
            self.api = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | {"DISABLE_HC_SYSTEMD": "true"})
        wait("podman's API listens", socket.exists, 30)
        self.checks = threading.Thread(target=self.check_health)
        self.checks.start()
        return self

    def check_health(self):
        while not self.ended.wait(EVERY):
            for each in SERVICES:
                subprocess.run(["podman", "healthcheck", "run", name(each)], capture_output=True)

    def compose(self, *words):
        files = ["--file", compose.FOLDER / "compose.yaml", "--file", self.folder / "changes.yaml"]
        program = Path(sys.executable).with_name("docker-compose")
        return run(program, *files, *words, env=self.environment, cwd=compose.FOLDER, timeout=300)

    def __exit__(self, kind, *_):
        try:
            if kind:
                print((self.folder / "podman.log").read_text()[-3000:])
                for each in SERVICES:
                    said = subprocess.run(["podman", "logs", "--tail", "20", name(each)], capture_output=True, text=True)
                    print(f"--- the end of what {each} said\n{said.stdout}{said.stderr}")
            self.compose("down", "--volumes", "--timeout", "5")
        finally:
            self.ended.set()
            self.checks.join()
            self.api.terminate()
            self.api.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


def healthy(service):
    state = inspect(service)["State"]
    return state["Running"] and (state.get("Health") or state["Healthcheck"])["Status"] == "healthy"


def confined(service):
    """The kernel's own words on the process of a service: its user, its capabilities, its root, its way to more."""
    pid = inspect(service)["State"]["Pid"]
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    user = status["Uid"].split()[0]
    assert user in ("65532", "65534"), f"{service} runs as {user}"
    assert {int(status[each], 16) for each in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}, f"{service} has capabilities"
    assert status["NoNewPrivs"] == "1", f"{service} may gain privileges"
    root = next(line for line in Path(f"/proc/{pid}/mounts").read_text().splitlines() if line.split()[1] == "/")
    assert "ro" in root.split()[3].split(","), f"the root of {service} can be written: {root}"
    return user


def reads():
    """How often Prometheus has seen the exporter's page, and when it last saw a master that was read."""
    page = 'msx_up{job="msx"}'
    return number(f"count_over_time({page}[1h])") or 0, number(f"timestamp({page}) and {page} == 1") or 0


def restarted(service, how, act):
    """A service that ends comes back as another process, the master is read again, and nothing is forgotten."""
    before = inspect(service)["State"]["Pid"]
    seen, _ = reads()
    act(before)
    wait(f"{service} is another process after {how}", lambda: inspect(service)["State"]["Pid"] not in (0, before), 60)
    wait(f"{service} is healthy after {how}", lambda: healthy(service), 60)
    moment = time.time()
    wait("the master is read after that", lambda: reads()[1] > moment, 60)
    assert reads()[0] > seen, "Prometheus kept what it had seen before"
    works(compose.load())
    print(f"{service} survived {how}")


def main():
    refuse_the_machine()
    run("ip", "link", "set", "lo", "up")
    with Engine() as engine:
        engine.compose("up", "--no-build", "--detach", "--wait", "--wait-timeout", "120", *SERVICES)
        works(compose.load())
        for each in SERVICES:
            print(f"{each}: healthy, user {confined(each)}, no capability, root read-only, {inspect(each)['ImageName']}")
        for each in SERVICES:
            restarted(each, "a restart", lambda _, each=each: engine.compose("restart", "--timeout", "5", each))
            restarted(each, "a crash", lambda pid: os.kill(pid, signal.SIGKILL))
        limit = inspect("exporter")["HostConfig"]["Memory"]
        used = number('max_over_time(process_resident_memory_bytes{job="msx"}[10m])')
        assert 0 < used < limit and not inspect("exporter")["State"]["OOMKilled"], f"{used} bytes of {limit}"
        print(f"the exporter took {used / 1e6:.0f} MB of {limit / 1e6:.0f}")
        assert ask("http://exporter:9814/-/healthy")
    left = json.loads(run("podman", "ps", "--all", "--format=json", "--filter=name=msx-test"))
    assert not left, f"down leaves {left}"
    print("the product came up in an engine, and went")


if __name__ == "__main__":
    main()
