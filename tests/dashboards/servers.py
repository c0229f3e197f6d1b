"""A row of masters to look at: for each scenario the lab plays a master and the real exporter reads it; one Prometheus
with the real rules scrapes them all.
"""

import http.server
import re
import threading
import time
from dataclasses import dataclass, field

from tests import ROOT
from tests.lib.processes import Processes, override

# Every few seconds: the lab's targets poll once a minute, and two cores serve all of this.
SCRAPE = 3
SCRAPE_LARGE = 30
SWEEP = {"interval": "1m", "timeout": "1s"}


@dataclass
class Scenario:
    """One master with its exporter."""

    name: str
    lab: list
    # Ports by target, before all others are given the lab's own port: `open`, `refused` or `filtered`.
    ports: dict = field(default_factory=dict)
    job: str = "msx"
    more: str = ""
    # Whether some of its targets write pages.
    pages: bool = False
    instance: str = ""


class Registry:
    """A stand-in for what exporters in the role target read from the registry of Windows, as a page of text."""

    def __init__(self):
        rows = [("SQL01", "MSX01", 2), ("SQL02", "msx01.corp.example", 2)]
        page = []
        for target, master, option in rows:
            page.append(f'msx_target_master_info{{target="{target}",master="{master}"}} 1')
            page.append(f'msx_target_encrypt_channel_option{{target="{target}"}} {option}')
        text = "\n".join([*page, ""]).encode()

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Servers(Processes):
    """All that runs, as a context."""

    def __init__(self, scenarios):
        super().__init__("msx-dashboards-")
        self.scenarios = scenarios
        self.labs = {}

    def __enter__(self):
        try:
            self.doors = {state: self.door(state).port for state in ("refused", "filtered")}
            for scenario in self.scenarios:
                self.start_master(scenario)
            self.start_prometheus()
        except BaseException:
            self.__exit__()
            raise
        return self

    def write_pages(self):
        """Pages that targets wrote a moment ago: SQL01's exporter sees it otherwise, SQL03 has none. Answers where they are."""
        for target in ("SQL01", "SQL03"):
            way = f'target="{target}",check="engine",direction="to_master",master="MSX01"'
            page = [
                f'msx_target_page_timestamp_seconds{{target="{target}"}} {time.time():.0f}',
                f'msx_target_page_interval_seconds{{target="{target}"}} 600',
                f'msx_target_page_info{{target="{target}",node="{target}",source="script",version="1"}} 1',
                f"msx_port_open{{{way}}} 0",
                f"msx_port_required{{{way}}} 1",
                f'msx_port_state{{{way},state="refused"}} 1',
                "# EOF",
            ]
            folder = self.folder / "pages" / target
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{target}.prom").write_text("\n".join([*page, ""]), encoding="utf-8")
        return f"{self.folder}/pages/{{target}}/*.prom"

    def start_master(self, scenario):
        more = scenario.more
        if scenario.pages:
            more += f"target_pages:\n  files: '{self.write_pages()}'\n  interval: 5s\n"
        lab = self.labs[scenario.name] = self.lab(scenario.name, *scenario.lab)
        ports = {"open": lab.port, **self.doors}
        overrides = [
            override(re.escape(target), ports[kind.split()[-1]], kind.startswith("required"))
            for target, kind in scenario.ports.items()
        ]
        scenario.instance = self.exporter(
            scenario.name, lab.address, SWEEP, [*overrides, override(".*", lab.port)], more
        )

    def start_prometheus(self):
        rules = self.folder / "rules"
        rules.mkdir()
        for path in (ROOT / "alerts").glob("msx-*.yaml"):
            # What waits for minutes in production fires at once here.
            text = re.sub(r"^(\s+)for: .*$", r"\1for: 0s", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            (rules / path.name).write_text(text, encoding="utf-8")
        jobs = {}
        for scenario in self.scenarios:
            jobs.setdefault(scenario.job, []).append(scenario.instance)
        registry = Registry()
        self.closing.append(registry)
        # SQL01 reaches the first master; SQL02 calls it otherwise, and something drops what it sends.
        engine = self.labs[self.scenarios[0].name].port
        jobs["msx-target"] = [
            registry.address,
            self.target_side("SQL01", f"localhost:{engine}", SWEEP),
            self.target_side("SQL02", f"127.0.0.1:{self.doors['filtered']}", SWEEP),
        ]
        scrape = [
            {
                "job_name": job,
                "scrape_interval": f"{SCRAPE_LARGE if 'large' in job else SCRAPE}s",
                "scrape_timeout": f"{SCRAPE_LARGE if 'large' in job else SCRAPE}s",
                "static_configs": [{"targets": instances}],
            }
            for job, instances in jobs.items()
        ]
        self.metrics = self.prometheus(
            {
                "global": {"evaluation_interval": "3s"},
                "rule_files": [str(rules / "*.yaml")],
                "scrape_configs": scrape,
            }
        )

    def ask(self, path, **parameters):
        """What Prometheus answers, errors too."""
        return self.metrics.ask(path, **parameters)

    def number(self, expression):
        return self.metrics.number(expression)
