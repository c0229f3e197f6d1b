"""What is asked of every alert, in one place: a Spec says how its model goes wrong, and yields its promtool tests.

All tests run at one evaluation a minute. A Spec names the minute from which the alert's condition holds (`start`), the
minute from which it no longer does (`end`), its `for` and its keep_firing_for, all in minutes and all written down from
the list of alerts, not read from the rules.
"""

from dataclasses import dataclass, field
from typing import Callable

from .series_model import MASTER, OTHER_MASTER, SeriesModel

RUNBOOKS = "https://github.com/msx-exporter/msx_exporter/blob/main/alerts/runbooks"
LAST_WINDOW = 5  # minutes that a rule looks back for the last value
ROSTER_WINDOW = 2  # minutes after which the master counts as unreadable


@dataclass
class Spec:
    """One way in which one alert comes and goes."""

    alert: str
    build: Callable[..., SeriesModel]  # build(bad, instance, model) adds one exporter's series; bad=False stays healthy
    minutes: int
    start: int
    end: int
    for_: int
    keep: int
    severity: str
    component: str
    labels: dict  # besides severity and component
    summary: str
    description: Callable[[int], str]  # at a minute
    dashboard: str
    needs: tuple = ()  # metrics without which the alert cannot fire
    per_target: bool = False  # silent in maintenance and while the master cannot be read
    about_scrapes: bool = False  # lost scrapes are its subject, not an accident
    slack: int = 0  # minutes of play where a range's edge differs between Prometheus 2 and 3
    # Other variants of the same alert that fire in the same model, as pairs of labels and annotations, by minute.
    also: Callable[[int], list] = lambda minute: []
    title: str = ""
    variant: bool = False  # the same rule with other figures: only its times and texts are asked, not the accidents
    extra: list = field(default_factory=list)  # further tests, as made by `case`

    def model(self, bad=True):
        model = SeriesModel(self.minutes)
        self.build(model, bad, MASTER)
        return model

    def firing(self, minute, instance=MASTER, text_of=None):
        """The alert as expected at a minute; `text_of` is the minute whose figures its text shows."""
        labels = {**self.labels, "severity": self.severity, "component": self.component}
        if "instance" in labels:
            labels["instance"] = instance
        return {
            "exp_labels": labels,
            "exp_annotations": {
                "summary": self.summary,
                "description": self.description(minute if text_of is None else text_of),
                "runbook_url": f"{RUNBOOKS}/{self.alert}.md",
                "dashboard_url": self.dashboard,
            },
        }

    def at(self, minute, fires, text_of=None):
        alerts = self.also(minute) + ([self.firing(minute, text_of=text_of)] if fires else [])
        return point(self.alert, minute, alerts)

    def tests(self):
        title = f"{self.alert}{' (' + self.title + ')' if self.title else ''}"
        s, fires, last = self.slack, self.start + self.for_, self.end - 1 - self.slack
        held = self.end + self.keep
        yield case(f"{title}: silent before, silent inside `for`, fires, is held after recovery, ends", self.model(), [
            self.at(self.start - 1 - s, False),
            self.at(fires - 1 - s, False),
            self.at(fires + s, True),
            self.at(last, True),
            *([self.at(held - 1 - s, True, text_of=last)] if self.keep else []),
            self.at(held + s, False),
        ])
        if self.variant or self.minutes > 400:
            yield from self.extra
            return
        healthy = self.model(bad=False)
        yield case(f"{title}: silent while nothing is wrong", healthy,
                   [point(self.alert, minute, []) for minute in (self.start + s, fires + s, self.end)])

        twins = SeriesModel(self.minutes)
        self.build(twins, True, MASTER)
        self.build(twins, False, OTHER_MASTER)
        yield case(f"{title}: of two masters with targets of the same name only the one in trouble", twins,
                   [self.at(fires - 1 - s, False), self.at(fires + s, True)])

        for metric in self.needs:
            blind = self.model()
            blind.forget(metric)
            yield case(f"{title}: silent, not broken, where {metric} is missing", blind,
                       [point(self.alert, fires + s, self.also(fires + s))])

        if not self.about_scrapes:
            flaky = self.model()
            flaky.lose([m for m in range(self.minutes + 1) if m % 5 == (self.start + 2) % 5])
            yield case(f"{title}: one scrape lost in five delays nothing", flaky,
                       [self.at(self.start - 1 - s, False), self.at(fires - 1 - s, False), self.at(fires + s, True)])

            if self.alert != "MsxMasterUnreadable" and self.labels["job"] == "msx":
                nervous = self.model()
                nervous.unreadable([m for m in range(self.minutes + 1) if m % 5 == (self.start + 2) % 5])
                yield case(f"{title}: a master that cannot be read at one scrape in five delays nothing", nervous,
                           [self.at(self.start - 1 - s, False), self.at(fires - 1 - s, False), self.at(fires + s, True)])

            restart = self.model()
            restart.lose([self.start - 6, self.start - 5, fires + 2 + s])
            yield case(f"{title}: a restart of the exporter starts nothing and ends nothing", restart,
                       [self.at(self.start - 3 - s, False), self.at(self.start - 1 - s, False), self.at(fires + 4 + s, True)])

        if self.per_target:
            yield from self.per_target_tests(title, fires)
        yield from self.extra

    def per_target_tests(self, title, fires):
        dark = self.model()
        dark.unreadable(range(self.start, self.minutes + 1))
        yield case(f"{title}: does not start while the master cannot be read", dark,
                   [self.at(minute, False) for minute in range(self.start, fires + LAST_WINDOW + 2, 2)])

        late = self.model()
        late.unreadable(range(fires + 2, self.minutes + 1))
        gone = fires + 2 + ROSTER_WINDOW + self.keep
        if gone + 2 <= self.minutes:
            # Which text it carries meanwhile depends on what is still known; only the end is asserted here.
            yield case(f"{title}: what fires is held for {self.keep} minutes once the master cannot be read, then ends",
                       late, [self.at(gone + 2, False)])

        kept = self.model()
        kept.maintain()
        yield case(f"{title}: silent in maintenance", kept, [self.at(fires, False), self.at(last_before(self.end), False)])


def last_before(minute):
    return minute - 1


def point(alert, minute, expected):
    return {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": expected}


def case(name, model, points):
    return {"name": name, "interval": "1m", "input_series": model.input_series(), "alert_rule_test": points}
