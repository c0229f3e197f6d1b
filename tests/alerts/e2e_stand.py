"""Everything from a master to the pager, each a process of its own on 127.0.0.1: labs that play masters, an exporter
beside each, one Prometheus with the shipped rules, one Alertmanager with the shipped routing and inhibition.

Intervals are short by configuration alone: targets poll every 10 s (a SET-POLL instruction), ports are checked every
10 s, Prometheus scrapes and evaluates every 5 s, Alertmanager waits for 1 s. `for` and `keep_firing_for` are shipped.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "alerts"
LAB = os.environ.get("MSX_LAB", ROOT / "target/debug/lab")
EXPORTER = os.environ.get("MSX_EXPORTER_BIN", ROOT / "target/debug/msx_exporter")
PASSWORD = "Correct-Horse-9814"
EVERY = "5s"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def utc(ago=timedelta()):
    return (datetime.now(timezone.utc) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def wait(what, condition, limit):
    """What the condition answers once it holds."""
    deadline = time.monotonic() + limit
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit} s in vain until {what}")
        time.sleep(0.2)  # between two looks; the condition ends the wait


class Door:
    """A port that stays the same while it is open, refused or filtered. Filtered is a full queue of connections: the
    kernel then drops what comes, as a firewall does."""

    def __init__(self, state):
        # Bound and never listening: it keeps the number while nobody listens.
        self.holder = self.bound(0)
        self.port = self.holder.getsockname()[1]
        self.listener = None
        self.waiting = []
        self.set(state)

    @staticmethod
    def bound(port):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        return bound

    def set(self, state):
        for client in self.waiting:
            client.close()
        self.waiting = []
        if self.listener:
            # Wakes the thread that accepts, which a mere close does not.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        if state == "refused":
            return
        self.listener = self.bound(self.port)
        self.listener.listen(0 if state == "filtered" else 16)
        if state == "open":
            threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
            return
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(client)

    @staticmethod
    def accept(listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    def close(self):
        self.set("refused")
        self.holder.close()


class Site:
    """One master with its exporter. Nothing that befalls it is of any concern to the others."""

    def __init__(self, stand, name, lab=("--targets", "4", "--rows", "0"), behind=timedelta(), ports="", more=""):
        """`behind` is how far the master's clock is behind at first, so that `advance` brings it to the right time."""
        self.stand, self.name, self.address = stand, name, "127.0.0.1:0"
        self.lab = [*lab, *(["--at", utc(behind)] if behind else [])]
        self.start_lab()
        config = stand.folder / f"{name}.yml"
        config.write_text(
            f"role: master\nmaster:\n  address: '{self.address}'\n  user: msx_exporter\n"
            f"  password_file: '{stand.folder}/password'\n  trust_server_certificate: true\n{more}"
            "ports:\n  interval: 10s\n  timeout: 1s\n  overrides:\n"
            f"{ports}    - {{ match: '.*', host: 127.0.0.1, engine_port: {self.address.rpartition(':')[2]} }}\n",
            encoding="utf-8",
        )
        self.instance = f"127.0.0.1:{free_port()}"
        stand.run(f"exporter-{name}", EXPORTER, f"--config.file={config}", f"--web.listen-address={self.instance}")

    def start_lab(self):
        """The second time on the same address: the master is back."""
        log = self.stand.run(f"lab-{self.name}", LAB, "--listen", self.address, "--control", "127.0.0.1:0", *self.lab)
        told = wait(
            f"the lab of {self.name} listens",
            lambda: re.search(r"listening on (\S+)\ncontrol on (\S+)\n", log.read_text(encoding="utf-8")),
            30,
        )
        self.address, self.control = told[1], told[2]

    def stop_lab(self):
        self.stand.stop(f"lab-{self.name}")

    def do(self, *commands):
        """Commands for the lab; see its `help`."""
        host, _, port = self.control.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rw") as lines:
            for command in commands:
                print(command, file=lines, flush=True)
                answer = lines.readline()
                while (line := lines.readline()) not in (".\n", ""):
                    answer += line
                if answer.startswith("error"):
                    raise RuntimeError(f"the lab of {self.name} refuses {command!r}: {answer}")


class Stand:
    """All that runs, as a context. `receiver` is the URL that notifications go to; the name of the shipped receiver is
    appended, so that routing shows."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.folder = Path(tempfile.mkdtemp(prefix="msx-e2e-"))
        self.processes, self.closing = {}, []
        (self.folder / "password").write_text(PASSWORD)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thing in self.closing:
            thing.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, name, *command):
        log = self.folder / f"{name}.log"
        with open(log, "w") as out:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        return log

    def stop(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def door(self, state):
        door = Door(state)
        self.closing.append(door)
        return door

    def watch(self, sites):
        """Starts Alertmanager and Prometheus over these masters."""
        config = yaml.safe_load((ALERTS / "alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
        config |= yaml.safe_load((ALERTS / "alertmanager/inhibition.yaml").read_text(encoding="utf-8"))
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        # The example mutes whoever is on call on Saturday nights, which may be now.
        for interval in config["time_intervals"]:
            interval["time_intervals"] = [{"years": ["2000"]}]
        for receiver in config["receivers"]:
            for hook in receiver.get("webhook_configs", []):
                hook["url"] = f"{self.receiver}/{receiver['name']}"
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
        self.alertmanager = f"127.0.0.1:{free_port()}"
        self.run(
            "alertmanager",
            shutil.which("prometheus-alertmanager") or "alertmanager",
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager",
            f"--web.listen-address={self.alertmanager}",
            "--cluster.listen-address=",
        )
        config = {
            "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
            "rule_files": [str(ALERTS / "msx-*.yaml")],
            "scrape_configs": [
                {"job_name": "msx", "static_configs": [{"targets": [site.instance for site in sites]}]}
            ],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [self.alertmanager]}]}]},
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.prometheus = f"127.0.0.1:{free_port()}"
        self.run(
            "prometheus",
            "prometheus",
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address={self.prometheus}",
        )
        for server in (self.alertmanager, self.prometheus):
            wait(f"{server} is ready", lambda: self.ask(server, "-/ready") is not None, 60)

    def ask(self, server, path, **parameters):
        """The body of the answer; None while the server does not answer well."""
        try:
            with urllib.request.urlopen(f"http://{server}/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError):
            return None

    def number(self, expression):
        body = self.ask(self.prometheus, "api/v1/query", query=expression)
        result = json.loads(body)["data"]["result"] if body else []
        return float(result[0]["value"][1]) if result else None

    def state(self, alert, instance):
        """What Alertmanager does with an alert: `active`, `suppressed`; None where it does not know of it."""
        known = json.loads(self.ask(self.alertmanager, "api/v2/alerts", filter=f'alertname="{alert}"') or "[]")
        return next((each["status"]["state"] for each in known if each["labels"].get("instance") == instance), None)

    def log(self, name):
        """The last lines that a process wrote."""
        lines = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-8:])
