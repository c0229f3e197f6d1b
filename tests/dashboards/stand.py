"""A row of masters to look at: for each scenario the lab plays a master and the real exporter reads it; one Prometheus
with the real rules scrapes them all. Everything listens on 127.0.0.1, on free ports, and ends with the test.
"""

import http.server
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
from dataclasses import dataclass, field
from pathlib import Path

from grafana import ROOT

BINARIES = Path(os.environ.get("MSX_BINARIES", ROOT / "target/debug"))
# Every few seconds: the lab's targets poll once a minute, and two cores serve all of this.
SCRAPE = 3
SCRAPE_LARGE = 30
PASSWORD = "Correct-Horse-9814"


@dataclass
class Scenario:
    """One master with its exporter."""

    name: str
    lab: list
    # Ports by target, before all others are given the lab's own port: `open`, `refused` or `filtered`.
    ports: dict = field(default_factory=dict)
    job: str = "msx"
    more: str = ""
    instance: str = ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Silent:
    """A port that answers nothing: its queue of connections is full, so that the kernel drops what comes, as a
    firewall does."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(client)

    def close(self):
        for client in [*self.waiting, self.listener]:
            client.close()


class Registry:
    """A stand-in for what exporters in the role target read from the registry of Windows, as a page of text."""

    def __init__(self):
        rows = [("SQL01", "MSX01", 2), ("SQL02", "msx01.corp.example", 2)]
        page = []
        for target, master, option in rows:
            page.append(f'msx_target_master_info{{target="{target}",master="{master}"}} 1')
            page.append(f'msx_target_encrypt_channel_option{{target="{target}"}} {option}')
        text = "\n".join([*page, ""]).encode()

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Stand:
    """All that runs, as a context."""

    def __init__(self, scenarios):
        self.scenarios = scenarios
        self.folder = Path(tempfile.mkdtemp(prefix="msx-dashboards-"))
        self.processes = {}
        self.engines = {}
        self.closing = []

    def __enter__(self):
        try:
            self.silent = Silent()
            self.closing.append(self.silent)
            for scenario in self.scenarios:
                self.start_master(scenario)
            self.start_prometheus()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thing in self.closing:
            thing.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, name, *command):
        log = open(self.folder / f"{name}.log", "w")
        self.closing.append(log)
        self.processes[name] = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start_master(self, scenario):
        name = scenario.name
        self.run(f"lab-{name}", BINARIES / "lab", "--listen", "127.0.0.1:0", *scenario.lab)
        address = wait(f"the lab of {name} listens", lambda: re.search(r"listening on (\S+)", self.log(f"lab-{name}")), 30)[1]
        engine = self.engines[name] = address.rpartition(":")[2]
        # Nobody listens on a port that was free a moment ago.
        ports = {"open": engine, "refused": free_port(), "filtered": self.silent.port}
        overrides = [
            f"    - {{ match: '{re.escape(target)}', host: 127.0.0.1, engine_port: {ports[kind.split()[-1]]}, "
            f"required: {str(kind.startswith('required')).lower()} }}"
            for target, kind in scenario.ports.items()
        ]
        (self.folder / f"{name}.password").write_text(PASSWORD)
        config = self.folder / f"{name}.yml"
        config.write_text(
            f"role: master\nmaster:\n  address: '{address}'\n  user: msx_exporter\n"
            f"  password_file: '{self.folder}/{name}.password'\n  trust_server_certificate: true\n{scenario.more}"
            "ports:\n  interval: 1m\n  timeout: 1s\n  overrides:\n"
            + "\n".join([*overrides, f"    - {{ match: '.*', host: 127.0.0.1, engine_port: {engine} }}"])
            + "\n"
        )
        scenario.instance = f"127.0.0.1:{free_port()}"
        self.run(
            f"exporter-{name}",
            BINARIES / "msx_exporter",
            f"--config.file={config}",
            f"--web.listen-address={scenario.instance}",
        )

    def start_target(self, target, master):
        """A real exporter on a target; the port to the master is required there."""
        config = self.folder / f"far-{target}.yml"
        config.write_text(
            f"role: target\nmaster:\n  address: '{master}'\nlocal:\n  name: {target}\nports:\n  interval: 1m\n  timeout: 1s\n"
        )
        instance = f"127.0.0.1:{free_port()}"
        self.run(
            f"far-{target}", BINARIES / "msx_exporter", f"--config.file={config}", f"--web.listen-address={instance}"
        )
        return instance

    def stop(self, name):
        """Ends `lab-…`, the master of a scenario, or `exporter-…`, at once."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def start_prometheus(self):
        rules = self.folder / "rules"
        rules.mkdir()
        for path in (ROOT / "alerts").glob("msx-*.yaml"):
            # What waits for minutes in production fires at once here.
            text = re.sub(r"^(\s+)for: .*$", r"\1for: 0s", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            (rules / path.name).write_text(text, encoding="utf-8")
        jobs = {}
        for scenario in self.scenarios:
            jobs.setdefault(scenario.job, []).append(scenario.instance)
        registry = Registry()
        self.closing.append(registry)
        # SQL01 reaches the first master; SQL02 calls it otherwise, and something drops what it sends.
        engine = self.engines[self.scenarios[0].name]
        jobs["msx-target"] = [
            registry.address,
            self.start_target("SQL01", f"localhost:{engine}"),
            self.start_target("SQL02", f"127.0.0.1:{self.silent.port}"),
        ]
        scrape = [
            {
                "job_name": job,
                "scrape_interval": f"{SCRAPE_LARGE if 'large' in job else SCRAPE}s",
                "scrape_timeout": f"{SCRAPE_LARGE if 'large' in job else SCRAPE}s",
                "static_configs": [{"targets": instances}],
            }
            for job, instances in jobs.items()
        ]
        config = {
            "global": {"evaluation_interval": "3s"},
            "rule_files": [str(rules / "*.yaml")],
            "scrape_configs": scrape,
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        self.prometheus = f"127.0.0.1:{free_port()}"
        self.run(
            "prometheus",
            "prometheus",
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address={self.prometheus}",
        )
        wait("Prometheus is ready", lambda: self.ask("-/ready", text=True), 60)

    def ask(self, path, text=False, **parameters):
        """What Prometheus answers, errors too; None while it does not listen yet."""
        data = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"http://{self.prometheus}/{path}?{data}", timeout=120) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
            if text:
                return None
        except OSError:
            return None
        return body if text else json.loads(body)

    def number(self, expression):
        result = self.ask("api/v1/query", query=expression)["data"]["result"]
        return float(result[0]["value"][1]) if result else None


def wait(what, condition, limit):
    """What the condition answers once it holds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"waited {limit} s in vain until {what}")
