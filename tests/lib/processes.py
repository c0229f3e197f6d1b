"""What tests that look from outside start, each a process of its own on 127.0.0.1: labs that play masters, the real
exporter, Prometheus; and ports that are open, refused or filtered.

    with Processes("msx-test-") as processes:
        lab = processes.lab("one", "--targets", "4")
        instance = processes.exporter("one", lab.address, sweep={"interval": "10s"}, overrides=[override(".*", lab.port)])
        prometheus = processes.prometheus({"scrape_configs": [...]})
        wait("it is scraped", lambda: prometheus.number("msx_up"), 60)

Ports are of the system's choice. All of it ends with the test, however that ends.
"""

import json
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
from dataclasses import dataclass
from pathlib import Path

from tests.lib.programs import program

PASSWORD = "Correct-Horse-9814"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(what, condition, limit=60):
    """What the condition answers once it holds."""
    deadline = time.monotonic() + limit
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit} s in vain: {what}")
        time.sleep(0.2)  # between two looks; the condition ends the wait


def override(match, port, required=None):
    """A line of `ports.overrides`: these targets stand on this machine, at this port."""
    more = "" if required is None else f", required: {str(required).lower()}"
    return f"{{ match: '{match}', host: 127.0.0.1, engine_port: {port}{more} }}"


class Door:
    """A port that stays the same while it is open, refused or filtered. Filtered is a full queue of connections: the
    kernel then drops what comes, as a firewall does."""

    def __init__(self, state):
        # Bound and never listening: it keeps the number while nothing listens.
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


@dataclass
class Lab:
    """Where a master of the lab listens, and where it takes commands."""

    address: str
    control: str

    @property
    def port(self):
        return self.address.rpartition(":")[2]

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
                    raise RuntimeError(f"the lab at {self.address} refuses {command!r}: {answer}")


class Server:
    """A server that is asked over HTTP, such as Prometheus or Alertmanager."""

    def __init__(self, address):
        self.address = address

    def read(self, path, **parameters):
        """The body of the answer; None while the server does not answer well."""
        try:
            with self.opened(path, parameters) as answer:
                return answer.read()
        except OSError:
            return None

    def ask(self, path, **parameters):
        """The JSON of the answer, that of an error too; None while the server does not listen."""
        try:
            with self.opened(path, parameters) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())
        except OSError:
            return None

    def opened(self, path, parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        return urllib.request.urlopen(f"http://{self.address}/{path}?{query}", timeout=120)

    def number(self, expression):
        """The first value that Prometheus answers to an expression; None where it has none."""
        result = (self.ask("api/v1/query", query=expression) or {"data": {"result": []}})["data"]["result"]
        return float(result[0]["value"][1]) if result else None


class Processes:
    """All that runs, as a context."""

    def __init__(self, prefix):
        self.folder = Path(tempfile.mkdtemp(prefix=prefix))
        self.running, self.closing = {}, []
        (self.folder / "password").write_text(PASSWORD)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for thing in self.closing:
            thing.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, name, *command):
        with open(self.folder / f"{name}.log", "w") as log:
            self.running[name] = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, name):
        """Ends a process at once, as a crash would."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def door(self, state):
        """A port that the test opens and shuts."""
        door = Door(state)
        self.closing.append(door)
        return door

    def lab(self, name, *arguments, address="127.0.0.1:0"):
        """A master, as the process `lab-NAME`."""
        self.run(f"lab-{name}", program("lab"), "--listen", address, "--control", "127.0.0.1:0", *arguments)
        reported = re.compile(r"listening on (\S+)\ncontrol on (\S+)\n")
        return Lab(*wait(f"the lab of {name} listens", lambda: reported.search(self.log(f"lab-{name}")), 30).groups())

    def exporter(self, name, master, sweep, overrides=(), more=""):
        """The exporter of a master, as the process `exporter-NAME`. Answers where it listens. `sweep` holds keys of
        `ports`, `more` is YAML at the top of the configuration."""
        return self.configured(
            f"exporter-{name}",
            f"role: master\nmaster:\n  address: '{master}'\n  user: msx_exporter\n"
            f"  password_file: '{self.folder}/password'\n  trust_server_certificate: true\n{more}",
            sweep,
            "".join(["  overrides:\n", *(f"    - {line}\n" for line in overrides)]) if overrides else "",
        )

    def target_side(self, target, master, sweep):
        """An exporter that runs on a target and looks at its master, as the process `target-side-TARGET`."""
        return self.configured(
            f"target-side-{target}", f"role: target\nmaster:\n  address: '{master}'\nlocal:\n  name: '{target}'\n", sweep
        )

    def configured(self, process, head, sweep, tail=""):
        config = self.folder / f"{process}.yml"
        ports = "".join(["ports:\n", *(f"  {key}: {value}\n" for key, value in sweep.items()), tail])
        config.write_text(head + ports, encoding="utf-8")
        instance = f"127.0.0.1:{free_port()}"
        self.run(process, program("msx_exporter"), f"--config.file={config}", f"--web.listen-address={instance}")
        return instance

    def server(self, name, program, *arguments):
        """A program of the Prometheus project that listens on a free port and is ready, as the process NAME."""
        server = Server(f"127.0.0.1:{free_port()}")
        self.run(name, program, *arguments, f"--web.listen-address={server.address}")

        def ready():
            if self.running[name].poll() is not None:
                raise RuntimeError(f"{name} has ended: {self.log(name)}")
            return server.read("-/ready") is not None

        wait(f"{name} is ready", ready, 60)
        return server

    def prometheus(self, config):
        path = self.folder / "prometheus.yml"
        path.write_text(json.dumps(config))
        return self.server(
            "prometheus", "prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/prometheus"
        )

    def alertmanager(self, text):
        path = self.folder / "alertmanager.yml"
        path.write_text(text)
        program = shutil.which("prometheus-alertmanager") or "alertmanager"
        return self.server(
            "alertmanager",
            program,
            f"--config.file={path}",
            f"--storage.path={self.folder}/alertmanager",
            "--cluster.listen-address=",
        )
