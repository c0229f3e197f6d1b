"""Cases of the alerts on the exporter itself."""

from .series_model import MASTER, SeriesModel, link
from .spec import Spec, case, point

EXPORTER = link("msx-exporter", job="msx", instance=MASTER)


def steps(before, after, since, until):
    """`before`, then `after` from one minute on, then `before` again."""
    return lambda m: after if since <= m < until else before


def exporter(metric, before, after, since=30, until=70, **labels):
    """A model in which one of the exporter's own series changes for a while."""
    def build(model, bad, instance):
        model.master(instance)
        model.write(metric, steps(before, after, since, until) if bad else before, instance, **labels)
    return build


def down(role):
    def build(model, bad, instance):
        model.exporter(instance, role=role, answers=lambda m: not bad or not 30 <= m < 50)
    return build


def flicker(role):
    model = SeriesModel(60)
    model.exporter(role=role, answers=lambda m: m % 5 != 0)
    return case(f"MsxExporterDown: one scrape of a {role} lost in five is no outage", model,
                [point("MsxExporterDown", m, []) for m in (30, 35, 40)])


def never_an_exporter():
    """What never answered as an exporter, as all else that this Prometheus scrapes."""
    model = SeriesModel(60)
    model.write("up", steps(0, None, 30, 61), "host1:9100", "node")
    return case("what never was an exporter is neither down nor absent", model,
                [point(alert, m, []) for alert, m in (("MsxExporterDown", 20), ("MsxExporterAbsent", 50))])


def down_since_yesterday():
    model = SeriesModel(1600)
    model.exporter(answers=lambda m: m < 30)
    return case("MsxExporterDown: an outage of over a day does not end by itself", model, [point("MsxExporterDown", 1590, [DOWN.firing(1590)])])


def prometheus_was_down_too():
    model = SeriesModel(120)
    model.exporter(answers=lambda m: m < 30, scraped=lambda m: not 30 <= m < 90)
    return case("MsxExporterDown: Prometheus itself was down for an hour", model, [point("MsxExporterDown", 96, [DOWN.firing(96)])])


def another_role():
    model = SeriesModel(60)
    model.exporter(answers=lambda m: m < 30)
    for role, here in (("master", lambda m: m < 15), ("target", lambda m: 15 <= m < 30)):
        model.write("msx_exporter_build_info", lambda m, here=here: 1 if here(m) else None, role=role)
    return case("MsxExporterDown: the role that it had last counts alone", model, [point("MsxExporterDown", 50, [DOWN_TARGET.firing(50)])])


def absent(role="master", others=()):
    def build(model, bad, instance):
        model.exporter(instance, role=role, scraped=lambda m: not bad or not 30 <= m < 60)
        for other in others:
            model.exporter(other, role=role)
    return build


def forgotten():
    model = SeriesModel(1600)
    model.exporter(scraped=lambda m: m < 30)
    return case("MsxExporterAbsent: after a day the instance is forgotten", model,
                [point("MsxExporterAbsent", 1400, [ABSENT.firing(1400)]), point("MsxExporterAbsent", 1500, [])])


def stands_still(model, bad, instance):
    """A task wrote its last page at minute 15, and goes on at minute 70."""
    model.master(instance)
    model.write("msx_exporter_collector_read_timestamp_seconds", lambda m: 60 * (15 if bad and 15 <= m < 70 else m), instance, collector="targets")


def slow_task():
    model = SeriesModel(70)
    model.master()
    model.write("msx_exporter_collector_read_timestamp_seconds", lambda m: 60 * (10 + (m - 10) // 18 * 18) if m >= 10 else None, collector="targets")
    return case("MsxPageStale: a page that is written every 18 minutes", model, [point("MsxPageStale", m, []) for m in (25, 27, 45, 60)])


def probes(model, bad, instance):
    """A probe a minute, refused from minute 30 to 70."""
    model.master(instance)
    model.write("msx_exporter_probes_total", lambda m: m, instance)
    for reason in ("credentials", "no_time"):
        refused = bad and reason == "credentials"
        model.write("msx_exporter_probe_failures_total", lambda m, refused=refused: min(max(m - 30, 0), 40) if refused else 0, instance, reason=reason)


def some_probes():
    """Two in three are refused: one target that is slow, or not listed any more."""
    model = SeriesModel(100)
    model.master()
    model.write("msx_exporter_probes_total", lambda m: 3 * m)
    model.write("msx_exporter_probe_failures_total", lambda m: 2 * m, reason="not_listed")
    return case("MsxProbesRefused: not while others are answered", model, [point("MsxProbesRefused", 90, [])])


def collector(success, permission, timeout=0, name="jobs"):
    """A collector fails from minute 30 to 70; `success` and `permission` are what it says meanwhile."""
    def build(model, bad, instance):
        model.master(instance)
        for metric, value in (("success", success), ("permission", permission), ("timeout", timeout)):
            good = 0 if metric == "timeout" else 1
            model.write(f"msx_exporter_collector_{metric}", steps(good, value, 30, 70) if bad else good, instance, collector=name)
    return build


def one_collector(success, permission, unreadable, name, alert, collector_name="jobs"):
    model = SeriesModel(60)
    collector(success, permission, name=collector_name)(model, True, MASTER)
    if unreadable:
        model.unreadable(range(30, 61))
    return case(name, model, [point(alert, m, []) for m in (40, 50)])


def sweep(model, bad, instance, duration=120):
    model.master(instance)
    model.write("msx_exporter_port_sweep_timestamp_seconds",
                lambda m: 300 * (m // 5 if not bad or m < 65 else 12 if m < 130 else m // 5), instance)
    model.write("msx_exporter_port_sweep_duration_seconds", duration, instance)


def slow_sweep():
    model = SeriesModel(130)
    sweep(model, True, MASTER, duration=1200)
    return case("MsxPortSweepStale: a sweep that takes 20 minutes may end late", model, [point("MsxPortSweepStale", 110, [])])


def passive_sweep():
    model = SeriesModel(130)
    sweep(model, True, MASTER)
    model.write("msx_exporter_passive", 1)
    return case("MsxPortSweepStale: a passive node of a cluster sweeps nothing", model, [point("MsxPortSweepStale", 110, [])])


def first_sweep():
    model = SeriesModel(40)
    model.master()
    model.write("msx_exporter_port_sweep_timestamp_seconds", lambda m: 600 if m >= 10 else None)
    return case("MsxPortSweepStale: silent in the first half hour of its life", model, [point("MsxPortSweepStale", m, []) for m in (26, 36)])


COMMON = dict(component="exporter", dashboard=EXPORTER)
JOB = {"job": "msx", "instance": MASTER}


def role(name):
    return {**JOB, "role": name}


GONE = "Prometheus scraped msx1:9814 within the last day and no longer tries to"
LOOK = "Look at its scrape configuration and service discovery."
SILENT = "Prometheus has had no answer from the exporter at msx1:9814 for 5 minutes. "
DOWN = Spec(
    "MsxExporterDown", down("master"), 60, start=30, end=50, for_=5, keep=0, severity="critical", labels=JOB,
    summary="The exporter next to a multiserver master does not answer.",
    description=lambda m: SILENT + "Nothing is known of its master or targets meanwhile.",
    needs=("up", "msx_exporter_build_info"), about_scrapes=True, title="next to the master", **COMMON)
DOWN_TARGET = Spec(
    "MsxExporterDown", down("target"), 60, start=30, end=50, for_=5, keep=0, severity="warning", labels=JOB,
    summary="The exporter on a target does not answer.",
    description=lambda m: SILENT + "The way from that target to its master is not checked meanwhile.",
    needs=("up", "msx_exporter_build_info"), about_scrapes=True, title="on a target", **COMMON)
ABSENT = Spec(
    "MsxExporterAbsent", absent(), 80, start=30, end=60, for_=10, keep=0, severity="critical", labels=role("master"), variant=True, title="the last one",
    summary="No exporter next to a multiserver master is scraped any more.",
    description=lambda m: f"{GONE}, nor any other exporter next to a master in the job msx. {LOOK}", **COMMON)
DOWN.extra = [flicker("master"), never_an_exporter(), down_since_yesterday(), prometheus_was_down_too(), another_role()]
DOWN_TARGET.extra = [flicker("target")]
ABSENT.extra = [forgotten()]

SPECS = [
    DOWN, DOWN_TARGET, ABSENT,
    Spec(
        "MsxExporterAbsent", absent(others=("msx3:9814",)), 80, start=30, end=60, for_=10, keep=0, severity="warning", labels=role("master"),
        summary="An exporter is no longer scraped.", description=lambda m: f"{GONE}. {LOOK}", title="one of several",
        needs=("msx_exporter_build_info",), about_scrapes=True, **COMMON),
    Spec(
        "MsxExporterAbsent", absent("target"), 80, start=30, end=60, for_=10, keep=0, severity="warning", labels=role("target"), variant=True,
        summary="An exporter is no longer scraped.", description=lambda m: f"{GONE}. {LOOK}", title="on a target", **COMMON),
    Spec(
        "MsxPageStale", stands_still, 100, start=30, end=70, for_=15, keep=0, severity="critical", labels=JOB, slack=1,
        summary="The page about a multiserver master stands still.",
        description=lambda m: "The page of msx1:9814 is scraped and does not change: its targets were read at 1970-01-01 00:15:00 +0000 UTC. "
                              "Nothing is known of its master or targets since then, and no other alert can say so.",
        needs=("msx_exporter_collector_read_timestamp_seconds",), extra=[slow_task()], **COMMON),
    Spec(
        "MsxProbesRefused", probes, 110, start=44, end=72, for_=15, keep=15, severity="warning", labels=JOB, slack=2,
        summary="The exporter refuses every probe.",
        description=lambda m: "msx1:9814 has answered no request to /probe with a probe for half an hour (credentials). "
                              "The ports that only /probe checks are not seen.",
        needs=("msx_exporter_probes_total", "msx_exporter_probe_failures_total"), extra=[some_probes()], **COMMON),
    Spec(
        "MsxCollectorFailing", collector(0, 1), 100, start=30, end=70, for_=10, keep=15, severity="warning",
        labels={**JOB, "collector": "jobs"},
        summary="A part of the reading of the master fails.",
        description=lambda m: "The collector jobs of msx1:9814 has failed for 10 minutes, although its login has the right to read. "
                              "It did not run out of time; the error is in its log. "
                              "Its series are missing meanwhile, and no verdict that needs them says that all is well.",
        needs=("msx_exporter_collector_success", "msx_exporter_collector_permission"),
        extra=[one_collector(0, 0, False, "MsxCollectorFailing: a missing right is another alert", "MsxCollectorFailing"),
               one_collector(0, 1, True, "MsxCollectorFailing: silent while nothing of the master can be read", "MsxCollectorFailing")],
        **COMMON),
    Spec(
        "MsxCollectorFailing", collector(0, 1, timeout=1), 100, start=30, end=70, for_=10, keep=15, severity="warning",
        labels={**JOB, "collector": "jobs"}, title="out of time", variant=True,
        summary="A part of the reading of the master fails.",
        description=lambda m: "The collector jobs of msx1:9814 has failed for 10 minutes, although its login has the right to read. "
                              "It ran out of time. "
                              "Its series are missing meanwhile, and no verdict that needs them says that all is well.",
        **COMMON),
    Spec(
        "MsxCollectorDenied", collector(0, 0), 100, start=30, end=70, for_=10, keep=15, severity="info",
        labels={**JOB, "collector": "jobs"},
        summary="The exporter's login lacks a right.",
        description=lambda m: "The collector jobs of msx1:9814 lacks a right on the master, so its series are missing. "
                              "`msx_exporter grants` prints the script that gives it; or switch the collector off.",
        needs=("msx_exporter_collector_success", "msx_exporter_collector_permission"),
        extra=[one_collector(0, 1, False, "MsxCollectorDenied: a failure with the right to read is another alert", "MsxCollectorDenied"),
               one_collector(0, 0, False, "MsxCollectorDenied: the collector arrivals can be done without", "MsxCollectorDenied", "arrivals")],
        **COMMON),
    Spec(
        "MsxSeriesLimited", exporter("msx_exporter_series_limited", 0, 1, collector="jobs"), 100,
        start=30, end=70, for_=15, keep=15, severity="warning", labels={**JOB, "collector": "jobs"},
        summary="The exporter leaves out series to stay within its limits.",
        description=lambda m: "msx1:9814 leaves out 1 series of the collector jobs. "
                              "What is left out cannot be alerted on: raise the limit or narrow the filter.",
        needs=("msx_exporter_series_limited",), **COMMON),
    Spec(
        "MsxConfigReloadFailed", exporter("msx_exporter_config_last_reload_successful", 1, 0), 100,
        start=30, end=70, for_=15, keep=15, severity="warning", labels=JOB,
        summary="The exporter refused its new configuration.",
        description=lambda m: "msx1:9814 could not load its configuration again and goes on with the one before. "
                              "`msx_exporter check-config` names every fault with its line.",
        needs=("msx_exporter_config_last_reload_successful",), **COMMON),
    Spec(
        # The last sweep ended at minute 60, so half an hour later nothing has moved.
        "MsxPortSweepStale", sweep, 160, start=90, end=130, for_=15, keep=15, severity="warning", labels=JOB, slack=2,
        summary="The exporter no longer checks ports.",
        description=lambda m: "msx1:9814 has ended no sweep of ports for over 45 minutes. "
                              "What the dashboards say of ports is old or missing, and no port alert can start.",
        needs=("msx_exporter_port_sweep_timestamp_seconds",), extra=[slow_sweep(), passive_sweep(), first_sweep()], **COMMON),
]
