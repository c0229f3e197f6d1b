"""Cases of the alerts on one target."""

from .cases_exporter import steps
from .series_model import MASTER, OTHER_MASTER, TARGET, SeriesModel, human_duration, link
from .spec import Spec, case, point

DETAIL = link("msx-target", job="msx", instance=MASTER, target=TARGET)
BASE = {"job": "msx", "instance": MASTER, "target": TARGET}
OWNED = {**BASE, "route": "payroll-team"}
FILTERED = "Its engine port as seen from the master: filtered (polling does not take that way)."
AGES = ("msx_server_time_seconds", "msx_target_last_poll_timestamp_seconds", "msx_target_poll_interval_seconds", "msx_target_polled")


def healthy_or(model, bad, instance, **target):
    """A master with one target, which is well unless `bad`."""
    model.master(instance)
    if bad:
        model.target(instance=instance, **target)
    else:
        model.target(instance=instance, interval=target.get("interval", 60))


def silent_from(minute, until, interval=60):
    """It polls at minute `minute` for the last time, and again from `until` on."""
    def build(model, bad, instance):
        healthy_or(model, bad, instance, interval=interval, last_poll=lambda m: 60 * (min(m, minute) if m < until else m),
                   cause=lambda m: "stopped_polling" if minute + 3 * interval / 60 < m < until else "ok", port="filtered")
    return build


def polled_text(last, interval, more=""):
    return lambda m: (rf"SQL01\PAYROLL last polled {human_duration(60 * (m - last))} ago; its own interval is {human_duration(interval)}.{more} "
                      f"Diagnosis: stopped polling. {FILTERED}")


def not_polling(start, **changes):
    return Spec(**{**dict(
        alert="MsxTargetNotPolling", build=silent_from(30, 60), minutes=100, start=start, end=60, for_=5, keep=15, severity="warning",
        component="target", labels=OWNED, dashboard=DETAIL, summary="A target does not poll its multiserver master on time.",
        description=polled_text(30, 60)), **changes})


def poll_stopped(start, interval, until, minutes, **changes):
    return Spec(**{**dict(
        alert="MsxTargetPollStopped", build=silent_from(30, until, interval), minutes=minutes, start=start, end=until, for_=5, keep=15,
        severity="critical", component="target", labels=OWNED, dashboard=DETAIL, summary="A target has stopped polling its multiserver master.",
        description=polled_text(30, interval, " Its jobs run on without changes, and their results do not arrive.")), **changes})


def never_polled(interval=60, until=70):
    """It is enlisted at minute 30 and polls for the first time at minute `until`."""
    def build(model, bad, instance):
        model.master(instance)
        if bad:
            model.target(instance=instance, interval=interval, here=lambda m: m >= 30, pending=lambda m: 4 if m < until else 0,
                         last_poll=lambda m: 1800 if m < until else 60 * m, polled=lambda m: int(m >= until),
                         cause=lambda m: "never_polled" if m < until else "ok", port="no_answer")
        else:
            model.target(instance=instance, interval=interval)
    return build


def never_polled_text(m):
    return (rf"SQL01\PAYROLL was enlisted {human_duration(60 * (m - 30))} ago and has never polled. Instructions that wait for it: 4. "
            "Its engine port as seen from the master: no answer (polling does not take that way). "
            "Look at SQL Server Agent on the target, its login on the master and MsxEncryptChannelOptions.")


NEVER = dict(alert="MsxTargetNeverPolled", for_=5, keep=15, severity="warning", component="target", labels=OWNED, dashboard=DETAIL,
             summary="A target was enlisted and has never polled its multiserver master.", description=never_polled_text, per_target=True)


def with_series(metric, before, after, since=30, until=70):
    """A healthy target with one more series that changes for a while."""
    def build(model, bad, instance):
        model.master(instance)
        model.target(instance=instance)
        model.write(metric, steps(before, after, since, until) if bad else before, instance, target=TARGET)
    return build


def stuck(interval=60):
    """Its oldest waiting instruction was posted at minute 20; it polls on and takes it at minute 70."""
    def build(model, bad, instance):
        model.master(instance)
        model.target(instance=instance, interval=interval, pending=lambda m: 3 if bad and 20 <= m < 70 else 0)
        model.write("msx_target_oldest_pending_download_timestamp_seconds", lambda m: 1200 if bad and 20 <= m < 70 else None, instance, target=TARGET)
    return build


STUCK = dict(
    alert="MsxTargetDownloadsStuck", for_=10, keep=15, severity="warning", component="target", labels=OWNED, dashboard=DETAIL,
    summary="A target polls and does not download its instructions.",
    description=lambda m: rf"SQL01\PAYROLL still polled {human_duration(60 * (m - 20))} after its oldest waiting instruction was posted and did not "
                          "take it. Waiting: 3.")

JOB_LABELS = {"job_id": "6D1F", "job_name": "Nightly backup"}


def job(model, bad, instance, enabled="true", targets=(TARGET,), last_poll=lambda m: 60 * m - 120):
    """Its targets are two intervals late, which is not yet silence."""
    model.master(instance)
    for name in targets:
        model.target(name, instance, last_poll=last_poll)
        model.write("msx_job_target_last_run_success", steps(1, 0, 30, 70) if bad else 1, instance, **JOB_LABELS, target=name)
    model.write("msx_job_target_last_run_success", 1, instance, **JOB_LABELS, target="SQL99")
    model.write("msx_job_info", 1, instance, **JOB_LABELS, enabled=enabled)


def quiet_job(name, dark=None, **how):
    model = SeriesModel(60)
    job(model, True, MASTER, **how)
    if dark:
        model.unreadable(dark)
    return case(f"MsxJobFailing: {name}", model, [point("MsxJobFailing", m, []) for m in (36, 40)])


def many_targets_job():
    names = [rf"SQL0{n}\PAYROLL" for n in range(1, 8)]
    model = SeriesModel(40)
    job(model, True, MASTER, targets=names)
    text = "The last run of the job Nightly backup failed on 7 targets: " + ", ".join(names[:5]) + " and others."
    return case("MsxJobFailing: the text names five targets at most", model, [point("MsxJobFailing", 36, [{
        "exp_labels": {"job": "msx", "instance": MASTER, **JOB_LABELS, "severity": "warning", "component": "target"},
        "exp_annotations": {
            "summary": "A multiserver job failed on at least one target.", "description": text,
            "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxJobFailing.md",
            "dashboard_url": link("msx-overview", job="msx", instance=MASTER)}}])])


def skew_text(direction, seconds):
    return (rf"The clock of SQL01\PAYROLL is {direction} its master's by {human_duration(seconds)}. "
            "Its jobs run at other times than planned, and Windows logins fail from 5 minutes on.")


def skew(after, before=0):
    return with_series("msx_target_clock_skew_seconds", before, after, until=80)


SKEW = dict(alert="MsxTargetClockSkew", start=30, end=80, minutes=110, for_=30, keep=15, severity="warning", component="target", labels=OWNED,
            dashboard=DETAIL, summary="A target's clock differs from its multiserver master's.")


def paged(interval=600, stands_from=10, until=70):
    """A target writes a page every 10 minutes, and none between two of them; where `interval` is None the page states none."""
    def build(model, bad, instance):
        model.master(instance)
        model.target(instance=instance)
        model.write("msx_target_page_timestamp_seconds",
                    lambda m: 600 * ((stands_from if bad and stands_from < m < until else m) // 10), instance, target=TARGET)
        if interval:
            model.write("msx_target_page_interval_seconds", interval, instance, target=TARGET)
    return build


def dated_ahead(model, bad, instance):
    """From minute 30 to 70 its pages are dated a little more than 5 minutes ahead, and a little less before and after."""
    model.master(instance)
    model.target(instance=instance)
    model.write("msx_target_page_timestamp_seconds", lambda m: 60 * m + (310 if bad and 30 <= m < 70 else 290), instance, target=TARGET)


def page_stale(limit, **changes):
    """Its last page is of minute 10, and it writes the next one in minute 70."""
    return Spec(**{**dict(
        alert="MsxTargetPageStale", build=paged(), start=11 + limit, end=70, minutes=110, for_=10, keep=15, severity="warning",
        component="target", labels=OWNED, dashboard=DETAIL, summary="The page that a target writes for its master stands still.",
        description=lambda m: rf"The newest page of SQL01\PAYROLL was taken {human_duration(60 * (m - 10))} ago by the clock of its host, "
                              f"and such a page counts for {human_duration(60 * limit)}. Should the target fall silent, its page does not say why."),
        **changes})


def not_enlisted(model, bad, instance):
    """It is enlisted until minute 29 and again from minute 70; the configuration expects it all the time."""
    model.master(instance)
    gone = lambda m: bad and 30 <= m < 70
    model.target(instance=instance, here=lambda m: not gone(m))
    model.write("msx_target_enlisted", lambda m: 0 if gone(m) else 1, instance, target=TARGET)
    model.judge(TARGET, instance, lambda m: "not_enlisted" if gone(m) else "ok")


def expected_and_planned():
    """It has no series that could say so but its maintenance, which a configuration that names it still writes."""
    model = SeriesModel(60)
    not_enlisted(model, True, MASTER)
    model.write("msx_target_maintenance", 1, target=TARGET)
    return case("MsxTargetNotEnlisted: silent in maintenance", model, [point("MsxTargetNotEnlisted", m, []) for m in (46, 55)])


def defected(model, bad, instance):
    model.master(instance)
    model.target(instance=instance, here=lambda m: not (bad and 30 <= m < 70))


def quiet_defection(name, metric_value=None, dark=None):
    model = SeriesModel(60)
    model.master()
    model.target(here=lambda m: m < 30, maintenance=metric_value)
    if dark:
        model.unreadable(dark)
    return case(f"MsxTargetDefected: {name}", model, [point("MsxTargetDefected", m, []) for m in (46, 55)])


def no_longer_maintained(name, since, gone, dark=()):
    """Its maintenance, the last window of the configuration, was taken out an hour before it left."""
    model = SeriesModel(180)
    model.master()
    model.target(here=lambda m: m < gone, maintenance=lambda m: 1 if m < since else None)
    model.lose(dark)
    return case(f"MsxTargetDefected: {name}", model, [
        point("MsxTargetDefected", gone + 14, []), point("MsxTargetDefected", gone + 15, [DEFECTED.firing(gone + 15)])])


def maintained_and_gone():
    """The last window is taken out once it is no target any more: what counts is that it left in maintenance."""
    model = SeriesModel(180)
    model.master()
    model.target(here=lambda m: m < 30, maintenance=1)
    model.target("SQL02", maintenance=lambda m: 0 if m < 60 else None)
    return case("MsxTargetDefected: silent when it left in maintenance and the window is taken out later", model,
                [point("MsxTargetDefected", m, []) for m in (46, 100, 179)])


def long_gone():
    model = SeriesModel(1520)
    model.master()
    model.target(here=lambda m: m < 30)
    return case("MsxTargetDefected: a day later it is forgotten", model, [point("MsxTargetDefected", 1500, [])])


def defected_while_pending(alert, build):
    """It leaves in the middle of `for`: the last value of five minutes must not carry the alert past its end."""
    model = SeriesModel(60)
    build(model, True, MASTER)
    for (name, labels), values in model.series.items():
        if "target" in dict(labels):
            values[37:] = [None] * len(values[37:])
    return case(f"{alert}: a target that is defected inside `for` never fires", model, [point(alert, m, []) for m in range(37, 50, 2)])


def settling(alert, build, minutes, at):
    model = SeriesModel(minutes)
    build(model, True, MASTER)
    model.judge(TARGET, MASTER, lambda m: "settling")
    return case(f"{alert}: silent while a master that has just started has yet to hear from it", model, [point(alert, m, []) for m in at])


def settled(spec, build, minutes, held_until):
    """Its master has just started and waits for it up to a minute; from the next on the silence counts, and no later."""
    def model(lost=()):
        model = SeriesModel(minutes)
        build(model, True, MASTER)
        model.judge(TARGET, MASTER, lambda m: "settling" if m < held_until else "stopped_polling")
        model.lose(lost)
        return model

    fires = held_until + spec.for_
    yield case(f"{spec.alert}: fires on time once a cause that silenced it has ended", model(), [spec.at(fires - 1, False), spec.at(fires, True)])
    # The last that was heard before the restart is `settling`: it holds for the minute without an answer.
    yield case(f"{spec.alert}: the same across a restart of the exporter", model([held_until]), [spec.at(fires, False), spec.at(fires + 1, True)])


def with_settled(spec, build, minutes, held_until):
    spec.extra += settled(spec, build, minutes, held_until)
    return spec


def renamed_diagnosis(spec):
    """The cause changes while the alert fires: its text has the newest one alone, also after a lost scrape."""
    model = spec.model()
    first, second = spec.start + spec.for_ + 2, spec.start + spec.for_ + 6
    model.judge(TARGET, MASTER, lambda m: "stopped_polling" if m < first else "engine_down" if m < second else "unreachable")
    # At `second` the exporter restarts, and the cause is another one when it is back.
    lost = [first + 1, second]
    model.lose(lost)

    def text(minute, cause):
        # In the minute without an answer the age is the last that is known, and of the port nothing is.
        expected = spec.firing(minute, text_of=minute - (minute in lost))
        texts = expected["exp_annotations"]
        texts["description"] = texts["description"].replace("stopped polling. Its engine", f"{cause}. Its engine")
        if minute in lost:
            texts["description"] = texts["description"].replace(FILTERED, "Its engine port was not checked.")
        return point(spec.alert, minute, [expected])

    spec.extra.append(case(f"{spec.alert}: the text has the cause that holds, and none that has just ended", model, [
        text(first - 1, "stopped polling"), text(first, "engine down"), text(first + 1, "engine down"),
        text(second - 1, "engine down"), text(second, "engine down"), text(second + 1, "unreachable")]))
    return spec


def changed_reason():
    """One class after the other fails, and one scrape is lost: the text names the classes that occur, and the sum is theirs."""
    model = SeriesModel(60)
    model.master()
    model.target(pending=4)
    counts = {"proxy_missing": lambda m: 2 if 30 <= m < 36 else None, "permission": lambda m: 1 if m >= 34 else None}
    for name, count in counts.items():
        model.write("msx_target_download_errors_by_class", count, target=TARGET, **{"class": name})
    model.write("msx_target_download_errors", lambda m: sum(count(m) or 0 for count in counts.values()), target=TARGET)
    model.lose([35, 37])

    def text(minute, failed, reason):
        spec = download_errors(lambda m: rf"SQL01\PAYROLL failed {failed}; nothing behind is downloaded until that is cleared. "
                                         f"Reason: {reason}. Waiting behind: 4.")
        return point(spec.alert, minute, [spec.firing(minute)])

    return case("MsxTargetDownloadErrors: the text names the classes that occur, and none that has just ended", model, [
        text(33, "2 instructions", "proxy missing"), text(34, "3 instructions", "permission, proxy missing"),
        text(35, "3 instructions", "permission, proxy missing"), text(36, "1 instruction", "permission"),
        text(37, "1 instruction", "permission")])


def with_classes(*counts, **target):
    """Failed instructions from minute 30 to 70, by class and as their sum."""
    def build(model, bad, instance):
        model.master(instance)
        model.target(instance=instance, **target)
        now = lambda m: bad and 30 <= m < 70
        for name, count in counts:
            model.write("msx_target_download_errors_by_class", lambda m, count=count: count if now(m) else None, instance,
                        target=TARGET, **{"class": name})
        model.write("msx_target_download_errors", lambda m: sum(count for _, count in counts) if now(m) else 0, instance, target=TARGET)
    return build


def download_errors(description, **changes):
    return Spec(**{**dict(
        alert="MsxTargetDownloadErrors", build=with_classes(("other", 1), pending=4), minutes=110, start=30, end=70, for_=2, keep=15,
        severity="warning", component="target", labels=OWNED, dashboard=DETAIL,
        summary="An instruction failed on a target and holds all that follow.", description=description), **changes})


def with_lost_scrapes(spec):
    """A variant whose second half of an `or` no other case with lost scrapes reaches."""
    model, fires = spec.model(), spec.start + spec.for_
    model.lose([m for m in range(spec.start - 20, fires + 20) if m % 5 == (spec.start + 2) % 5])
    spec.extra.append(case(f"{spec.alert} ({spec.title}): one scrape lost in five delays nothing", model,
                           [spec.at(fires - 1, False), spec.at(fires, True)]))
    return spec


DEFECTED = Spec(
    "MsxTargetDefected", defected, 110, start=30, end=70, for_=15, keep=15, severity="info", component="target", labels=OWNED,
    dashboard=DETAIL, summary="A target is no longer enlisted.",
    description=lambda m: r"SQL01\PAYROLL was a target of the master behind msx1:9814 within the last day and is not any more. "
                          "Nothing to do if somebody defected it or left it out of the exporter's filter; this ends by itself after a day.")
DEFECTED.extra += [
    quiet_defection("silent when it left in maintenance", 1),
    quiet_defection("silent while the master cannot be read", dark=range(29, 61)),
    no_longer_maintained("fires when its window was taken out an hour before it left", 40, 100),
    no_longer_maintained("the same when scrapes were lost", 40, 100, dark=[39, 40, 98]),
    maintained_and_gone(), long_gone()]

SERVERS = {MASTER: r"MSX01\CENTRAL", OTHER_MASTER: r"MSX02\CENTRAL"}


def orphan(here=lambda m: not 30 <= m < 70, knows=None, **more):
    """The master does not list the target meanwhile, and the exporter on the target says that it is enlisted there."""
    def build(model, bad, instance):
        model.master(instance)
        model.target(instance=instance, here=here if bad else lambda m: True)
        model.write("msx_server_info", 1, instance, server=SERVERS[instance], version="16.0")
        for name, value in more.items():
            model.write(name, value, instance, collector="targets")
        model.exporter(instance, "sql", "target")
        model.write("msx_target_master_info", 1, instance, "sql", target=TARGET, master=knows or SERVERS[instance])
    return build


def quiet_orphan(name, build, at=(55, 65), change=lambda model: None):
    model = SeriesModel(70)
    build(model, True, MASTER)
    change(model)
    return case(f"MsxTargetOrphaned: {name}", model, [point("MsxTargetOrphaned", m, []) for m in at])


def read_late(model):
    """The master is read again from minute 20 on."""
    model.write("msx_up", lambda m: int(m >= 20))


SPECS = [
    page_stale(25, per_target=True, needs=("msx_server_time_seconds", "msx_target_page_timestamp_seconds")),
    page_stale(15, build=paged(interval=None), title="it states no interval", variant=True),
    with_lost_scrapes(page_stale(0, build=dated_ahead, start=30, title="dated ahead", variant=True, description=lambda m: (
        r"The newest page of SQL01\PAYROLL is dated 5m 10s ahead of its master's clock, and from 5 minutes on such a page does not count. "
        "Should the target fall silent, its page does not say why."))),
    page_stale(15, build=paged(interval=60), title="at least a quarter of an hour", variant=True),
    with_settled(renamed_diagnosis(not_polling(34, needs=AGES, per_target=True, extra=[
        defected_while_pending("MsxTargetNotPolling", silent_from(30, 60)),
        settling("MsxTargetNotPolling", silent_from(30, 60), 60, (39, 45, 59)),
    ])), silent_from(30, 60), 60, 40),
    not_polling(121, build=silent_from(30, 180, 1800), minutes=220, end=180, title="every 30 minutes", variant=True, description=polled_text(30, 1800)),
    with_settled(renamed_diagnosis(poll_stopped(61, 60, 100, 140, needs=AGES, per_target=True, extra=[
        settling("MsxTargetPollStopped", silent_from(30, 100), 100, (66, 80, 99)),
    ])), silent_from(30, 100), 100, 70),
    # 20 intervals of 10 minutes are over before 3 of them and four hours.
    poll_stopped(231, 600, 300, 340, title="20 intervals", variant=True),
    # 3 intervals of an hour and four hours are over before 20 intervals.
    with_lost_scrapes(poll_stopped(451, 3600, 500, 540, title="3 intervals and 4 hours", variant=True)),
    with_settled(Spec(build=never_polled(), minutes=110, start=41, end=70, needs=AGES, extra=[
        settling("MsxTargetNeverPolled", never_polled(), 60, (46, 55)),
    ], **NEVER), never_polled(), 60, 50),
    Spec(build=never_polled(600, 90), minutes=130, start=61, end=90, title="every 10 minutes", variant=True, **NEVER),
    download_errors(
        lambda m: r"SQL01\PAYROLL failed 2 instructions; nothing behind is downloaded until that is cleared. "
                  "Reason: proxy missing. Waiting behind: 4.",
        build=with_classes(("proxy_missing", 2), pending=4), per_target=True, needs=("msx_target_download_errors",), extra=[changed_reason()]),
    download_errors(
        lambda m: r"SQL01\PAYROLL failed 1 instruction; nothing behind is downloaded until that is cleared. "
                  "Reason: other. Waiting behind: 4.",
        title="one", variant=True),
    download_errors(
        lambda m: r"SQL01\PAYROLL failed 2 instructions; nothing behind is downloaded until that is cleared. "
                  "Reason: permission, proxy disabled. Waiting behind: 4.",
        build=with_classes(("proxy_disabled", 1), ("permission", 1), pending=4), title="two reasons", variant=True),
    Spec(build=stuck(), minutes=110, start=31, end=70, per_target=True,
         needs=("msx_target_last_poll_timestamp_seconds", "msx_target_oldest_pending_download_timestamp_seconds",
                "msx_target_poll_interval_seconds", "msx_target_pending_downloads"), **STUCK),
    Spec(build=stuck(600), minutes=110, start=41, end=70, title="every 10 minutes", variant=True, **STUCK),
    Spec(
        "MsxJobFailing", job, 110, start=30, end=70, for_=5, keep=15, severity="warning", component="target",
        labels={"job": "msx", "instance": MASTER, **JOB_LABELS}, dashboard=link("msx-overview", job="msx", instance=MASTER), per_target=True,
        summary="A multiserver job failed on at least one target.",
        description=lambda m: r"The last run of the job Nightly backup failed on 1 target: SQL01\PAYROLL.",
        needs=("msx_job_target_last_run_success", "msx_job_info"),
        extra=[quiet_job("a job that is switched off", enabled="false"),
               quiet_job("what a silent target last reported is old", last_poll=lambda m: 60 * min(m, 20)),
               many_targets_job()]),
    Spec(build=skew(-400), description=lambda m: skew_text("behind", 400), needs=("msx_target_clock_skew_seconds",), per_target=True,
         title="behind", **SKEW),
    Spec(build=skew(301, 300), description=lambda m: skew_text("ahead of", 301), title="ahead, and 5 minutes are allowed", variant=True, **{
        **SKEW, "component": "target"}),
    Spec(
        "MsxTargetNotEnlisted", not_enlisted, 110, start=30, end=70, for_=15, keep=15, severity="warning", component="target", labels=BASE,
        dashboard=DETAIL, summary="A target that should be enlisted is not.",
        description=lambda m: r"The configuration of the exporter at msx1:9814 expects SQL01\PAYROLL, and the master does not list it. "
                              "If it still polls, its polls leave no trace.",
        needs=("msx_target_enlisted",), extra=[expected_and_planned()]),
    DEFECTED,
    Spec(
        "MsxTargetUnexpected", with_series("msx_target_expected", 1, 0), 110, start=30, end=70, for_=15, keep=15, severity="info",
        component="target", labels=OWNED, dashboard=DETAIL, per_target=True, summary="A target is enlisted that is not expected.",
        description=lambda m: r"SQL01\PAYROLL is enlisted and not in expected_targets of the exporter at msx1:9814. "
                              "Add it to the list, or find out who enlisted it.",
        needs=("msx_target_expected", "msx_target_enlisted")),
    Spec(
        # The last listing counts for five minutes more.
        "MsxTargetOrphaned", orphan(), 100, start=35, end=70, for_=15, keep=15, slack=1, severity="warning", component="target",
        labels={"job": "sql", "instance": MASTER, "target": TARGET, "master": SERVERS[MASTER]},
        dashboard=link("msx-target", job="sql", instance=MASTER, target=TARGET),
        summary="A target believes that it is enlisted at a master that does not list it.",
        description=lambda m: r"SQL01\PAYROLL was enlisted at MSX01\CENTRAL by its own registry, and that master does not list it. "
                              "It gets no instructions, and its polls leave no trace there.",
        needs=("msx_target_master_info", "msx_server_info", "msx_up"),
        extra=[
            quiet_orphan("a target that knows its master by an alias never matches", orphan(knows="MSX-ALIAS")),
            quiet_orphan("a list that limits.targets cut proves nothing", orphan(msx_exporter_series_limited=1)),
            quiet_orphan("silent in maintenance on the far side", orphan(),
                         change=lambda model: model.write("msx_target_maintenance", 1, job="sql", target=TARGET)),
            quiet_orphan("a master that was just read again", orphan(here=lambda m: False), (40, 45), read_late)]),
]
