"""Cases that are about a complete fleet and a full night, and about the recording rules themselves."""

import re
from urllib.parse import quote_plus

from .cases_exporter import SPECS as exporter
from .cases_master import SPECS as master
from .cases_ports import SPECS as ports
from .cases_targets import SPECS as targets
from .cases_targets import not_polling, poll_stopped, polled_text, silent_from
from .series_model import MASTER, TARGET, SeriesModel, human_duration, notation
from .spec import case, point

POLL_ALERTS = ("MsxTargetNotPolling", "MsxTargetPollStopped", "MsxTargetNeverPolled", "MsxManyTargetsNotPolling", "MsxMasterClockOff",
               "MsxTargetClockSkew", "MsxTargetDefected")

def firing(alert, severity, target, minute, last, interval, more=""):
    spec = (not_polling(0) if alert == "MsxTargetNotPolling" else poll_stopped(0, interval, 0, 0))
    spec.labels = {**spec.labels, "target": target}
    expected = spec.firing(minute)
    expected["exp_annotations"]["description"] = polled_text(last, interval, more)(minute).replace(TARGET, target)
    expected["exp_annotations"]["dashboard_url"] = expected["exp_annotations"]["dashboard_url"].replace("SQL01%5CPAYROLL", quote_plus(target))
    assert expected["exp_labels"]["severity"] == severity
    return expected


def silence(model, minutes, alerts=POLL_ALERTS):
    return [point(alert, m, []) for m in minutes for alert in alerts]


def intervals_side_by_side():
    """Scraped once a minute, BRISK polls every 10 s and FAR every 8 hours; both fall silent, each in its own time."""
    model = SeriesModel(2400)
    model.master(targets=2)
    # The last poll that a scrape sees is up to 10 s old. time() instead of the master's clock would call that late.
    model.target("BRISK", interval=10, last_poll=lambda m: 60 * min(m, 600) - 9, port="filtered",
                 cause=lambda m: "stopped_polling" if m > 600 else "ok")
    model.target("FAR", interval=28800, last_poll=lambda m: 28800 * (min(m, 500) // 480), port="filtered",
                 cause=lambda m: "stopped_polling" if m > 480 + 1440 else "ok")
    more = " Its jobs run on without changes, and their results do not arrive."
    points = silence(model, (60, 470, 600), alerts=POLL_ALERTS[:3])
    points += [
        # BRISK is late from minute 601 (69 s are over 30 s), so it fires 5 minutes later; FAR is well within its 8 hours.
        point("MsxTargetNotPolling", 605, []),
        point("MsxTargetNotPolling", 606, [seconds(firing("MsxTargetNotPolling", "warning", "BRISK", 606, 600, 10), 369)]),
        # Over 30 minutes from minute 630 on, 1809 s.
        point("MsxTargetPollStopped", 634, []),
        point("MsxTargetPollStopped", 635, [seconds(firing("MsxTargetPollStopped", "critical", "BRISK", 635, 600, 10, more), 2109)]),
        # FAR polled at minute 480: 3 intervals are over at 1920, and four hours more at 2160.
        point("MsxTargetPollStopped", 2165, [seconds(firing("MsxTargetPollStopped", "critical", "BRISK", 2165, 600, 10, more), 93909)]),
        point("MsxTargetPollStopped", 2166, [
            seconds(firing("MsxTargetPollStopped", "critical", "BRISK", 2166, 600, 10, more), 93969),
            firing("MsxTargetPollStopped", "critical", "FAR", 2166, 480, 28800, more)]),
    ]
    return case("a target that polls every 10 s and one that polls every 8 h, scraped once a minute", model, points)


def seconds(expected, age):
    """BRISK polls between two minutes, so its age is not a number of full minutes."""

    text = expected["exp_annotations"]
    text["description"] = re.sub(r"last polled .* ago;", f"last polled {human_duration(age)} ago;", text["description"])
    return expected


def daylight_saving(before, after, name):
    """The master's offset changes at minute 60. All times are UTC, so nothing moves."""
    model = SeriesModel(200)
    model.master()
    model.target(last_poll=lambda m: 60 * m)
    model.target("DEAD", last_poll=lambda m: 60 * min(m, 50), port="filtered", cause=lambda m: "stopped_polling" if m > 53 else "ok")
    for each in (TARGET, "DEAD"):
        model.write("msx_target_clock_skew_seconds", 2, target=each)
    model.write("msx_server_utc_offset_seconds", lambda m: before if m < 60 else after)
    more = " Its jobs run on without changes, and their results do not arrive."
    points = silence(model, (58,)) + silence(model, (60, 65, 120), alerts=("MsxMasterClockOff", "MsxTargetClockSkew", "MsxTargetDefected"))
    points += [
        point("MsxTargetNotPolling", 58, []),
        point("MsxTargetNotPolling", 59, [firing("MsxTargetNotPolling", "warning", "DEAD", 59, 50, 60)]),
        point("MsxTargetNotPolling", 61, [firing("MsxTargetNotPolling", "warning", "DEAD", 61, 50, 60)]),
        point("MsxTargetPollStopped", 85, []),
        point("MsxTargetPollStopped", 86, [firing("MsxTargetPollStopped", "critical", "DEAD", 86, 50, 60, more)]),
    ]
    return case(f"the night on which the clocks go {name}: the living stay quiet, the dead fire on time", model, points)


def all_alerts_silent():
    """A fleet in good health, with every series that an alert reads."""
    model = SeriesModel(400)
    names = []
    for spec in (*exporter, *master, *targets, *ports):
        if spec.alert in names or "msx-target" in (spec.labels.get("job"),):
            continue
        names.append(spec.alert)
        healthy = SeriesModel(400)
        spec.build(healthy, False, MASTER)
        model.series.update(healthy.series)
    model.write("msx_targets", 4)
    model.write("msx_server_time_seconds", lambda m: 60 * m)
    return case("a healthy fleet: not one alert", model,
                [point(alert, minute, []) for alert in names for minute in (100, 250, 400)])


def recordings():
    """The recording rules, value by value."""
    model = SeriesModel(30)
    model.master(targets=3)
    model.target(last_poll=lambda m: 60 * m)
    model.target("LATE", interval=120, last_poll=60)
    model.target("FAR", interval=28800, last_poll=0)
    # Read a moment after the master's clock, a poll may seem to lie in the future.
    model.target("AHEAD", last_poll=lambda m: 60 * m + 3)

    def series(metric, **labels):
        return notation(metric, {"job": "msx", "instance": MASTER, **labels}.items())

    def sample(expr, *rows):
        return {"expr": expr, "eval_time": "20m", "exp_samples": [{"labels": labels, "value": value} for labels, value in rows]}

    expressions = [
        sample("msx_target:poll_age:seconds", *[(series("msx_target:poll_age:seconds", target=t), v)
                                                for t, v in ((TARGET, 0), ("LATE", 1140), ("FAR", 1200), ("AHEAD", 0))]),
        sample("msx_target:poll_lateness:ratio", *[(series("msx_target:poll_lateness:ratio", target=t), v)
                                                   for t, v in ((TARGET, 0), ("LATE", 9.5), ("FAR", 1200 / 28800), ("AHEAD", 0))]),
        sample("msx:targets_not_polling:count", (series("msx:targets_not_polling:count"), 1)),
        sample("msx:targets_not_polling:ratio", (series("msx:targets_not_polling:ratio"), 0.25)),
        sample("msx:brisk_targets_not_polling:count", (series("msx:brisk_targets_not_polling:count"), 1)),
        sample("msx:brisk_targets_not_polling:ratio * 3", (notation("", {"job": "msx", "instance": MASTER}.items()), 1)),
        sample("msx:clock_offset:seconds", (series("msx:clock_offset:seconds"), 0)),
        sample("msx_target:roster:info", *[(series("msx_target:roster:info", target=t, route="payroll-team"), 1)
                                           for t in (TARGET, "LATE", "FAR", "AHEAD")]),
    ]
    return {"name": "what the recording rules say of four targets", "interval": "1m", "input_series": model.input_series(),
            "promql_expr_test": expressions}


def maintenance_ratio():
    """Targets in maintenance and those of which a fresh master has yet to hear are in neither sum nor total."""
    model = SeriesModel(30)
    model.master(targets=4)
    model.target("UP")
    model.target("DOWN", last_poll=0)
    model.target("PATCHED", last_poll=0)
    model.target("NEXT", last_poll=0, cause=lambda m: "settling")
    model.maintain("PATCHED")
    labels = {"job": "msx", "instance": MASTER}.items()
    return {"name": "targets in maintenance, or not yet due, do not count", "interval": "1m", "input_series": model.input_series(),
            "promql_expr_test": [
                {"expr": f"msx:{which}_not_polling:{what}", "eval_time": "20m",
                 "exp_samples": [{"labels": notation(f"msx:{which}_not_polling:{what}", labels), "value": value}]}
                for which in ("targets", "brisk_targets") for what, value in (("count", 1), ("ratio", 0.5))]}


def maintenance_of_a_day():
    """Once the configuration has no window any more, a target that is read counts as not in maintenance."""
    model = SeriesModel(60)
    model.master(targets=3)
    model.target("PATCHED", maintenance=lambda m: 1 if m < 20 else None)
    model.target("LEFT", maintenance=lambda m: 1 if m < 20 else None, here=lambda m: m < 15)
    model.lose([19, 40])

    def points(minute, *rows):
        labels = {"job": "msx", "instance": MASTER}
        samples = [{"labels": notation("msx_target:maintenance:bool", {**labels, "target": name}.items()), "value": value} for name, value in rows]
        return {"expr": "msx_target:maintenance:bool", "eval_time": f"{minute}m", "exp_samples": samples}

    plain = SeriesModel(60)
    plain.master()
    plain.target()
    return [
        {"name": "maintenance by its last word", "interval": "1m", "input_series": model.input_series(), "promql_expr_test": [
            points(14, ("PATCHED", 1), ("LEFT", 1)), points(18, ("PATCHED", 1)), points(19), points(20, ("PATCHED", 0)), points(40),
            points(60, ("PATCHED", 0))]},
        {"name": "no maintenance where no window is configured", "interval": "1m", "input_series": plain.input_series(),
         "promql_expr_test": [points(30)]},
    ]


def settled_ratio():
    """A target counts from the scrape on at which the master no longer waits for it."""
    model = SeriesModel(60)
    model.master(targets=2)
    model.target("UP")
    model.target("NEXT", last_poll=0, cause=lambda m: "settling" if m < 30 else "stopped_polling")
    model.lose([30])
    labels = {"job": "msx", "instance": MASTER}.items()

    def rows(minute, *values):
        return {"expr": "msx:targets_not_polling:count", "eval_time": f"{minute}m",
                "exp_samples": [{"labels": notation("msx:targets_not_polling:count", labels), "value": value} for value in values]}

    return {"name": "a target that was settling counts at once", "interval": "1m", "input_series": model.input_series(),
            "promql_expr_test": [rows(29, 0), rows(30), rows(31, 1)]}


def moved_location():
    """The text of its location changes between two scrapes: the join must not break for want of a single match."""
    model = SeriesModel(60)
    silent_from(30, 100)(model, True, MASTER)
    model.write("msx_target_info", lambda m: 1 if m < 38 else None, target=TARGET, location="Basel", route="payroll-team")
    model.write("msx_target_info", lambda m: 1 if m >= 38 else None, target=TARGET, location="Bern", route="payroll-team")
    return case("a target whose location is edited while its alert is pending", model,
                [point("MsxTargetNotPolling", 39, [firing("MsxTargetNotPolling", "warning", TARGET, 39, 30, 60)])])


def no_info():
    """Dropping msx_target_info to save series loses the owner, not the alert."""
    model = SeriesModel(60)
    silent_from(30, 100)(model, True, MASTER)
    model.forget("msx_target_info")
    expected = firing("MsxTargetNotPolling", "warning", TARGET, 39, 30, 60)
    del expected["exp_labels"]["route"]
    lost = SeriesModel(60)
    silent_from(30, 100)(lost, True, MASTER)
    lost.forget("msx_target_info")
    lost.lose([36, 39])
    return [case("without msx_target_info the alert comes without its owner", model, [point("MsxTargetNotPolling", 39, [expected])]),
            case("the same with scrapes lost", lost, [point("MsxTargetNotPolling", 40, [{**expected, "exp_annotations": {
                **expected["exp_annotations"],
                "description": expected["exp_annotations"]["description"].replace("9m 0s", "10m 0s")}}])])]


ALL = ["msx-recording", "msx-exporter", "msx-master", "msx-targets", "msx-ports"]
# Files by name: the rules that they load, and their cases.
FILES = {
    "fleet": (ALL, [all_alerts_silent(), daylight_saving(3600, 7200, "forward"), daylight_saving(7200, 3600, "back"),
                    moved_location(), *no_info()]),
    # Two days at one evaluation a minute: only the rules in question are loaded.
    "intervals": (["msx-recording", "msx-targets"], [intervals_side_by_side()]),
    "recording": (["msx-recording"], [recordings(), maintenance_ratio(), *maintenance_of_a_day(), settled_ratio()]),
}
