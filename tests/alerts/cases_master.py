"""Cases of the alerts on a master."""

from .cases_exporter import stands_still, steps
from .series_model import MASTER, TARGET, SeriesModel, human_duration, link
from .spec import Spec, case, point

OVERVIEW = link("msx-overview", job="msx", instance=MASTER)
JOB = {"job": "msx", "instance": MASTER}
DAY = 24 * 60


def master_series(metric, before, after, since=30, until=70, **labels):
    def build(model, bad, instance):
        model.master(instance)
        model.write(metric, steps(before, after, since, until) if bad else before, instance, **labels)
    return build


def unreadable(model, bad, instance):
    model.master(instance)
    model.write("msx_exporter_sql_errors_total", lambda m: max(0, min(m, 60) - 29) if bad else 0, instance, stage="login")
    model.write("msx_exporter_sql_errors_total", 0, instance, stage="connect")
    if bad:
        model.unreadable(range(30, 60), instance)


def passive_node():
    model = SeriesModel(60)
    unreadable(model, True, MASTER)
    model.write("msx_exporter_passive", 1)
    return case("MsxMasterUnreadable: a passive node of a cluster reads nothing", model, [point("MsxMasterUnreadable", 40, [])])


def no_error_counted():
    model = SeriesModel(40)
    model.master()
    model.unreadable(range(30, 41))
    return case("MsxMasterUnreadable: the text has words where no error was counted", model, [point("MsxMasterUnreadable", 33, [{
        "exp_labels": {**JOB, "severity": "critical", "component": "master"},
        "exp_annotations": {
            "summary": "The multiserver master cannot be read.",
            "description": "The exporter at msx1:9814 answers, but has not read its master for 3 minutes. "
                           "It counted no error in the last 10 minutes. "
                           "No alert on a target starts meanwhile; one that ends now has not recovered, it is only unseen.",
            "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxMasterUnreadable.md",
            "dashboard_url": OVERVIEW,
        },
    }])])


def silent(alert, name, metric, values, minutes, at, dark=None):
    """Nothing fires while a series of the master takes these values."""
    model = SeriesModel(minutes)
    model.master()
    model.write(metric, values)
    if dark:
        model.unreadable(dark)
    return case(f"{alert}: {name}", model, [point(alert, m, []) for m in at])


def fleet(interval=60, stopped=3, total=8, slow_ones=0):
    """`stopped` of `total` targets poll no more for a while from minute 30; `slow_ones` more poll every 30 minutes."""
    def build(model, bad, instance):
        model.master(instance, targets=total + slow_ones)
        for number in range(total):
            dead = bad and number < stopped
            model.target(f"SQL{number:02}\\PAYROLL", instance, interval=interval,
                         last_poll=(lambda m: 60 * (min(m, 30) if m < model.minutes - 40 else m)) if dead else (lambda m: 60 * m))
        for number in range(slow_ones):
            model.target(f"FAR{number:02}", instance, interval=1800, last_poll=lambda m: 1800 * (m // 30))
    return build


def tired(model, bad, instance):
    """Two of three brisk targets stopped, and three that poll every 20 minutes are late, too."""
    fleet(stopped=2, total=3)(model, bad, instance)
    for number in range(3):
        model.target(f"FAR{number:02}", instance, interval=1200, last_poll=0)


def many(name, build, minute, fires=None, maintenance=(), settling=False, minutes=100):
    model = SeriesModel(minutes)
    build(model, True, MASTER)
    if maintenance:
        model.maintain(*maintenance)
    if settling:
        for number in range(3):
            model.judge(f"SQL{number:02}\\PAYROLL", MASTER, lambda m: "settling")
    return case(f"MsxManyTargetsNotPolling: {name}", model,
                [point("MsxManyTargetsNotPolling", minute, [many_firing(*fires)] if fires else [])])


def many_firing(count, percent):
    return {
        "exp_labels": {**JOB, "severity": "critical", "component": "master"},
        "exp_annotations": {
            "summary": "Many targets have stopped polling at once.",
            "description": many_text(count, percent),
            "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxManyTargetsNotPolling.md",
            "dashboard_url": OVERVIEW,
        },
    }


def many_text(count, percent):
    return (f"{count} targets of the master behind msx1:9814 do not poll, {percent} of those that should have by now. "
            "Suspect the master's side: its certificate, listener, login or firewall.")


def certificate(end_minute, renewed):
    """The certificate ends at `end_minute` by the master's clock and is renewed at minute `renewed`."""
    def build(model, bad, instance):
        model.master(instance)
        far = 60 * (end_minute + 365 * DAY)
        model.write("msx_certificate_expiry_timestamp_seconds", steps(far, 60 * end_minute, 0, renewed) if bad else far, instance)
    return build


def certificate_text(left):
    state = "has ended." if left < 0 else f"ends in {human_duration(left)}."
    return (f"The certificate that the master behind msx1:9814 presents to its targets {state} "
            "From then on every target with the default setting of MsxEncryptChannelOptions refuses to poll.")


def certificate_alert(severity, end_minute, shown):
    return {
        "exp_labels": {**JOB, "severity": severity, "component": "master"},
        "exp_annotations": {
            "summary": "The multiserver master's certificate ends soon.",
            "description": certificate_text(60 * (end_minute - shown)),
            "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxMasterCertificateExpiring.md",
            "dashboard_url": OVERVIEW,
        },
    }


# One minute more than 21 days (3 days) is left at minute 30, so the alert's condition holds from minute 31.
IN_21_DAYS = 30 + 21 * DAY
IN_3_DAYS = 30 + 3 * DAY


def warning_as_well(minute):
    """With under 3 days left from minute 31, the warning has held since minute 0."""
    if not 60 <= minute < 120 + 15:
        return []
    return [certificate_alert("warning", IN_3_DAYS, min(minute, 119))]


def expired():
    model = SeriesModel(70)
    certificate(20, 1000)(model, True, MASTER)
    return case("MsxMasterCertificateExpiring: a certificate that has ended", model, [point("MsxMasterCertificateExpiring", 65, [
        certificate_alert("critical", 20, 65), certificate_alert("warning", 20, 65)])])


def far_side(reason="name_mismatch", option=2):
    def build(model, bad, instance):
        model.write("up", 1, instance, "msx-target")
        # Only the reason that holds is written.
        bad_now = lambda m: bad and 30 <= m < 70
        model.write("msx_master_certificate_valid", lambda m: None if bad_now(m) else 1, instance, "msx-target", target=TARGET, reason="ok")
        model.write("msx_master_certificate_valid", lambda m: 1 if bad_now(m) else None, instance, "msx-target", target=TARGET, reason=reason)
        if option is not None:
            model.write("msx_target_encrypt_channel_option", option, instance, "msx-target", target=TARGET)
    return build


def refused_text(setting):
    return (r"SQL01\PAYROLL would refuse its master's certificate with the default setting of MsxEncryptChannelOptions (name mismatch). "
            + setting)


def unknown_setting():
    model = SeriesModel(60)
    far_side(option=None)(model, True, MASTER)
    return case("MsxMasterCertificateRefused: the text has words where the target's setting is not known", model, [
        point("MsxMasterCertificateRefused", 50, [{
            "exp_labels": {"job": "msx-target", "instance": MASTER, "target": TARGET, "severity": "warning", "component": "master"},
            "exp_annotations": {
                "summary": "A target would refuse the multiserver master's certificate.",
                "description": refused_text("Its own setting is not known."),
                "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxMasterCertificateRefused.md",
                "dashboard_url": link("msx-target", target=TARGET),
            }}])])


def orphan(operation, after, until):
    def build(model, bad, instance):
        model.master(instance)
        # No series is written where no row waits.
        model.write("msx_orphan_instructions", lambda m: after if bad and 30 <= m < until else None, instance,
                    target=TARGET, operation=operation)
    return build


COMMON = dict(component="master", dashboard=OVERVIEW, labels=JOB)

def clock_of_a_page_that_stands_still():
    model = SeriesModel(60)
    stands_still(model, True, MASTER)
    model.write("msx_server_time_seconds", lambda m: 60 * min(m, 15))
    return case("MsxMasterClockOff: a page that stands still is another alert", model, [point("MsxMasterClockOff", m, []) for m in (33, 45, 60)])


SPECS = [
    Spec(
        "MsxMasterUnreadable", unreadable, 90, start=30, end=60, for_=3, keep=0, severity="critical",
        summary="The multiserver master cannot be read.",
        description=lambda m: "The exporter at msx1:9814 answers, but has not read its master for 3 minutes. "
                              "Most attempts stop at the stage login. "
                              "No alert on a target starts meanwhile; one that ends now has not recovered, it is only unseen.",
        needs=("msx_up",), extra=[passive_node(), no_error_counted()], **COMMON),
    Spec(
        "MsxMasterLostTargets", master_series("msx_targets", 4, 0), 100, start=30, end=70, for_=5, keep=15, severity="critical",
        summary="The multiserver master has lost all its targets.",
        description=lambda m: "The master behind msx1:9814 can be read and lists no target; within the last day it listed 4. "
                              "Suspect that msdb was restored, or that the instance moved or failed over.",
        needs=("msx_targets",),
        extra=[silent("MsxMasterLostTargets", "a server that never had targets is no master", "msx_targets", 0, 60, (30, 50)),
               silent("MsxMasterLostTargets", "not while the master cannot be read", "msx_targets", lambda m: 4 if m < 29 else 0, 60,
                      range(30, 50, 2), dark=range(30, 61))],
        **COMMON),
    Spec(
        "MsxManyTargetsNotPolling", fleet(), 100, start=34, end=60, for_=5, keep=15, severity="critical",
        summary="Many targets have stopped polling at once.", description=lambda m: many_text(3, "37.5%"),
        needs=("msx_server_time_seconds", "msx_target_last_poll_timestamp_seconds", "msx_target_poll_interval_seconds", "msx_up"),
        extra=[
            many("two are not many, even of four", fleet(stopped=2, total=4), 45),
            many("a quarter is not over a quarter", fleet(stopped=3, total=12), 45),
            many("four of twelve are", fleet(stopped=4, total=12), 45, fires=(4, "33.33%")),
            many("targets that poll every 30 minutes do not thin out the ratio", fleet(stopped=3, total=4, slow_ones=20), 45, fires=(3, "75%")),
            many("those that poll every 10 minutes count", fleet(600, stopped=3, total=4, slow_ones=20), 75, fires=(3, "75%"), minutes=140),
            many("where all targets are slow they count", fleet(1200, stopped=3, total=4), 110, fires=(3, "75%"), minutes=240),
            many("slow ones that are late do not make up the three", tired, 80, minutes=130),
            many("those in maintenance do not count", fleet(), 45, maintenance=(r"SQL00\PAYROLL",)),
            many("nor those of which a fresh master has yet to hear", fleet(), 45, settling=True),
        ], **COMMON),
    Spec(
        "MsxMasterCertificateExpiring", certificate(IN_21_DAYS, 120), 150, start=31, end=120, for_=60, keep=15, severity="warning",
        summary="The multiserver master's certificate ends soon.", description=lambda m: certificate_text(60 * (IN_21_DAYS - m)),
        needs=("msx_certificate_expiry_timestamp_seconds", "msx_server_time_seconds"), title="21 days", extra=[expired()], **COMMON),
    Spec(
        "MsxMasterCertificateExpiring", certificate(IN_3_DAYS, 120), 150, start=31, end=120, for_=60, keep=15, severity="critical",
        summary="The multiserver master's certificate ends soon.", description=lambda m: certificate_text(60 * (IN_3_DAYS - m)),
        also=warning_as_well, title="3 days", **COMMON),
    Spec(
        "MsxMasterCertificateRefused", far_side(), 110, start=30, end=70, for_=15, keep=15, severity="warning", component="master",
        labels={"job": "msx-target", "instance": MASTER, "target": TARGET}, dashboard=link("msx-target", target=TARGET),
        summary="A target would refuse the multiserver master's certificate.",
        description=lambda m: refused_text("Its setting is 2; 2 is the default and the only one that checks the certificate."),
        extra=[unknown_setting()]),
    Spec(
        "MsxTargetsDropped", master_series("msx_targets", 8, 5), 100, start=30, end=70, for_=15, keep=15, severity="warning",
        summary="The multiserver master lists far fewer targets than within the last day.",
        description=lambda m: "The master behind msx1:9814 lists 5 targets, down from 8 within the last day.",
        needs=("msx_targets",),
        extra=[silent("MsxTargetsDropped", "75 % is not under 75 %", "msx_targets", lambda m: 8 if m < 30 else 6, 60, (46, 55)),
               silent("MsxTargetsDropped", "a master without any has an alert of its own", "msx_targets", lambda m: 8 if m < 30 else 0, 60, (46, 55)),
               silent("MsxTargetsDropped", "not while the master cannot be read", "msx_targets", lambda m: 8 if m < 30 else 5, 70,
                      range(42, 60, 2), dark=range(41, 71))],
        **COMMON),
    Spec(
        "MsxMasterAgentDown", master_series("msx_agent_running", 1, 0), 100, start=30, end=70, for_=10, keep=15, severity="warning",
        summary="SQL Server Agent does not run on the multiserver master.",
        description=lambda m: "SQL Server Agent on the master behind msx1:9814 has not run for 10 minutes. "
                              "Targets go on polling, because the engine answers them; the master's own jobs do not run.",
        needs=("msx_agent_running",), **COMMON),
    Spec(
        "MsxMasterClockOff", lambda model, bad, instance: model.master(instance, clock_ahead=steps(0, -121, 30, 70) if bad else 0), 100,
        start=30, end=70, for_=15, keep=15, severity="warning",
        summary="The clocks of the multiserver master and of Prometheus differ.",
        description=lambda m: "The clock of the master behind msx1:9814 and that of Prometheus differ by 2m 1s. "
                              "Ages stay right, since they are taken by the master's clock; schedules, logs and Kerberos may not.",
        needs=("msx_server_time_seconds",), extra=[clock_of_a_page_that_stands_still()], **COMMON),
    Spec(
        "MsxMasterClockOff", lambda model, bad, instance: model.master(instance, clock_ahead=steps(120, 180, 30, 70) if bad else 120), 100,
        start=30, end=70, for_=15, keep=15, severity="warning", title="ahead, and 2 minutes are allowed", variant=True,
        summary="The clocks of the multiserver master and of Prometheus differ.",
        description=lambda m: "The clock of the master behind msx1:9814 and that of Prometheus differ by 3m 0s. "
                              "Ages stay right, since they are taken by the master's clock; schedules, logs and Kerberos may not.",
        **COMMON),
    Spec(
        # Nothing is written once no row waits, so the last value counts for five minutes more.
        "MsxOrphanInstructions", orphan("other", 2, 70), 110, start=30, end=75, for_=15, keep=15, slack=1, severity="info", component="master",
        labels={**JOB, "target": TARGET, "operation": "other"}, dashboard=OVERVIEW, title="without a DEFECT",
        summary="Instructions wait for a target that is not enlisted.",
        description=lambda m: r"2 instructions wait on the master behind msx1:9814 for SQL01\PAYROLL, which is not enlisted there. "
                              "No target will download what waits."),
    Spec(
        "MsxOrphanInstructions", orphan("other", 1, 70), 110, start=30, end=75, for_=15, keep=15, slack=1, severity="info", component="master",
        labels={**JOB, "target": TARGET, "operation": "other"}, dashboard=OVERVIEW, title="one", variant=True,
        summary="Instructions wait for a target that is not enlisted.",
        description=lambda m: r"1 instruction waits on the master behind msx1:9814 for SQL01\PAYROLL, which is not enlisted there. "
                              "No target will download what waits."),
    Spec(
        "MsxOrphanInstructions", orphan("defect", 1, 1600), 1640, start=30, end=1605, for_=DAY, keep=15, slack=1, severity="info", component="master",
        labels={**JOB, "target": TARGET, "operation": "defect"}, dashboard=OVERVIEW, title="a DEFECT",
        summary="A removed target has not heard of its removal.",
        description=lambda m: r"A DEFECT has waited for SQL01\PAYROLL on the master behind msx1:9814 for a day. "
                              "If that machine is gone for good, the row can be deleted; if not, it still believes that it is enlisted."),
    Spec(
        "MsxOperatorMissing", master_series("msx_operator_present", 1, 0, until=120), 150, start=30, end=120, for_=60, keep=15, severity="info",
        summary="The multiserver master has no operator MSXOperator.",
        description=lambda m: "The master behind msx1:9814 has no operator named MSXOperator. "
                              "Targets that are enlisted go on; enlisting another fails with error 14363.",
        needs=("msx_operator_present",), **COMMON),
]
