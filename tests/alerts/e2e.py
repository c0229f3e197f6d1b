"""Alerts from their cause to the pager: a master in the lab, the exporter, a real Prometheus with the rules as shipped,
a real Alertmanager with the inhibition as shipped, and a webhook that takes what it sends.

Each incident has a master of its own and lives at the same time as all others: it is well, it breaks, its alerts
arrive, it is repaired, its alerts end. `for` and `keep_firing_for` pass in real time, so this takes half an hour.
Prints what arrives as it arrives, and ends with `end to end: N passed, M failed`. Names of incidents as arguments
choose some of them.
"""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.lib.processes import override, wait
from tests.lib.webhook import Receiver

from .e2e_incident import FLEET, NAMED, SLACK, Estate, Incident
from .e2e_servers import Servers, utc

AGO = r"\d+m \d+s"
PROXY = "The job step requires a proxy account, however proxy matching is disabled on the target server."


def at_door(target, door, required):
    """These ports for this target, before those of all others."""
    return [override(re.escape(target), door.port, required)]


def seen(state):
    return rf"Its engine port as seen from the master: {state} \(polling does not take that way\)\."


def last_polled(target, age=AGO):
    return rf"{re.escape(target)} last polled {age} ago; its own interval is 10s\."


def stops_polling(estate):
    """The owner is notified, since the configuration gives the target a route."""
    it = yield Incident(
        estate, "stops_polling", more="targets:\n  labels:\n    - { match: '.*INST1', route: payroll-team }\n"
    )
    it.breaks(f"stop {NAMED}")
    it.fires(
        "MsxTargetNotPolling", "warning", f"{last_polled(NAMED)} Diagnosis: stopped polling. {seen('open')}",
        "payroll-team", NAMED, route="payroll-team",
    )
    it.repairs(f"resume {NAMED}")
    it.ends("MsxTargetNotPolling")


def engine_stops(estate):
    """The instance went down: its port refuses and it no longer polls. Both are said, neither hides the other."""
    door = estate.servers.door("open")
    it = yield Incident(estate, "engine_stops", ports=at_door(NAMED, door, True))
    door.set("refused")
    it.breaks(f"stop {NAMED}")
    it.fires(
        "MsxTargetNotPolling", "warning", f"{last_polled(NAMED)} Diagnosis: engine down. {seen('refused')}", target=NAMED
    )
    it.fires(
        "MsxPortClosed", "warning",
        rf"The port engine \(to target\) of {re.escape(NAMED)} is required and not open: refused \(tcp {door.port}\)\.",
        target=NAMED, check="engine", direction="to_target",
    )
    door.set("open")
    it.repairs(f"resume {NAMED}")
    it.ends("MsxTargetNotPolling")
    it.ends("MsxPortClosed")


def long_silent(estate):
    """Silent for 40 minutes: someone is called, and the warning is held back. Its port, which is not required, is
    filtered all the time and accused of nothing."""
    door = estate.servers.door("filtered")
    it = yield Incident(estate, "long_silent", behind=timedelta(minutes=40), ports=at_door(NAMED, door, False))
    it.breaks(f"stop {NAMED}", "advance 40m")
    age = r"4\dm \d+s"
    it.fires(
        "MsxTargetPollStopped", "critical",
        rf"{last_polled(NAMED, age)} Its jobs run on without changes, and their results do not arrive\. "
        f"Diagnosis: stopped polling. {seen('filtered')}",
        "on-call", NAMED,
    )
    it.silenced("MsxTargetNotPolling")
    it.repairs(f"resume {NAMED}")
    it.ends("MsxTargetPollStopped")


def never_polls(estate):
    """Enlisted 12 minutes ago, and never heard of since."""
    target = r"SQL07\PAYROLL"
    it = yield Incident(estate, "never_polls", behind=timedelta(minutes=12))
    it.breaks(f"enlist {target}", f"stop {target}", *[f"post {target}"] * 3, "advance 12m")
    it.fires(
        "MsxTargetNeverPolled", "warning",
        rf"{re.escape(target)} was enlisted 1\dm \d+s ago and has never polled\. Instructions that wait for it: 3\. "
        rf"{seen('open')} Look at SQL Server Agent on the target, its login on the master and MsxEncryptChannelOptions\.",
        target=target,
    )
    it.repairs(f"resume {target}")
    it.ends("MsxTargetNeverPolled")


FAILED = (
    rf"{re.escape(NAMED)} failed 1 instruction; nothing behind is downloaded until that is cleared\. "
    r"Reason: proxy disabled\. Waiting behind: 2\."
)


def is_blocked(estate):
    """One instruction failed and holds two more, until the target is synchronised again."""
    it = yield Incident(estate, "is_blocked")
    it.breaks(f"fail {NAMED} {PROXY}", f"post {NAMED}", f"post {NAMED}")
    it.fires("MsxTargetDownloadErrors", "warning", FAILED, target=NAMED)
    it.repairs(f"resync {NAMED}")
    it.ends("MsxTargetDownloadErrors")


def is_stuck(estate):
    """It polls and takes nothing; what was posted two hours ago still waits. Defecting and enlisting it again helps."""
    it = yield Incident(estate, "is_stuck", lab=("--scenario", "not_downloading"))
    it.fires(
        "MsxTargetDownloadsStuck", "warning",
        r"SQL03 still polled 2h \d+m \d+s after its oldest waiting instruction was posted and did not take it\. Waiting: 3\.",
        target="SQL03", since=estate.watched,
    )
    it.repairs("defect SQL03", "enlist SQL03")
    it.ends("MsxTargetDownloadsStuck")


def port_filtered(estate):
    """A required port of a target that goes on polling: nothing but the port is spoken of."""
    door = estate.servers.door("open")
    it = yield Incident(estate, "port_filtered", ports=at_door(NAMED, door, True))
    it.breaks()
    door.set("filtered")
    it.fires(
        "MsxPortClosed", "warning",
        rf"The port engine \(to target\) of {re.escape(NAMED)} is required and not open: filtered \(tcp {door.port}\)\.",
        target=NAMED, check="engine", direction="to_target",
    )
    it.repairs()
    door.set("open")
    it.ends("MsxPortClosed")


def master_down(estate):
    """A target is blocked, then the master goes. What was known of the target is held and silenced."""
    it = yield Incident(estate, "master_down")
    it.breaks(f"fail {NAMED} {PROXY}", f"post {NAMED}", f"post {NAMED}")
    it.fires("MsxTargetDownloadErrors", "warning", FAILED, target=NAMED)
    gone = it.mark = time.time()
    it.site.stop_lab()
    it.fires(
        "MsxMasterUnreadable", "critical",
        rf"The exporter at {re.escape(it.site.instance)} answers, but has not read its master for 3 minutes\. "
        r"Most attempts stop at the stage connect\. "
        r"No alert on a target starts meanwhile; one that ends now has not recovered, it is only unseen\.",
        "on-call",
    )
    it.silenced("MsxTargetDownloadErrors")
    it.mark = time.time()
    it.site.start_lab()
    it.ends("MsxMasterUnreadable")
    # Two minutes without a good reading end the roster, and its hold begins then. The last one was a scrape earlier.
    it.ends("MsxTargetDownloadErrors", since=gone + 110)


def master_without_targets(estate):
    """All targets leave at once, as after a restore of msdb."""
    it = yield Incident(estate, "master_without_targets")
    it.breaks(*[f"defect {name}" for name in FLEET])
    it.fires(
        "MsxMasterLostTargets", "critical",
        rf"The master behind {re.escape(it.site.instance)} can be read and lists no target; within the last day it listed 4\. "
        r"Suspect that msdb was restored, or that the instance moved or failed over\.",
        "on-call",
    )
    it.repairs(*[f"enlist {name}" for name in FLEET])
    it.ends("MsxMasterLostTargets")


def in_maintenance(estate):
    """A target stops in its maintenance, and a port that is not required is filtered: nothing is heard of either."""
    door = estate.servers.door("filtered")
    window = f"{{ match: '.*INST1', from: {utc(timedelta(hours=1))}, until: {utc(-timedelta(hours=2))}, reason: patching }}"
    it = yield Incident(
        estate, "in_maintenance", more=f"maintenance:\n  - {window}\n", ports=at_door("SQL00001", door, False)
    )
    it.breaks(f"stop {NAMED}")
    late = f'msx_target:poll_lateness:ratio{{instance="{it.site.instance}"}} > 60'
    wait("the target is long overdue", lambda: it.number(late), 600 + SLACK)
    closed = it.number(f'msx_port_open{{instance="{it.site.instance}",target="SQL00001"}}') == 0
    estate.tell(closed, "in_maintenance: a target is over 60 intervals late, a port of another is closed")


INCIDENTS = [
    stops_polling, engine_stops, long_silent, never_polls, is_blocked, is_stuck, port_filtered, master_down,
    master_without_targets, in_maintenance,
]


def live(estate, story, incident):
    """Lets one incident happen to its end, or to the first thing that is not as it should be."""
    name = incident.site.name
    try:
        if name == "is_stuck":
            incident.is_well(60)
        else:
            incident.polls_fast()
            incident.is_well()
        story.send(incident)
    except StopIteration:
        return
    except Exception as fault:
        estate.tell(False, f"{name}: {type(fault).__name__}: {fault}", [estate.servers.last_lines(f"exporter-{name}")])


def strangers(estate, incidents):
    """Yields alerts that arrived and that no incident waited for."""
    awaited = {(it.site.instance, alert, f"/{receiver}") for it in incidents for alert, receiver in it.fired}
    names = {it.site.instance: it.site.name for it in incidents}
    for each in estate.receiver.alerts():
        labels = each["labels"]
        if (labels.get("instance"), labels["alertname"], each["path"]) not in awaited:
            yield f"{names.get(labels.get('instance'))}: {labels['alertname']} of {labels.get('target')} at {each['path']}"


def main():
    chosen = [story for story in INCIDENTS if not sys.argv[1:] or story.__name__ in sys.argv[1:]]
    with Receiver() as receiver, Servers(receiver.url) as servers:
        estate = Estate(servers, receiver)
        stories = [story(estate) for story in chosen]
        incidents = [next(story) for story in stories]
        estate.watched = time.time()
        servers.watch([it.site for it in incidents])
        estate.tell(True, f"{len(incidents)} masters are watched")
        with ThreadPoolExecutor(len(incidents)) as pool:
            list(pool.map(live, [estate] * len(incidents), stories, incidents))
        strange = sorted(set(strangers(estate, incidents)))
        estate.tell(not strange, "nothing arrived that was not awaited", strange)
        print(f"end to end: {estate.tally[True]} passed, {estate.tally[False]} failed")
        return 1 if estate.tally[False] else 0


if __name__ == "__main__":
    sys.exit(main())
