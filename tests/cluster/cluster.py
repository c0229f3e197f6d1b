"""Both shapes of the exporter on a failover cluster, with an address that really moves from one node to the other.

Each node is a network of its own (tests/cluster/netns). The master is the lab on the address of the network name, which a
failover takes from one node and gives to the other. What a passive node wrote goes through the shipped alert rules.

Needs the built lab and exporter, ip, promtool and root: tests/stages/cluster.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import yaml

from tests import ROOT
from tests.lib.processes import wait
from tests.lib.programs import program

NAME, ADDRESS, HERE = "MSXCLUSTER", "10.77.0.10", "10.77.0.1"
NODES = {"node1": "10.77.0.11", "node2": "10.77.0.12"}
SERIES = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$")


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def scrape(host):
    """The series of a page, or none while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://{host}:9814/metrics", timeout=15) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    found = (SERIES.match(line) for line in lines if line and not line.startswith("#"))
    return {line[1] + (line[2] or ""): float(line[3]) for line in found}


def of_the_master(page):
    """What only somebody who read the master can write, port checks included."""
    begins = ("msx_up", "msx_server", "msx_master", "msx_target", "msx_job", "msx_orphan", "msx_port_", "msx_agent", "msx_certificate")
    return sorted(name for name in page if name.startswith(begins))


class Node:
    """One node of the cluster and what runs on it."""

    def __init__(self, name, folder):
        self.name, self.folder, self.processes = name, folder, {}

    def start(self, what, *words):
        log = (self.folder / f"{self.name}-{what}.log").open("a")
        inside = ["ip", "netns", "exec", self.name, *map(str, words)]
        self.processes[what] = subprocess.Popen(inside, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, what):
        process = self.processes.pop(what, None)
        if process:
            process.kill()
            process.wait()

    def log(self, what):
        file = self.folder / f"{self.name}-{what}.log"
        return file.read_text() if file.exists() else ""

    def connections(self):
        """Connections from this node to the master."""
        shown = subprocess.run(["ip", "netns", "exec", self.name, "ss", "-tnH", "dst", ADDRESS], capture_output=True, text=True, check=True)
        return [line for line in shown.stdout.splitlines() if line.startswith("ESTAB")]

    def take(self):
        """The instance comes to this node: its address, then its engine."""
        run("ip", "-n", self.name, "address", "add", f"{ADDRESS}/24", "dev", "eth0")
        # A node that takes an address over tells its neighbours; here they are made to forget.
        for place in ([], *(["-n", node] for node in NODES)):
            run("ip", *place, "neighbour", "flush", "all")
        self.start("lab", program("lab"), "--listen", f"{ADDRESS}:1433", "--encrypt", "none", "--scenario", "healthy",
                   "--user", "msx_exporter", "--password-file", self.folder / "password")
        wait("the engine to listen", lambda: "listening on" in self.log("lab"))

    def lose(self):
        self.stop("lab")
        run("ip", "-n", self.name, "address", "del", f"{ADDRESS}/24", "dev", "eth0")

    def end(self):
        for what in list(self.processes):
            self.stop(what)


class Peer:
    """The engine port of every target, on this side: who looks at it?"""

    def __init__(self):
        self.seen, self.socket = [], socket.create_server((HERE, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, (host, _) = self.socket.accept()
            self.seen.append(host)
            connection.close()


def configure(folder, port, only_if_local):
    (folder / "password").write_text("Correct-Horse-9814")
    config = {
        "master": {"address": NAME, "user": "msx_exporter", "password_file": str(folder / "password"), "encrypt": "off",
                   "timeout": "5s", "only_if_local": only_if_local},
        "ports": {"interval": "10s", "timeout": "1s", "overrides": [{"match": ".*", "host": HERE, "engine_port": port}]},
    }
    (folder / "msx_exporter.yml").write_text(yaml.safe_dump(config))


def exporter(node, address):
    node.start("exporter", program("msx_exporter"), f"--web.listen-address={address}:9814", f"--config.file={node.folder / 'msx_exporter.yml'}")


def is_passive(page):
    """It reads nothing, holds no connection, and says that this is on purpose."""
    return page.get("msx_exporter_passive") == 1 and not of_the_master(page) and page.get("msx_exporter_sql_connections") == 0


def is_active(page):
    return page.get("msx_exporter_passive") == 0 and page.get("msx_up") == 1


def one_on_each_node(folder):
    """Shape two: only_if_local on both, and the instance moves there, away, and to neither."""
    peer = Peer()
    configure(folder, peer.port, only_if_local=True)
    first, second = nodes = [Node(name, folder) for name in NODES]
    try:
        first.take()
        for node in nodes:
            exporter(node, NODES[node.name])
        look = lambda node: scrape(NODES[node.name])
        active = wait("the node that holds the instance to read it", lambda: (p := look(first)) and is_active(p) and p)
        wait("the other to be passive", lambda: is_passive(look(second)))
        wait("the sweep of the active node", lambda: NODES["node1"] in peer.seen)
        assert "connected to the master" in first.log("exporter") and first.connections()
        assert "connected to the master" not in second.log("exporter") and not second.connections(), second.log("exporter")
        assert NODES["node2"] not in peer.seen, "the passive node swept"
        targets = {name for name in active if name.startswith("msx_target_enlisted")}
        assert targets, sorted(active)

        once = ["ip", "netns", "exec", "node2", program("msx_exporter"), "once", f"--config.file={folder / 'msx_exporter.yml'}"]
        said = subprocess.run(once, capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        assert "msx_exporter_passive 1" in said.stdout and "\nmsx_up" not in said.stdout, said.stdout

        first.lose()
        second.take()
        wait("the new node to read it", lambda: is_active(look(second)))
        passive = wait("the old one to be passive", lambda: (p := look(first)) and is_passive(p) and p)
        wait("the old one to hang up", lambda: not first.connections())
        assert {name for name in look(second) if name.startswith("msx_target_enlisted")} == targets
        before = peer.seen.count(NODES["node1"])
        swept = peer.seen.count(NODES["node2"])
        wait("two more sweeps by the new node", lambda: peer.seen.count(NODES["node2"]) >= swept + 2 * len(targets), 90)
        assert peer.seen.count(NODES["node1"]) == before, "the node that lost the instance sweeps on"
        assert is_passive(look(first)) and is_active(look(second))
        logins = first.log("exporter").count("connected to the master")
        assert logins == 1, f"the passive node logged in {logins} times"

        second.lose()
        for node in nodes:
            wait("both to be passive where neither holds the instance", lambda: is_passive(look(node)))
        return active, passive
    finally:
        for node in nodes:
            node.end()
            subprocess.run(["ip", "-n", node.name, "address", "del", f"{ADDRESS}/24", "dev", "eth0"], capture_output=True)


def one_that_moves(folder):
    """Shape one: a service of the cluster, which is started where the instance is and listens on its address."""
    configure(folder, 1, only_if_local=False)
    nodes = [Node(name, folder) for name in NODES]
    seen = []
    try:
        for node in nodes:
            node.take()
            exporter(node, ADDRESS)
            page = wait(f"the service on {node.name}", lambda: (p := scrape(ADDRESS)) and p.get("msx_up") == 1 and p)
            assert "msx_exporter_passive" not in page
            seen.append({name for name in page if name.startswith("msx_target_enlisted")})
            node.stop("exporter")
            node.lose()
        assert seen[0] and seen[0] == seen[1], seen
        assert not scrape(ADDRESS), "nothing answers where the group is offline"
    finally:
        for node in nodes:
            node.end()
            subprocess.run(["ip", "-n", node.name, "address", "del", f"{ADDRESS}/24", "dev", "eth0"], capture_output=True)


def alerts_of(files):
    rules = [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    return sorted({rule["alert"] for rule in rules if "alert" in rule})


def labelled(series, **labels):
    name, brace, rest = series.partition("{")
    more = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{more}}}" if not brace else f"{name}{{{more}, {rest}"


def promtool(folder, rules, series, expected):
    """Whether the rules, two hours on, say exactly what is expected: pairs of an alert and its labels."""
    test = {
        "rule_files": [str(file) for file in rules],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series],
            "alert_rule_test": [
                {"eval_time": "2h", "alertname": alert, "exp_alerts": [{"exp_labels": labels} for labels in expected.get(alert, [])]}
                for alert in alerts_of(rules)
            ],
        }],
    }
    file = folder / "passive.yaml"
    file.write_text(json.dumps(test))
    return subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True)


def handover(active, passive, up="1x120"):
    """Node 1 is active for an hour and then passive; after that its old series are gone."""
    instance = {"job": "msx", "instance": "node1:9814"}
    series = [(labelled("up", **instance), up)]
    for name in sorted(set(active) | set(passive)):
        first = f"{active[name]}x59" if name in active else "_x59"
        then = f"{passive[name]}x60" if name in passive else "stale _x59"
        series.append((labelled(name, **instance), f"{first} {then}"))
    return series


def rules_stay_silent(folder, active, passive):
    rules = sorted((ROOT / "alerts").glob("msx-*.yaml"))
    calm = promtool(folder, rules, handover(active, passive), {})
    assert calm.returncode == 0, calm.stdout + calm.stderr
    # The same without the one series that says so: then a failed reading is news. So the test can fail.
    silent = {name: value for name, value in passive.items() if name != "msx_exporter_passive"}
    loud = promtool(folder, rules, handover(active, silent | {"msx_up": 0.0}), {})
    assert "MsxMasterUnreadable" in loud.stdout + loud.stderr and loud.returncode != 0, loud.stdout + loud.stderr
    # A node that is switched off is no passive node: its exporter is down.
    down = promtool(folder, rules, handover(active, {}, up="1x59 0x60"), {})
    assert "MsxExporterDown" in down.stdout + down.stderr, down.stdout + down.stderr


def no_node_reads(folder):
    """The rule of deploy/windows/CLUSTERS.md for the case that no node holds the instance."""
    document = (ROOT / "deploy/windows/CLUSTERS.md").read_text()
    block = next(part for part in re.findall(r"```yaml\n(.*?)```", document, re.DOTALL) if "MsxClusterNobodyReads" in part)
    rule = folder / "unread.yaml"
    rule.write_text(block)
    both = lambda first, second: [
        (f'msx_exporter_passive{{job="msx", cluster="MSXCLUSTER", instance="{node}:9814"}}', value)
        for node, value in (("node1", first), ("node2", second))
    ]
    fires = {"MsxClusterNobodyReads": [{"severity": "critical", "component": "master", "job": "msx", "cluster": "MSXCLUSTER"}]}
    for first, second, expected in (("1x120", "1x120", fires), ("1x120", "0x120", {}), ("0x59 1x60", "1x59 0x60", {})):
        said = promtool(folder, [rule], both(first, second), expected)
        assert said.returncode == 0, said.stdout + said.stderr
    assert promtool(folder, [rule], both("1x120", "0x120"), fires).returncode != 0, "the test cannot fail"


def main():
    passed = failed = 0
    pages = {}
    steps = [
        ("one exporter on each node: exactly one reads", lambda folder: pages.update(zip(("active", "passive"), one_on_each_node(folder)))),
        ("one exporter that moves with the instance", one_that_moves),
        ("the rules say nothing of a passive node", lambda folder: rules_stay_silent(folder, pages["active"], pages["passive"])),
        ("a rule for the case that no node reads", no_node_reads),
    ]
    for name, step in steps:
        print(f"--- {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="msx-cluster-") as folder:
            try:
                step(Path(folder))
                passed += 1
            except (AssertionError, KeyError, TimeoutError) as error:
                failed += 1
                print(f"FAILED: {name}: {error}")
                for log in sorted(Path(folder).glob("*.log")):
                    print(f"{log.name}:\n{log.read_text()[-3000:]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
