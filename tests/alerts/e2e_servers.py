"""Everything from a master to the pager: labs that play masters, an exporter next to each, one Prometheus with the
shipped rules, one Alertmanager with the shipped routing and inhibition.

Intervals are short by configuration alone: targets poll every 10 s (a SET-POLL instruction), ports are checked every
10 s, Prometheus scrapes and evaluates every 5 s, Alertmanager waits for 1 s. `for` and `keep_firing_for` are shipped.
"""

import json
from datetime import datetime, timedelta, timezone

import yaml

from tests import ROOT
from tests.lib.processes import Processes, override

ALERTS = ROOT / "alerts"
EVERY = "5s"


def utc(ago=timedelta()):
    return (datetime.now(timezone.utc) - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


class Site:
    """One master with its exporter. Nothing that befalls it is of any concern to the others."""

    def __init__(self, servers, name, lab=("--targets", "4", "--rows", "0"), behind=timedelta(), ports=(), more=""):
        """`behind` is how far the master's clock is behind at first, so that `advance` brings it to the right time.
        `ports` are overrides that come before the one for all targets."""
        self.servers, self.name = servers, name
        self.arguments = [*lab, *(["--at", utc(behind)] if behind else [])]
        self.lab = servers.lab(name, *self.arguments)
        sweep = {"interval": "10s", "timeout": "1s"}
        self.instance = servers.exporter(name, self.lab.address, sweep, [*ports, override(".*", self.lab.port)], more)

    def start_lab(self):
        """On the same address: the master is back."""
        self.lab = self.servers.lab(self.name, *self.arguments, address=self.lab.address)

    def stop_lab(self):
        self.servers.stop(f"lab-{self.name}")

    def do(self, *commands):
        self.lab.do(*commands)


class Servers(Processes):
    """All that runs, as a context. `receiver` is the URL that notifications go to; the name of the shipped receiver is
    appended, so that routing shows."""

    def __init__(self, receiver):
        super().__init__("msx-e2e-")
        self.receiver = receiver

    def watch(self, sites):
        """Starts Alertmanager and Prometheus over these masters."""
        config = yaml.safe_load((ALERTS / "alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
        config |= yaml.safe_load((ALERTS / "alertmanager/inhibition.yaml").read_text(encoding="utf-8"))
        config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        # The example mutes the person on call on Saturday nights, which may be now.
        for interval in config["time_intervals"]:
            interval["time_intervals"] = [{"years": ["2000"]}]
        for receiver in config["receivers"]:
            for hook in receiver.get("webhook_configs", []):
                hook["url"] = f"{self.receiver}/{receiver['name']}"
        self.pager = self.alertmanager(yaml.safe_dump(config))
        self.metrics = self.prometheus(
            {
                "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
                "rule_files": [str(ALERTS / "msx-*.yaml")],
                "scrape_configs": [
                    {"job_name": "msx", "static_configs": [{"targets": [site.instance for site in sites]}]}
                ],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [self.pager.address]}]}]},
            }
        )

    def number(self, expression):
        return self.metrics.number(expression)

    def state(self, alert, instance):
        """What Alertmanager does with an alert: `active`, `suppressed`; None where it does not know of it."""
        known = json.loads(self.pager.read("api/v2/alerts", filter=f'alertname="{alert}"') or "[]")
        return next((each["status"]["state"] for each in known if each["labels"].get("instance") == instance), None)

    def last_lines(self, name):
        """The last lines that a process wrote."""
        return "\n".join(self.log(name).splitlines()[-8:])
