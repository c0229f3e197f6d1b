"""Cases of the alerts on ports."""

from .cases_exporter import steps
from .series_model import MASTER, OTHER_MASTER, TARGET, SeriesModel, link
from .spec import Spec, case, point

DETAIL = link("msx-target", job="msx", instance=MASTER, target=TARGET)
OVERVIEW = link("msx-overview", job="msx", instance=MASTER)
ENGINE = {"check": "engine", "direction": "to_target"}
OWNED = {"job": "msx", "instance": MASTER, "target": TARGET, **ENGINE, "route": "payroll-team"}
FAR = {"check": "engine", "direction": "to_master", "master": r"MSX01\CENTRAL"}


def port(model, open_, name=TARGET, instance=MASTER, required=1, state=None, protocol_ok=None, job="msx", info=True, **labels):
    labels = {"target": name, **(labels or ENGINE)}
    model.write("msx_port_open", open_, instance, job, **labels)
    model.write("msx_port_required", required, instance, job, **labels)
    if info:
        model.write("msx_port_info", 1, instance, job, **labels, port="14331", protocol="tcp", source="config")
    # Only the state that holds is written.
    if state:
        is_open = model.each_minute(open_)
        model.write("msx_port_state", lambda m: 1 if is_open[m] else None, instance, job, **labels, state="open")
        model.write("msx_port_state", lambda m: None if is_open[m] else 1, instance, job, **labels, state=state)
    if protocol_ok is not None:
        model.write("msx_port_protocol_ok", protocol_ok, instance, job, **labels)


def closed(required=1):
    def build(model, bad, instance):
        model.master(instance)
        model.target(instance=instance, port=None)
        port(model, steps(1, 0, 30, 70) if bad else 1, instance=instance, state="filtered", required=required)
    return build


def closed_far(model, bad, instance):
    model.exporter(instance, "sql", "target")
    port(model, steps(1, 0, 30, 70) if bad else 1, instance=instance, job="sql", state="refused", info=False, **FAR)


def wrong(far=False, open_=1):
    def build(model, bad, instance):
        ok = steps(1, 0, 30, 70) if bad else 1
        if far:
            model.exporter(instance, "sql", "target")
            port(model, open_, instance=instance, job="sql", protocol_ok=ok, **FAR)
        else:
            model.master(instance)
            model.target(instance=instance, port=None)
            port(model, open_, instance=instance, protocol_ok=ok)
    return build


def probed(model, bad, instance, job="msx-probe"):
    """A page of /probe has ports and nothing else of an exporter."""
    port(model, steps(1, 0, 30, 70) if bad else 1, instance=instance, job=job, state="filtered")


def reported_twice(own, other):
    """A port that a master's page reports, and another page of that Prometheus too, with scrapes of the first lost."""
    model = SeriesModel(70)
    model.master()
    model.target(port=None)
    port(model, steps(1, 0, 30, 70), state="filtered", **own)
    model.lose([m for m in range(70) if m % 5 == 0])
    port(model, steps(1, 0, 30, 70), instance="sql01:9814", job="sql", state="filtered", **other)
    return model


def overruled():
    """The page of a target says that its way is closed; the exporter that is scraped there finds it open."""
    model = SeriesModel(70)
    model.master()
    model.target(port=None)
    port(model, 0, state="filtered", **FAR)
    model.exporter("sql01:9814", "sql", "target")
    port(model, 1, instance="sql01:9814", job="sql", **FAR)
    model.lose([m for m in range(70) if m % 5 == 0], "sql01:9814")
    return model


def paged_ports(model, bad, instance):
    """The page of a target is read by its master's exporter, and no exporter is scraped there."""
    model.master(instance)
    model.target(instance=instance, port=None)
    port(model, steps(1, 0, 30, 70) if bad else 1, instance=instance, state="filtered", **FAR)


def read_by_a_pair():
    """Two exporters of one master read the page of a target, and the second one ends."""
    model = SeriesModel(70)
    for instance in (MASTER, OTHER_MASTER):
        paged_ports(model, True, instance)
    model.lose(range(32, 71), OTHER_MASTER)
    return model


def many_paged(scraped=False):
    """The pages of three of eight targets say that their way is closed."""
    def build(model, bad, instance):
        model.master(instance)
        for number in range(8):
            name = rf"SQL0{number}\PAYROLL"
            model.target(name, instance, port=None)
            port(model, steps(1, 0, 30, 70) if bad and number < 3 else 1, name, instance, info=False, **FAR)
            if scraped and number == 0:
                model.exporter("sql00:9814", "sql", "target")
                port(model, steps(1, 0, 30, 70), name, "sql00:9814", job="sql", info=False, **FAR)
    return build


def quiet(alert, name, build, at=(41, 55)):
    model = SeriesModel(60)
    build(model, True, MASTER)
    return case(f"{alert}: {name}", model, [point(alert, m, []) for m in at])


def many(shut=3, total=8, maintained=0):
    def build(model, bad, instance):
        model.master(instance)
        for number in range(total):
            name = rf"SQL0{number}\PAYROLL"
            model.target(name, instance, port=None, maintenance=int(number < maintained) if maintained else None)
            port(model, steps(1, 0, 30, 70) if bad and number < shut else 1, name, instance, info=False)
    return build


def many_in_maintenance():
    """Seven of eighteen are shut and three of these are in maintenance: four of fifteen count."""
    model = SeriesModel(60)
    many(7, 18, maintained=3)(model, True, MASTER)
    return case("MsxManyPortsClosed: those in maintenance are not in the total", model, [point("MsxManyPortsClosed", 45, [{
        "exp_labels": {"job": "msx", "instance": MASTER, **ENGINE, "severity": "warning", "component": "port"},
        "exp_annotations": {
            "summary": "The same required port is closed on many targets.",
            "description": "The port engine (to target) is required and not open for 4 targets of the master behind msx1:9814. "
                           "Suspect one firewall rule, not the targets.",
            "runbook_url": "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks/MsxManyPortsClosed.md",
            "dashboard_url": OVERVIEW}}])])


def many_unread():
    model = SeriesModel(60)
    many()(model, True, MASTER)
    model.unreadable(range(30, 61))
    return case("MsxManyPortsClosed: does not start while the master cannot be read", model, [point("MsxManyPortsClosed", m, []) for m in (40, 50)])


def far_maintained():
    """The far side's own configuration may name it too."""
    model = SeriesModel(60)
    wrong(far=True)(model, True, MASTER)
    model.write("msx_target_maintenance", 1, job="sql", target=TARGET)
    return case("MsxPortWrongProtocol: silent in maintenance on the far side", model, [point("MsxPortWrongProtocol", 45, [])])


COMMON = dict(for_=10, keep=15, severity="warning", component="port", minutes=110, start=30, end=70)

CLOSED = Spec(
    "MsxPortClosed", closed(), labels=OWNED, dashboard=DETAIL, summary="A required port is not open.", per_target=True,
    description=lambda m: r"The port engine (to target) of SQL01\PAYROLL is required and not open: filtered (tcp 14331).",
    needs=("msx_port_open", "msx_port_required"), **COMMON)
SEEN_BY_BOTH = Spec(
    "MsxPortClosed", closed(), labels={"job": "sql", "instance": "sql01:9814", "target": TARGET, **FAR},
    dashboard=link("msx-target", job="sql", instance="sql01:9814", target=TARGET), summary="A required port is not open.",
    description=lambda m: r"The port engine (to master) of SQL01\PAYROLL is required and not open: filtered (tcp 14331).", **COMMON)
CLOSED.extra = [
    quiet("MsxPortClosed", "a port that is only watched never alerts", closed(required=0)),
    case("MsxPortClosed: a port that the sweep and /probe report is one alert", reported_twice(ENGINE, ENGINE),
         [point("MsxPortClosed", m, [CLOSED.firing(m)]) for m in (46, 59)]),
    case("MsxPortClosed: a port that a target's page and its exporter report is one alert", reported_twice(FAR, FAR),
         [point("MsxPortClosed", m, [SEEN_BY_BOTH.firing(m, "sql01:9814")]) for m in (46, 59)]),
    case("MsxPortClosed: what an exporter on the target sees open is open, whatever its page says", overruled(), [point("MsxPortClosed", 55, [])])]

ON_A_PAGE = Spec(
    "MsxPortClosed", paged_ports, labels={**OWNED, **FAR}, title="by the page of a target", dashboard=DETAIL, per_target=True,
    summary="A required port is not open.",
    description=lambda m: r"The port engine (to master) of SQL01\PAYROLL is required and not open: filtered (tcp 14331).", **COMMON)
ON_A_PAGE.extra = [case("MsxPortClosed: an exporter that ends does not stand for the one that reads the same page", read_by_a_pair(),
                        [point("MsxPortClosed", 42, [ON_A_PAGE.firing(42)])])]

SPECS = [
    CLOSED,
    ON_A_PAGE,
    Spec(
        "MsxManyPortsClosed", many_paged(), labels={"job": "msx", "instance": MASTER, **FAR}, dashboard=OVERVIEW, variant=True,
        title="by pages", summary="The same required port is closed on many targets.",
        description=lambda m: "The port engine (to master) is required and not open for 3 targets of the master behind msx1:9814. "
                              "Suspect one firewall rule, not the targets.", **COMMON),
    Spec(
        "MsxPortClosed", probed, labels={"job": "msx-probe", "instance": MASTER, "target": TARGET, **ENGINE}, title="seen by /probe",
        dashboard=link("msx-target", job="msx-probe", instance=MASTER, target=TARGET), summary="A required port is not open.",
        description=CLOSED.description, **COMMON),
    Spec(
        "MsxManyPortsClosed", many(), labels={"job": "msx", "instance": MASTER, **ENGINE}, dashboard=OVERVIEW,
        summary="The same required port is closed on many targets.",
        description=lambda m: "The port engine (to target) is required and not open for 3 targets of the master behind msx1:9814. "
                              "Suspect one firewall rule, not the targets.",
        needs=("msx_port_open", "msx_port_required"),
        extra=[quiet("MsxManyPortsClosed", "two are not many, even of four", many(2, 4)),
               quiet("MsxManyPortsClosed", "a quarter is not over a quarter", many(3, 12)),
               quiet("MsxManyPortsClosed", "those in maintenance do not count", many(3, 8, maintained=1)),
               quiet("MsxManyPortsClosed", "nor do they lift the ratio", many(6, 22, maintained=3)),
               quiet("MsxManyPortsClosed", "nor does a page where an exporter on the target is scraped", many_paged(scraped=True)),
               many_in_maintenance(), many_unread()],
        **COMMON),
    Spec(
        "MsxPortClosed", closed_far, labels={"job": "sql", "instance": MASTER, "target": TARGET, **FAR},
        dashboard=link("msx-target", job="sql", instance=MASTER, target=TARGET), summary="A required port is not open.", title="far side",
        description=lambda m: r"The port engine (to master) of SQL01\PAYROLL is required and not open: refused.", **COMMON),
    Spec(
        "MsxPortWrongProtocol", wrong(), labels=OWNED, dashboard=DETAIL, summary="A required port is open and something else answers there.",
        per_target=True,
        description=lambda m: r"The port engine (to target) of SQL01\PAYROLL is open, and what answers there does not speak the right protocol "
                              "(tcp 14331).",
        needs=("msx_port_protocol_ok", "msx_port_open", "msx_port_required"),
        extra=[quiet("MsxPortWrongProtocol", "a closed port is another alert", wrong(open_=0)),
               quiet("MsxPortWrongProtocol", "nor on the far side", wrong(far=True, open_=0)), far_maintained()], **COMMON),
    Spec(
        "MsxPortWrongProtocol", wrong(far=True), labels={"job": "sql", "instance": MASTER, "target": TARGET, **FAR},
        dashboard=link("msx-target", job="sql", instance=MASTER, target=TARGET), title="far side",
        summary="A required port is open and something else answers there.",
        description=lambda m: r"The port engine (to master) of SQL01\PAYROLL is open, and what answers there does not speak the right protocol "
                              "(tcp 14331).", **COMMON),
]
