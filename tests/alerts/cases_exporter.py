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


def down(job):
    def build(model, bad, instance):
        model.write("up", steps(1, 0, 30, 50) if bad else 1, instance, job)
    return build


def flicker(job):
    model = SeriesModel(60)
    model.write("up", lambda m: int(m % 5 != 0), job=job)
    return case("MsxExporterDown: one scrape lost in five is no outage", model,
                [point("MsxExporterDown", m, []) for m in (30, 35, 40)])


def absent(model, bad, instance):
    model.write("up", (lambda m: None if 30 <= m < 60 else 1) if bad else 1, instance)


def never_scraped():
    model = SeriesModel(20)
    model.write("up", 1, "prom:9090", "prometheus")
    return case("MsxExporterAbsent: no exporter next to a master was ever scraped", model, [
        point("MsxExporterAbsent", 9, []),
        point("MsxExporterAbsent", 10, [absent_everywhere()]),
    ])


def absent_for_days():
    model = SeriesModel(1600)
    model.write("up", lambda m: 1 if m < 30 else None)
    return case("MsxExporterAbsent: after a day the instance is forgotten, the empty job is not", model,
                [point("MsxExporterAbsent", 1500, [absent_everywhere()])])


def absent_everywhere():
    return {
        "exp_labels": {"job": "msx", "severity": "critical", "component": "exporter"},
        "exp_annotations": {
            "summary": "The exporter next to a multiserver master is no longer scraped.",
            "description": "Prometheus has scraped no job named msx for a day. Look at its scrape configuration and service discovery.",
            "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxExporterAbsent.md",
            "dashboard_url": "/d/msx-exporter?var-job=msx&var-instance=",
        },
    }


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

SPECS = [
    Spec(
        "MsxExporterDown", down("msx"), 60, start=30, end=50, for_=5, keep=0, severity="critical", labels=JOB,
        summary="The exporter next to a multiserver master does not answer.",
        description=lambda m: "Prometheus has had no answer from the exporter at msx1:9814 for 5 minutes. "
                              "Nothing is known of its master or targets meanwhile.",
        needs=("up",), about_scrapes=True, title="next to the master", extra=[flicker("msx")], **COMMON),
    Spec(
        "MsxExporterDown", down("msx-target"), 60, start=30, end=50, for_=5, keep=0, severity="warning",
        labels={"job": "msx-target", "instance": MASTER},
        summary="The exporter on a target does not answer.",
        description=lambda m: "Prometheus has had no answer from the exporter at msx1:9814 for 5 minutes. "
                              "The way from that target to its master is not checked meanwhile.",
        component="exporter", dashboard=link("msx-exporter", job="msx-target", instance=MASTER),
        needs=("up",), about_scrapes=True, title="on a target", extra=[flicker("msx-target")]),
    Spec(
        "MsxExporterAbsent", absent, 80, start=30, end=60, for_=10, keep=0, severity="critical", labels=JOB,
        summary="The exporter next to a multiserver master is no longer scraped.",
        description=lambda m: "Prometheus scraped msx1:9814 within the last day and no longer tries to. "
                              "Look at its scrape configuration and service discovery.",
        about_scrapes=True, extra=[never_scraped(), absent_for_days()], **COMMON),
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
