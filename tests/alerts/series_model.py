"""A small model of what an exporter writes, minute by minute, and its translation into promtool's notation.

A model is a set of series. Each series is a list with one entry a minute: a number, or None where it is not written.
That makes the accidents of real life one-liners: a lost scrape blanks a minute of every series of an instance, a
second master is a second set of series. Prometheus marks a series as stale when a scrape no longer holds it, or fails;
the translation does the same.
"""

from urllib.parse import quote_plus

from tests.lib.catalogue import causes

MASTER = "msx1:9814"
OTHER_MASTER = "msx2:9814"
# Named instances hold a backslash, which every layer between SQL Server and a pager wants to escape.
TARGET = r"SQL01\PAYROLL"

Values = list  # of float | None

# The number of each cause, as the exporter writes it.
CODES = {name: cause["code"] for name, cause in causes().items()}


def human_duration(seconds):
    """What Prometheus' humanizeDuration prints for a number of full seconds."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(int(seconds))
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    d, h = divmod(hours, 24)
    if d:
        return f"{sign}{d}d {h}h {m}m {s}s"
    if h:
        return f"{sign}{h}h {m}m {s}s"
    if m:
        return f"{sign}{m}m {s}s"
    return f"{sign}{s}s"


class SeriesModel:
    """The series of one test, from minute 0 to `minutes`."""

    def __init__(self, minutes):
        self.minutes = minutes
        self.series = {}

    def each_minute(self, value):
        """Values from a constant or from a function of the minute."""
        return [value(m) if callable(value) else value for m in range(self.minutes + 1)]

    def write(self, name, value, instance=MASTER, job="msx", **labels):
        """Adds a series, or replaces it."""
        key = (name, tuple({"job": job, "instance": instance, **labels}.items()))
        self.series[key] = self.each_minute(value)

    def forget(self, name):
        """The exporter does not write this metric at all."""
        before = len(self.series)
        self.series = {key: values for key, values in self.series.items() if key[0] != name}
        assert len(self.series) < before, f"no series of {name} to forget"

    def exporter(self, instance=MASTER, job="msx", role="master", answers=lambda m: True, scraped=lambda m: True):
        """What every exporter's page has, and `up`, which there is while Prometheus scrapes it."""
        self.write("up", lambda m: int(answers(m)) if scraped(m) else None, instance, job)
        self.write("msx_exporter_build_info", lambda m: 1 if answers(m) and scraped(m) else None, instance, job, role=role)

    def master(self, instance=MASTER, targets=1, clock_ahead=0):
        """An exporter that answers and a master that can be read."""
        self.exporter(instance)
        self.write("msx_up", 1, instance)
        self.write("msx_exporter_collector_read_timestamp_seconds", lambda m: 60 * m, instance, collector="targets")
        self.write("msx_server_time_seconds", lambda m: 60 * m + (clock_ahead(m) if callable(clock_ahead) else clock_ahead), instance)
        self.write("msx_targets", targets, instance)

    def target(self, name=TARGET, instance=MASTER, interval=60, last_poll=lambda m: 60 * m, polled=1, pending=0,
               cause=lambda m: "ok", here=lambda m: True, maintenance=None, route="payroll-team", port="open"):
        """An enlisted target with what every target has. It is written while `here` holds.

        `maintenance` is None where the configuration has no window, as in most.
        """
        def put(metric, value, **labels):
            self.write(metric, lambda m: (value(m) if callable(value) else value) if here(m) else None,
                       instance, target=name, **labels)

        info = {"location": "Basel", **({"route": route} if route else {})}
        put("msx_target_info", 1, **info)
        put("msx_target_enlisted", 1)
        put("msx_target_last_poll_timestamp_seconds", last_poll)
        put("msx_target_poll_interval_seconds", interval)
        put("msx_target_polled", polled)
        put("msx_target_pending_downloads", pending)
        if maintenance is not None:
            put("msx_target_maintenance", maintenance)
        self.judge(name, instance, lambda m: cause(m) if here(m) else None)
        if port:
            put("msx_port_state", 1, check="engine", direction="to_target", state=port)

    def judge(self, name, instance, cause):
        """The diagnosis of a target: the cause of each minute, or None while there is none. It replaces what was there."""
        self.series = {key: values for key, values in self.series.items() if key[0] != "msx_target_diagnosis"
                       or not {("instance", instance), ("target", name)} <= set(key[1])}
        for each in sorted({cause(m) for m in range(self.minutes + 1)} - {None}):
            self.write("msx_target_diagnosis", lambda m, each=each: 1 if cause(m) == each else None, instance, target=name, cause=each)
        self.write("msx_target_diagnosis_code", lambda m: CODES.get(cause(m)), instance, target=name)

    def maintain(self, *names):
        """The configuration has a window for these targets, or for all where none is named."""
        for (metric, labels), values in list(self.series.items()):
            labels = dict(labels)
            if metric == "msx_target_enlisted":
                held = int(not names or labels["target"] in names)
                self.write("msx_target_maintenance", lambda m, values=values, held=held: held if values[m] == 1 else None,
                           labels["instance"], labels["job"], target=labels["target"])

    def lose(self, minutes, instance=None):
        """These scrapes fail: `up` is 0 and nothing else is written."""
        for (name, labels), values in self.series.items():
            if instance not in (None, dict(labels)["instance"]):
                continue
            for minute in minutes:
                if minute <= self.minutes:
                    values[minute] = 0 if name == "up" else None

    def unreadable(self, minutes, instance=MASTER):
        """The exporter answers and its master does not: msx_up is 0 and nothing of the master is written."""
        for (name, labels), values in self.series.items():
            if dict(labels)["instance"] != instance or name == "up" or name.startswith(("msx_exporter_", "msx_port_")) and "read_timestamp" not in name:
                continue
            for minute in minutes:
                if minute <= self.minutes:
                    values[minute] = 0 if name == "msx_up" else None

    def input_series(self):
        """The same in promtool's notation."""
        return [{"series": notation(name, labels), "values": compress(values)}
                for (name, labels), values in self.series.items() if any(v is not None for v in values)]


def notation(name, labels):
    """`name{a="b"}` with the escapes of PromQL."""
    def quoted(text):
        return text.replace("\\", "\\\\").replace('"', '\\"')

    return name + "{" + ",".join(f'{key}="{quoted(value)}"' for key, value in labels) + "}"


def compress(values):
    """`1 1 1 2 3` becomes `1x2 2+1x1`; a series that ends is marked stale once, then left out."""
    out, i = [], 0
    while i < len(values):
        if values[i] is None:
            end = i
            while end < len(values) and values[end] is None:
                end += 1
            blank = end - i
            if i > 0:
                out.append("stale")
                blank -= 1
            if blank:
                out.append("_" if blank == 1 else f"_x{blank}")
            i = end
            continue
        step = values[i + 1] - values[i] if i + 1 < len(values) and values[i + 1] is not None else 0
        end = i
        while end + 1 < len(values) and values[end + 1] is not None and values[end + 1] - values[end] == step:
            end += 1
        if end == i:
            out.append(f"{values[i]}")
        elif end - i == 1 and step:
            out.append(f"{values[i]}")
            end = i
        elif step == 0:
            out.append(f"{values[i]}+0x{end - i}")
        else:
            out.append(f"{values[i]}{step:+}x{end - i}")
        i = end + 1
    return " ".join(out)


def link(dashboard, **variables):
    """The dashboard link that an alert should carry."""
    return f"/d/{dashboard}?" + "&".join(f"var-{key}={quote_plus(value)}" for key, value in variables.items())
