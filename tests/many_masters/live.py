"""Every file of deploy/prometheus, loaded as it is by a real Prometheus and exercised: two labs play masters, an
exporter next to each, up to three Prometheus servers and an Alertmanager.

    unshare --net --mount python3 -m tests.many_masters.live

In a network namespace of its own the names in the examples are addresses of the loopback, so that nothing of them is
replaced but what would take minutes: intervals are 2 s, and alerts fire without waiting for their `for`. MSX_PROMETHEUS
and MSX_ALERTMANAGER name other programs than Debian's. Where MSX_VMAGENT names vmagent, it is the agent of one site.
Where MSX_OTELCOL names an OpenTelemetry Collector, its example is exercised instead of the others.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import yaml

from tests import ROOT
from tests.dashboards.grafana import Page, dashboards, panels, variables
from tests.lib.namespaces import refuse_the_machine
from tests.lib.processes import Processes, Server, wait
from tests.lib.programs import program
from tests.lib.webhook import Receiver

EXAMPLES = ROOT / "deploy/prometheus"
RULES = Path("/etc/prometheus/msx")
HOSTS = {
    "msx01": "127.0.2.1",
    "msx02": "127.0.2.2",
    "sql01": "127.0.2.3",
    "prometheus-north": "127.0.2.11",
    "prometheus-south": "127.0.2.12",
    "prometheus-global": "127.0.2.13",
    "alertmanager": "127.0.2.21",
    "inventory": "127.0.2.31",
}
BOTH = {"msx01:9814", "msx02:9814"}
SITES = {("msx", "msx01:9814", "north"), ("msx", "msx02:9814", "south")}
# What turns the example of an agent at the first site into that of the other.
SOUTHERN = [("msx01:9814", "msx02:9814"), ("site: north", "site: south")]
# SQL03 of msx02 could not carry out an instruction.
ALERT = "MsxTargetDownloadErrors"
BLOCKED = {"instance": "msx02:9814", "target": "SQL03", "job": "msx"}
PROMETHEUS = os.environ.get("MSX_PROMETHEUS", "prometheus")
ALERTMANAGER = os.environ.get("MSX_ALERTMANAGER") or shutil.which("prometheus-alertmanager") or "alertmanager"
VMAGENT = os.environ.get("MSX_VMAGENT")
OTELCOL = os.environ.get("MSX_OTELCOL")
loaded = set()


def lay_out(folder):
    """Names and rules where the examples expect them, in this mount namespace alone."""
    refuse_the_machine()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in HOSTS.items()))
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", RULES.parent], check=True)
    RULES.mkdir()
    for path in (ROOT / "alerts").glob("msx-*.yaml"):
        text = re.sub(r"^(\s+)for: .*$", r"\1for: 0s", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (RULES / path.name).write_text(text, encoding="utf-8")


class Inventory:
    """What knows the masters, and answers HTTP discovery."""

    def __init__(self):
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/msx.json" else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps([{"targets": sorted(BOTH)}]).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOSTS["inventory"], 8080), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def masters(processes):
    for name, lab in (("msx01", ["--targets", "2", "--rows", "0"]), ("msx02", ["--scenario", "blocked"])):
        at = processes.lab(name, *lab, address=f"{HOSTS[name]}:1433")
        exporter(
            processes,
            name,
            f"role: master\nmaster:\n  address: '{at.address}'\n  user: msx_exporter\n"
            f"  password_file: '{processes.folder}/password'\n"
            f"ports:\n  interval: 1m\n  overrides: [{{ match: '.*', host: {HOSTS[name]}, engine_port: 1433 }}]\n",
        )
    exporter(processes, "sql01", "role: target\nmaster:\n  address: msx02\nlocal:\n  name: SQL01\n")


def exporter(processes, name, config):
    path = processes.folder / f"exporter-{name}.yml"
    path.write_text(config)
    where = f"--web.listen-address={HOSTS[name]}:9814"
    processes.run(f"exporter-{name}", program("msx_exporter"), f"--config.file={path}", where, "--web.enable-probe")
    wait(f"the exporter {name} is ready", lambda: Server(f"{HOSTS[name]}:9814").read("-/ready"), 30)


def edited(name, edits):
    """An example's text with what its reader would change, and with intervals of 2 s."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    loaded.add(name)
    for old, new in edits:
        assert old in text, f"{name} no longer holds {old}"
        text = text.replace(old, new)
    return re.sub(r"(scrape_interval|evaluation_interval|scrape_timeout): \w+", r"\1: 2s", text)


def example(processes, host, name, edits=(), flags=(), storage="--storage.tsdb.path"):
    """A Prometheus at the address of `host` with an example's file."""
    text = edited(name, edits)
    folder = processes.folder / f"{host}-{name}"
    folder.mkdir()
    (folder / name).write_text(text)
    shutil.copytree(EXAMPLES / "targets", folder / "targets")
    server = Server(f"{HOSTS[host]}:9090")
    more = [f"--config.file={folder / name}", f"{storage}={folder}/data", f"--web.listen-address={server.address}"]
    processes.run(host, PROMETHEUS, *more, *flags)
    wait(f"{host} is ready", lambda: ready(processes, host, server), 60)
    return server


def runs(processes, name):
    if processes.running[name].poll() is not None:
        raise RuntimeError(f"{name} has ended: {processes.log(name)[-2000:]}")
    return True


def ready(processes, name, server):
    return runs(processes, name) and server.read("-/ready") is not None


def alertmanager(processes, receiver):
    """The shipped routing and inhibition; notifications go to `receiver`, without delay."""
    config = {}
    for name in ("alertmanager.yml", "inhibition.yaml"):
        config |= yaml.safe_load((ROOT / "alerts/alertmanager" / name).read_text(encoding="utf-8"))
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for each in config["receivers"]:
        for hook in each.get("webhook_configs", []):
            hook["url"] = receiver.url
    path = processes.folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    server = Server(f"{HOSTS['alertmanager']}:9093")
    processes.run(
        "alertmanager",
        ALERTMANAGER,
        f"--config.file={path}",
        f"--storage.path={processes.folder}/alertmanager-{time.monotonic_ns()}",
        f"--web.listen-address={server.address}",
        "--cluster.listen-address=",
    )
    wait("alertmanager is ready", lambda: ready(processes, "alertmanager", server), 60)
    return server


def labels(prometheus, expression):
    """The labels of each series that the expression finds."""
    answer = prometheus.ask("api/v1/query", query=expression)
    return [series["metric"] for series in answer["data"]["result"]] if answer else []


def values(prometheus, expression, label):
    return {each.get(label) for each in labels(prometheus, expression)}


def known(server, alert=ALERT):
    """The alerts of this name that Alertmanager holds."""
    return [each["labels"] for each in server.ask("api/v2/alerts", filter=f'alertname="{alert}"') or []]


def places(prometheus, expression):
    """Job, instance and site of each series that the expression finds."""
    return {(each["job"], each["instance"], each.get("site")) for each in labels(prometheus, expression)}


def metric(server, name):
    """The sum of a metric on a server's own page."""
    page = (server.read("metrics") or b"").decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE))


def fits(found, wanted):
    return wanted.items() <= found.items()


def scraped(processes, receiver):
    """Static, by file and by HTTP: all find the same two masters, and no other under their job."""
    alerts = alertmanager(processes, receiver)
    static = example(processes, "prometheus-north", "scrape-static.yml")
    by_file = example(processes, "prometheus-south", "scrape-file.yml")
    by_http = example(processes, "prometheus-global", "scrape-http.yml")
    for name, prometheus in (("static", static), ("file", by_file), ("http", by_http)):
        wait(
            f"{name}: both masters are read",
            lambda: values(prometheus, 'msx_up{job="msx"} == 1', "instance") == BOTH,
            60,
        )
        wait(
            f"{name}: the rules run", lambda: values(prometheus, "msx_target:poll_age:seconds", "instance") == BOTH, 60
        )
    wait(
        "file: the exporter on a target",
        lambda: values(by_file, 'up{job="msx-target"} == 1', "instance") == {"sql01:9814"},
        30,
    )
    found = {"SQL00000:9814", "SQL00001:9814", *(f"SQL0{number}:9814" for number in range(1, 7))}
    wait("http: /sd names every target", lambda: values(by_http, 'up{job="msx-target"}', "instance") == found, 30)
    wait(
        "http: the exporter on a target",
        lambda: "SQL01:9814" in values(by_http, 'up{job="msx-target"} == 1', "instance"),
        30,
    )
    # SQL01 is asked of msx02, SQL00001 of msx01: neither knows the other's.
    probed = {"SQL00000\\INST1", "SQL00001", *(f"SQL0{number}" for number in range(1, 7))}
    probes = 'msx_port_open{job="msx-probe",check="engine"} == 1'
    wait("http: each target is probed by its own master", lambda: values(by_http, probes, "target") == probed, 60)
    wait("the alert reaches Alertmanager", lambda: any(fits(each, BLOCKED) for each in known(alerts)), 60)
    assert len(known(alerts)) == 1, f"one alert, whichever sends it: {known(alerts)}"
    # A master that leaves the file leaves Prometheus, without a reload.
    path = processes.folder / "prometheus-south-scrape-file.yml/targets/msx.yml"
    # Replaced in one step, as a deployment should.
    path.with_suffix(".new").write_text(path.read_text().replace(', "msx02:9814"', ""))
    path.with_suffix(".new").replace(path)
    wait("file: a change is noticed", lambda: values(by_file, 'up{job="msx"}', "instance") == {"msx01:9814"}, 60)


def pair(processes, receiver):
    """Two that do the same: one alert, one notification; and when one dies the alert stays."""
    began = len(receiver.notifications)
    alerts = alertmanager(processes, receiver)
    # What still fires is sent again; once a minute by default.
    often = ["--rules.alert.resend-delay=3s"]
    both = [
        example(processes, "prometheus-north", "ha-pair.yml", flags=often),
        example(processes, "prometheus-south", "ha-pair.yml", [("replica: a", "replica: b")], often),
    ]
    for prometheus in both:
        firing = f'ALERTS{{alertname="{ALERT}",alertstate="firing"}}'
        wait("each of the two fires", lambda: any(fits(each, BLOCKED) for each in labels(prometheus, firing)), 60)
        wait("each of the two has sent it", lambda: metric(prometheus, "prometheus_notifications_sent_total") > 0, 60)
    receiver.wait_for("the notification", lambda alert: fits(alert["labels"], BLOCKED | {"alertname": ALERT}))
    flushes = metric(alerts, "alertmanager_nflog_queries_total")
    wait(
        "Alertmanager thought of it again",
        lambda: metric(alerts, "alertmanager_nflog_queries_total") > flushes + 10,
        60,
    )
    mine = [each for each in receiver.notifications[began:] if each["commonLabels"].get("alertname") == ALERT]
    assert len(mine) == 1 and len(mine[0]["alerts"]) == 1, f"one notification: {mine}"
    (only,) = known(alerts)
    assert only["site"] == "north" and "replica" not in only, only
    processes.stop("prometheus-north")
    sent = metric(both[1], "prometheus_notifications_sent_total")
    wait("the other goes on", lambda: metric(both[1], "prometheus_notifications_sent_total") > sent, 90)
    assert len(known(alerts)) == 1


def masters_table(prometheus):
    """The cells that the fleet dashboard's table of masters has there: column and row."""
    dashboard = dashboards()["msx-overview"]
    page = Page(dashboard, time.time() - 600, time.time())
    for variable in variables(dashboard):
        page.choose(variable, ["$__all"], [])
    (table,) = (panel for panel in panels(dashboard) if panel["title"] == "Masters")
    return {(target["refId"], each["key"]) for target in table["targets"] for each in labels(prometheus, page.fill(target["expr"]))}


def federated(processes, receiver):
    """A global server copies from a server of each site: job, instance and site are what they were."""
    alertmanager(processes, receiver)
    alone = ('"msx01:9814", "msx02:9814"', '"msx01:9814"')
    below = example(processes, "prometheus-north", "ha-pair.yml", [alone])
    southern = (alone[0], '"msx02:9814"')
    example(processes, "prometheus-south", "ha-pair.yml", [southern, ("site: north", "site: south")])
    above = example(processes, "prometheus-global", "federate-global.yml")
    for expression in (
        "msx_up == 1",
        'up{job="msx"} == 1',
        "msx_target_last_poll_timestamp_seconds",
        "msx_target:poll_age:seconds",
    ):
        wait(f"above: {expression} of both sites", lambda: places(above, expression) == SITES, 60)
    firing = f'ALERTS{{alertname="{ALERT}",alertstate="firing",site="south"}}'
    wait("above: what fires below", lambda: any(fits(each, BLOCKED) for each in labels(above, firing)), 60)
    groups = above.ask("api/v1/rules")["data"]["groups"]
    assert groups == [], f"no rules above: {groups}"
    processes.stop("prometheus-global")
    shutil.rmtree(processes.folder / "prometheus-global-federate-global.yml")
    short = re.search(r"# ('\{.*\}')", (EXAMPLES / "federate-global.yml").read_text())[1]
    above = example(processes, "prometheus-global", "federate-global.yml", [("""'{job=~"msx(-target|-probe)?"}'""", short)])
    wait("the short list: the table of masters is as full as below", lambda: masters_table(above) >= masters_table(below) != set(), 60)
    assert not labels(above, '{__name__=~"msx_(target|port|job)_.*"}')


def sharded(processes, receiver):
    """Two that share the masters: each master on one of them, and with it the exporters of its targets."""
    alertmanager(processes, receiver)
    other = [('shard: "0"', 'shard: "1"'), ('regex: "0"', 'regex: "1"')]
    both = [example(processes, "prometheus-north", "shard.yml"), example(processes, "prometheus-south", "shard.yml", other)]
    targets = {"msx01:9814": {"SQL00000:9814", "SQL00001:9814"}, "msx02:9814": {f"SQL0{number}:9814" for number in range(1, 7)}}
    for prometheus, master in zip(both, targets):
        wait("a shard has its master alone", lambda: values(prometheus, 'msx_up{job="msx"} == 1', "instance") == {master}, 60)
        found = lambda: values(prometheus, 'up{job="msx-target"}', "instance")  # noqa: E731
        wait("and the targets of that master alone", lambda: found() == targets[master], 60)


def agent_flag():
    """Version 3 has a flag of its own."""
    known = subprocess.run([PROMETHEUS, "--help"], capture_output=True, text=True)
    return "--agent" if re.search(r"--(\[no-\])?agent\b", known.stdout + known.stderr) else "--enable-feature=agent"


def vmagent(processes, host, edits):
    """vmagent reads the scrape jobs and external labels of agent.yml, and where to send from its flags."""
    text = edited("agent.yml", edits)
    path = processes.folder / f"{host}-vmagent.yml"
    path.write_text(text)
    writes = yaml.safe_load(text)["remote_write"][0]
    kept = processes.folder / f"{host}-relabel.yml"
    kept.write_text(yaml.safe_dump(writes["write_relabel_configs"]))
    processes.run(
        host, VMAGENT, f"-promscrape.config={path}", "-promscrape.config.strictParse=false", f"-remoteWrite.url={writes['url']}",
        f"-remoteWrite.urlRelabelConfig={kept}", "-remoteWrite.forcePromProto", f"-remoteWrite.tmpDataPath={processes.folder / host}",
        f"-httpListenAddr={HOSTS[host]}:8429",
    )


def written(processes, receiver):
    """Agents that only send; the rules run where they send to, and see an exporter that ends."""
    alerts = alertmanager(processes, receiver)
    flags = ["--web.enable-remote-write-receiver"]
    above = example(processes, "prometheus-global", "receiver.yml", flags=flags)
    # What fires before is sent again after a minute only.
    wait("it found its Alertmanager", lambda: above.ask("api/v1/alertmanagers")["data"]["activeAlertmanagers"], 30)
    agent = {"flags": [agent_flag()], "storage": "--storage.agent.path"}
    example(processes, "prometheus-north", "agent.yml", **agent)
    if VMAGENT:
        vmagent(processes, "prometheus-south", SOUTHERN)
    else:
        example(processes, "prometheus-south", "agent.yml", SOUTHERN, **agent)
    wait("both agents send", lambda: places(above, "msx_up == 1") == SITES, 60)
    wait("the rules run above", lambda: values(above, "msx_target:poll_age:seconds", "instance") == BOTH, 60)
    wait("the alert reaches Alertmanager", lambda: any(fits(each, BLOCKED) for each in known(alerts)), 60)
    processes.stop("exporter-msx02")
    down = {"instance": "msx02:9814", "job": "msx", "site": "south"}
    wait(
        "above: the exporter that ended", lambda: any(fits(each, down) for each in known(alerts, "MsxExporterDown")), 60
    )
    assert len(known(alerts, "MsxExporterDown")) == 1


def of_msx02(prometheus, job):
    """The series of its exporter by this job, without the labels of whom they came by."""
    found = labels(prometheus, f'{{__name__!~"ALERTS.*|.*:.*", job="{job}", instance="msx02:9814"}}')
    return {frozenset((name, value) for name, value in each.items() if name not in ("job", "site")) for each in found}


def collected(processes, _):
    """A Collector sends the same series as an agent of Prometheus, and none of an exporter that has ended."""
    above = example(processes, "prometheus-global", "receiver.yml", flags=["--web.enable-remote-write-receiver"])
    example(processes, "prometheus-south", "agent.yml", SOUTHERN, [agent_flag()], "--storage.agent.path")
    path = processes.folder / "otelcol.yaml"
    path.write_text(edited("agents/otelcol.yaml", [*SOUTHERN, ("job_name: msx", "job_name: msx-otel")]))
    processes.run("otelcol", OTELCOL, f"--config={path}")
    wait("the agent sends", lambda: len(of_msx02(above, "msx")) > 100, 60)
    same = lambda: runs(processes, "otelcol") and of_msx02(above, "msx-otel") == of_msx02(above, "msx")  # noqa: E731
    wait("the Collector sends the same", same, 60)
    assert values(above, 'up{job="msx-otel"}', "site") == {"south"}
    processes.stop("exporter-msx02")
    wait("up is what outlasts it", lambda: not labels(above, '{__name__=~"msx_[^:]*", job="msx-otel"}') and same(), 30)
    assert labels(above, 'up{job="msx-otel"} == 0')


def main():
    outcome = {"passed": 0, "failed": 0}
    with Processes("msx-many-") as processes, Receiver() as receiver:
        lay_out(processes.folder)
        processes.closing.append(Inventory())
        masters(processes)
        for part in [collected] if OTELCOL else [scraped, pair, federated, sharded, written]:
            before, began = set(processes.running), time.monotonic()
            try:
                part(processes, receiver)
                outcome["passed"] += 1
                print(f"ok   {part.__name__}, {time.monotonic() - began:.0f} s: {part.__doc__}")
            except (AssertionError, TimeoutError, RuntimeError, ValueError) as error:
                outcome["failed"] += 1
                print(f"FAIL {part.__name__}: {error}")
            for name in set(processes.running) - before:
                processes.stop(name)
            for path in [*processes.folder.glob("prometheus-*.yml")]:
                shutil.rmtree(path, ignore_errors=True)
        unseen = {path.name for path in EXAMPLES.glob("*.yml")} - loaded
        if unseen and not OTELCOL:
            outcome["failed"] += 1
            print(f"FAIL not loaded: {unseen}")
        subprocess.run(["umount", "/etc/hosts"], check=True)
    print(", ".join(f"{count} {what}" for what, count in outcome.items()))
    sys.exit(outcome["failed"] > 0)


if __name__ == "__main__":
    main()
