"""Starts a real Alertmanager with the shipped routing and inhibition, posts alerts to it and asks it what it silences.

Prints one line a fault and ends with `inhibition, silences and routing: N passed, N failed`.
"""

import json
import re
import shlex
import subprocess
import sys
import urllib.request

import yaml

from tests import ROOT
from tests.lib.processes import Processes, wait

SHIPPED = ROOT / "alerts" / "alertmanager"
A, B = "msx1:9814", "msx2:9814"
T = r"SQL01\PAYROLL"
DEADLINE = 30


def alert(name, instance=A, severity="warning", component="target", **more):
    return {"alertname": name, "job": "msx", "instance": instance, "severity": severity, "component": component, **more}


def exporter_down(instance=A):
    return alert("MsxExporterDown", instance, "critical", "exporter")


def unreadable(instance=A):
    return alert("MsxMasterUnreadable", instance, "critical", "master")


def not_polling(instance=A, target=T):
    return alert("MsxTargetNotPolling", instance, target=target)


def stopped(instance=A, target=T):
    return alert("MsxTargetPollStopped", instance, "critical", target=target)


def never(instance=A):
    return alert("MsxTargetNeverPolled", instance, target=T)


def errors(instance=A):
    return alert("MsxTargetDownloadErrors", instance, target=T)


def port(instance=A, check="engine", target=T):
    return alert("MsxPortClosed", instance, component="port", target=target, check=check, direction="to_target")


def many(instance=A):
    return alert("MsxManyTargetsNotPolling", instance, "critical", "master")


def many_ports(instance=A, check="engine"):
    return alert("MsxManyPortsClosed", instance, component="port", check=check, direction="to_target")


def certificate(severity, instance=A):
    return alert("MsxMasterCertificateExpiring", instance, severity, "master")


FOREIGN = {"alertname": "DiskFull", "severity": "critical", "job": "node", "instance": A, "component": "disk"}

# What it is about, the alerts that fire, and which of them are silenced.
CASES = [
    ("a master that cannot be read silences its targets and ports", [unreadable(), not_polling(), never(), errors(), port()],
     [not_polling(), never(), errors(), port()]),
    ("and no other master's", [unreadable(), errors(B), port(B), stopped(B)], []),
    ("nor its own master's alerts", [unreadable(), certificate("warning"), alert("MsxMasterAgentDown", component="master")], []),
    ("an exporter that does not answer silences all that it would have said", [exporter_down(), unreadable(), not_polling(), port()],
     [unreadable(), not_polling(), port()]),
    ("and nothing of the other", [exporter_down(), certificate("critical", B), not_polling(B)], []),
    ("many targets silence the single ones", [many(), not_polling(), stopped(), never()], [not_polling(), stopped(), never()]),
    ("but not what else is wrong with them, nor another master's", [many(), errors(), port(), stopped(B)], []),
    ("a critical silences its own warning", [stopped(), not_polling()], [not_polling()]),
    ("not another target's", [stopped(), not_polling(target="SQL02")], []),
    ("not the same name below another master", [stopped(), not_polling(B)], []),
    ("a port alert never silences a poll alert", [port(), many_ports(), not_polling(), stopped(target="SQL02"), never(B)], [port()]),
    ("many ports silence the single ones of that check", [many_ports(), port(), port(check="smb")], [port()]),
    ("three days silence three weeks", [certificate("critical"), certificate("warning")], [certificate("warning")]),
    ("of the same master only", [certificate("critical"), certificate("warning", B)], []),
    ("a master without targets silences what its targets would say",
     [alert("MsxMasterLostTargets", severity="critical", component="master"), alert("MsxTargetDefected", severity="info", target=T)],
     [alert("MsxTargetDefected", severity="info", target=T)]),
    ("a page that stands still silences what was true of old", [alert("MsxPageStale", severity="critical", component="exporter"), not_polling()],
     [not_polling()]),
    ("a target that does not poll silences its old page", [not_polling(), alert("MsxTargetPageStale", target=T)], [alert("MsxTargetPageStale", target=T)]),
    ("an exporter that is gone silences its own warning",
     [alert("MsxExporterAbsent", severity=each, component="exporter", role="master") for each in ("critical", "warning")],
     [alert("MsxExporterAbsent", severity="warning", component="exporter", role="master")]),
    ("alerts of others are left alone", [exporter_down(), unreadable(), many(), FOREIGN], [unreadable(), many()]),
]

# Labels and the receivers that the shipped routes send them to.
ROUTES = [
    (stopped(), ["on-call"]),
    (not_polling(), ["tickets"]),
    ({**stopped(), "route": "payroll-team"}, ["payroll-team", "on-call"]),
    ({**not_polling(), "route": "payroll-team"}, ["payroll-team"]),
    (alert("MsxTargetDefected", severity="info", target=T), ["none"]),
    ({"alertname": "Watchdog", "severity": "none"}, ["dead-mans-switch"]),
]


class Pager:
    """An Alertmanager as shipped, to which alerts are posted and which is asked what it makes of them."""

    def __init__(self, processes):
        config = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
        config |= yaml.safe_load((SHIPPED / "inhibition.yaml").read_text())
        # The receivers of the example lead nowhere, and nothing shall be tried on the way there.
        for receiver in config["receivers"]:
            receiver.pop("webhook_configs", None)
        self.url = f"http://{processes.alertmanager(yaml.safe_dump(config)).address}"
        self.config = processes.folder / "alertmanager.yml"

    def post(self, alerts, ends=None):
        body = [{"labels": labels, **({"endsAt": ends} if ends else {})} for labels in alerts]
        request = urllib.request.Request(f"{self.url}/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()

    def alerts(self):
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?inhibited=true&silenced=true&active=true", timeout=5) as answer:
            return json.load(answer)

    def states(self):
        """What is known of each alert; `unprocessed` until the dispatcher has seen it."""
        return {key(each["labels"]): each["status"] for each in self.alerts()}


def key(labels):
    return tuple(sorted(labels.items()))


def judge(server, fire, silenced):
    """The alerts that are in another state than expected."""
    wanted = {key(labels): ("suppressed" if labels in silenced else "active") for labels in fire}

    def settled():
        states = server.states()
        return all(states.get(each, {}).get("state") == state for each, state in wanted.items())

    try:
        wait("the states are as wanted", settled, DEADLINE)
        return []
    except TimeoutError:
        states = server.states()
        return [f"{dict(each)} is {states.get(each, {}).get('state', 'unknown')}, not {state}" for each, state in wanted.items()
                if states.get(each, {}).get("state") != state]


def route_of(server, labels):
    run = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={server.config}",
                          *[f"{name}={json.dumps(value)}" for name, value in labels.items()]], capture_output=True, text=True, check=True)
    return run.stdout.strip().split(",")


def recipes():
    """The `amtool silence add` lines of the README, as a reader would paste them."""
    return re.findall(r"^amtool (silence add .*)$", (ROOT / "alerts" / "README.md").read_text(), re.M)


def silenced_by(server, recipe, labels):
    """Whether this recipe silences this alert, backslash and all, and its end brings the alert back."""
    amtool = ["amtool", f"--alertmanager.url={server.url}"]
    server.post([labels])
    added = subprocess.run([*amtool, *shlex.split(recipe)], capture_output=True, text=True)
    if added.returncode:
        return f"amtool refuses {recipe}: {added.stderr}"
    silence = added.stdout.strip()
    try:
        wait("it is silenced", lambda: server.states().get(key(labels), {}).get("silencedBy") == [silence], DEADLINE)
        subprocess.run([*amtool, "silence", "expire", silence], check=True, capture_output=True)
        wait("it is active again", lambda: server.states().get(key(labels), {}).get("state") == "active", DEADLINE)
    except TimeoutError as late:
        return f"{recipe}: {late}"
    return None


def main():
    passed = failed = 0
    if subprocess.run(["amtool", "check-config", SHIPPED / "alertmanager.yml"], capture_output=True).returncode:
        print("amtool refuses alertmanager.yml as shipped")
        failed += 1
    with Processes("msx-alertmanager-") as processes:
        server = Pager(processes)
        for number, (name, fire, silenced) in enumerate(CASES):
            # Instances of their own keep the cases apart, so that one server serves them all.
            def apart(labels):
                moved = {**labels, "case": str(number)}
                for label in ("job", "instance"):
                    if label in labels:
                        moved[label] = f"{labels[label]}#{number}"
                return moved
            # Alerts take effect in their order. Once the last one's inhibition shows, so would any other.
            canary = [certificate("critical", "canary"), certificate("warning", "canary")]
            fire, silenced = fire + canary, silenced + canary[1:]
            server.post([apart(labels) for labels in fire])
            faults = judge(server, [apart(labels) for labels in fire], [apart(labels) for labels in silenced])
            passed, failed = passed + (not faults), failed + bool(faults)
            for fault in faults:
                print(f"{name}: {fault}")
        for number, recipe in enumerate(recipes()):
            fault = silenced_by(server, recipe, {**never(), "case": f"recipe {number}"})
            if fault:
                print(fault)
            passed, failed = passed + (not fault), failed + bool(fault)
        if len(recipes()) < 2:
            print("the README shows no silences")
            failed += 1
        for labels, receivers in ROUTES:
            got = route_of(server, labels)
            if got != receivers:
                print(f"{labels} goes to {got}, not to {receivers}")
            passed, failed = passed + (got == receivers), failed + (got != receivers)
    print(f"inhibition, silences and routing: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
