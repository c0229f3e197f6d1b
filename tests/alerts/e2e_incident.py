"""What befalls a master of the end-to-end test, and the judgement on every word that arrives because of it."""

import re
import threading
import time
import urllib.parse
from datetime import datetime

import yaml

from tests import ROOT
from tests.lib.processes import wait

from .e2e_servers import ALERTS, Site

NAMED = r"SQL00000\INST1"
FLEET = [NAMED, "SQL00001", "SQL00002", "SQL00003"]
RUNBOOKS = "https://github.com/msx-exporter/msx_exporter/blob/main/"
# Seconds that a scrape, an evaluation, the port's own interval and a notification may take beyond what a rule waits.
SLACK = 120


def rules():
    """The shipped alerts by name and severity."""
    loaded = {}
    for path in ALERTS.glob("msx-*.yaml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    loaded[rule["alert"], rule["labels"]["severity"]] = rule
    return loaded


RULES = rules()
BOARDS = {path.stem for path in (ROOT / "dashboards").glob("msx-*.json")}


def seconds(text):
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def at(text):
    """The time of a notification, which has up to nine digits of a second."""
    return datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", lambda m: "." + m[1].ljust(6, "0"), text)).timestamp()


class Estate:
    """The servers, the receiver of notifications, and what was counted."""

    def __init__(self, servers, receiver):
        self.servers, self.receiver = servers, receiver
        self.began = time.monotonic()
        self.watched = 0.0
        self.tally = {True: 0, False: 0}
        self.lock = threading.Lock()

    def tell(self, passed, what, more=()):
        with self.lock:
            self.tally[passed] += 1
            minutes, second = divmod(int(time.monotonic() - self.began), 60)
            print(f"{minutes:02}:{second:02} {'ok    ' if passed else 'FAILED'} {what}", flush=True)
            for line in more:
                print(f"             {line}", flush=True)


class Faulty(Exception):
    """What arrived, or did not, is not what was expected."""


class Incident:
    """What befalls one master, and what is heard of it."""

    def __init__(self, estate, name, **site):
        self.estate, self.site = estate, Site(estate.servers, name, **site)
        self.mark = time.time()
        self.fired = []

    def is_well(self, interval=10):
        """Waits until Prometheus sees targets that poll at this interval, and no alert of theirs is on its way."""
        site = self.site
        every = f'msx_target_poll_interval_seconds{{instance="{site.instance}"}}'
        wait(f"{site.name} polls every {interval} s", lambda: self.number(f"max({every})") == interval, 120)
        late = f'max(msx_target:poll_lateness:ratio{{instance="{site.instance}"}}) < 3'
        wait(f"all of {site.name} poll", lambda: self.number(late) is not None, 60)
        # A clock may be behind until something breaks, and what is stuck is stuck from the beginning.
        known = "MsxMasterClockOff|MsxTargetDownloadsStuck"
        early = self.number(f'count(ALERTS{{instance="{site.instance}",alertname!~"{known}"}})')
        if early:
            raise Faulty(f"{early:.0f} alerts before anything broke")

    def number(self, expression):
        return self.estate.servers.number(expression)

    def polls_fast(self):
        """A SET-POLL without a number is taken as the least interval, 10 s."""
        self.site.do(*[f"post {name} set_poll" for name in FLEET])

    def breaks(self, *commands):
        self.mark = time.time()
        self.site.do(*commands)

    repairs = breaks

    def fires(self, alert, severity, says, receiver="tickets", target=None, since=None, **more):
        """Waits for the notification and judges every word of it. `says` is the complete description, as a pattern."""
        rule = RULES[alert, severity]
        wanted = {
            **rule["labels"], "alertname": alert, "job": "msx", "instance": self.site.instance,
            **({"target": target} if target else {}), **more,
        }
        patience = seconds(rule["for"])
        self.fired.append((alert, receiver))
        got = self.estate.receiver.wait_for(
            f"{self.site.name}: {alert}",
            lambda each: each["status"] == "firing" and each["path"] == f"/{receiver}" and self.mine(each, alert),
            patience + SLACK,
        )
        faults = list(text_faults(got, rule, says))
        if got["labels"] != wanted:
            faults.append(f"labels {got['labels']}, not {wanted}")
        after = at(got["startsAt"]) - (since or self.mark)
        if not patience - 1 <= after <= patience + SLACK:
            faults.append(f"fired after {after:.0f} s, and its `for` is {rule['for']}")
        self.estate.tell(
            not faults, f"{self.site.name}: {alert} ({severity}) fired {after:.0f} s after the cause, came to {receiver}",
            [got["annotations"]["description"], *faults],
        )

    def ends(self, alert, since=None):
        """Waits for the news that it is over."""
        rule = next(rule for (name, _), rule in RULES.items() if name == alert)
        keep = seconds(rule.get("keep_firing_for", "0s"))
        receiver = next(path for name, path in self.fired if name == alert)
        got = self.estate.receiver.wait_for(
            f"{self.site.name}: the end of {alert}",
            lambda each: each["status"] == "resolved" and each["path"] == f"/{receiver}" and self.mine(each, alert),
            keep + SLACK,
        )
        after = at(got["endsAt"]) - (since or self.mark)
        faults = [] if keep - 1 <= after <= keep + SLACK else [f"ended after {after:.0f} s, and is held for {keep} s"]
        self.estate.tell(not faults, f"{self.site.name}: {alert} resolved {after:.0f} s after its cause ended", faults)

    def silenced(self, alert):
        """Waits until Alertmanager holds it back because of another."""
        servers, instance = self.estate.servers, self.site.instance
        wait(f"{alert} is suppressed", lambda: servers.state(alert, instance) == "suppressed", 60)
        self.estate.tell(True, f"{self.site.name}: {alert} is silenced by another alert")

    def mine(self, each, alert):
        return each["labels"]["alertname"] == alert and each["labels"].get("instance") == self.site.instance


def text_faults(got, rule, says):
    """Yields what is wrong with the annotations of a notification."""
    labels, annotations = got["labels"], got["annotations"]
    if annotations.keys() != rule["annotations"].keys():
        yield f"annotations {sorted(annotations)}"
    if not re.fullmatch(says, annotations["description"]):
        yield f"the description is not {says}"
    for name in ("summary", "runbook_url"):
        if annotations[name] != rule["annotations"][name]:
            yield f"{name} is {annotations[name]!r}"
    runbook = ROOT / annotations["runbook_url"].removeprefix(RUNBOOKS)
    if not runbook.is_file() or not runbook.read_text(encoding="utf-8").startswith(f"# {labels['alertname']}"):
        yield f"{annotations['runbook_url']} leads to no runbook of its own"
    link = urllib.parse.urlsplit(annotations["dashboard_url"])
    if link.path.removeprefix("/d/") not in BOARDS:
        yield f"{annotations['dashboard_url']} leads to no dashboard"
    for name, value in urllib.parse.parse_qsl(link.query):
        if labels.get(name.removeprefix("var-")) != value:
            yield f"{annotations['dashboard_url']} chooses {name} {value!r}"
