"""What a Prometheus pays for a master: series, memory, and the evaluation of all rules. Two servers look at one exporter
at the same time, one of them through a page and with the rules as they were before a target had half as many series.

    python3 -m tests.alerts.cost      measures, and writes its table into BENCHMARKS.md
"""

import contextlib
import http.server
import re
import subprocess
import sys
import threading
import time

import yaml

from tests import ROOT
from tests.lib.processes import Processes, Server, override, wait

PAGE = ROOT / "BENCHMARKS.md"
MARKS = "<!-- Written by tests/run prometheus-cost. -->\n", "<!-- End of what it writes. -->\n"
# The last commit with the longer page.
BEFORE = "0a70148e5d2ce659d0b661f1b5323424e8ea3f17"
CAUSES = (
    "ok clock_skew not_downloading download_error never_polled stopped_polling engine_down unreachable unresolved "
    "defect_pending not_enlisted unknown settling master_side"
).split()
CLASSES = "proxy_disabled proxy_missing permission object_exists subsystem version other".split()
STATES = "normal suspected_offline blocked".split()
# Seconds. Ranges of rules hold as many samples with every size of fleet once they have run as long.
EVERY, RUN = 5, 120
GROWTH = 5.2


def before(page):
    """The page as it was: every cause, every class of errors and every state of each target, most of them 0."""
    lines = []
    for line in page.splitlines():
        name, labels = re.match(r"(?:# \w+ )?(\w+)(?:\{(.*?)\})? ?", line).groups()
        target = (re.match(r'target="(?:[^"\\]|\\.)*"', labels or "") or [None])[0]
        if name in ("msx_target_diagnosis_code", "msx_target_download_errors_by_class", "msx_target_master_evidence"):
            continue
        if not target or name not in ("msx_target_diagnosis", "msx_target_download_errors", "msx_target_enlisted"):
            lines.append(line)
        elif name == "msx_target_diagnosis":
            holds = re.search(r'cause="(\w+)"', labels)[1]
            lines += [f'{name}{{{target},cause="{cause}"}} {int(cause == holds)}' for cause in CAUSES]
        elif name == "msx_target_download_errors":
            lines += [f'{name}{{{target},class="{kind}"}} 0' for kind in CLASSES]
        else:
            lines += [line, f"msx_target_maintenance{{{target}}} 0"]
            lines += [f'msx_target_status{{{target},state="{state}"}} 0' for state in STATES]
    return "\n".join(lines) + "\n"


def served(page):
    """Where what `page` answers is served, bytes or None, as an exporter would."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = page()
            self.send_response(200 if body else 503)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            with contextlib.suppress(BrokenPipeError):  # the scrape was given up
                self.end_headers()
                self.wfile.write(body or b"")

        def log_message(self, *_):
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


def longer(exporter):
    """The page of an exporter as it was before."""
    text = exporter.read("metrics")
    return text and before(text.decode()).encode()


def rules_before(folder):
    """The rules of the last commit with the longer page; None where the history is not there."""
    paths = [f"alerts/msx-{part}.yaml" for part in ("recording", "exporter", "master", "targets", "ports")]
    texts = [subprocess.run(["git", "show", f"{BEFORE}:{path}"], cwd=ROOT, capture_output=True, check=False) for path in paths]
    if any(text.returncode for text in texts):
        return None
    for path, text in zip(paths, texts):
        (folder / path.rpartition("/")[2]).write_bytes(text.stdout)
    return folder


def watch(processes, name, addresses, rules, every=EVERY):
    """A Prometheus with these rules, as the process NAME."""
    config = processes.folder / f"{name}.yml"
    config.write_text(
        yaml.safe_dump({
            "global": dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{every}s"),
            "rule_files": [f"{rules}/msx-*.yaml"],
            "scrape_configs": [{"job_name": "msx", "static_configs": [{"targets": addresses}]}],
        })
    )
    data = processes.folder / name
    return processes.server(name, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}")


def own(server, name):
    """The sum of a metric of Prometheus itself."""
    text = server.read("metrics").decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(rf"{name}[{{ ]", line))


def resident(process):
    """Megabytes."""
    status = open(f"/proc/{process.pid}/status", encoding="ascii").read()
    return int(re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[1]) / 1024


def touched(server):
    """Samples that one evaluation of all rules touches."""
    groups = server.ask("api/v1/rules")["data"]["groups"]
    expressions = [rule["query"] for group in groups for rule in group["rules"]]
    answers = [server.ask("api/v1/query", query=expression, stats="all") for expression in expressions]
    return sum(answer["data"]["stats"]["samples"]["totalQueryableSamples"] for answer in answers)


def measure(processes, server, name):
    """Head series, megabytes, and the seconds and samples of one evaluation of all rules: the least of ten."""
    failed = own(server, "prometheus_rule_evaluation_failures_total")
    assert failed == 0, f"{name}: {failed:.0f} evaluations of rules failed"
    seconds = []
    for _ in range(10):
        seconds.append(own(server, "prometheus_rule_group_last_duration_seconds"))
        time.sleep(EVERY)  # the next evaluation
    # Ranges with gaps cost less than they should.
    scraped = server.number(f"min(avg_over_time(up[{RUN}s]))") or 0
    assert scraped > 0.95, f"{name}: {1 - scraped:.0%} of the scrapes failed; the machine is too busy for figures"
    return own(server, "prometheus_tsdb_head_series"), resident(processes.running[name]), min(seconds), touched(server)


def fleet(targets, with_before):
    """What it costs with so many targets: now, and before."""
    with Processes("msx-cost-") as processes:
        lab = processes.lab("one", "--targets", targets, "--rows", 2 * targets, "--jobs", 3)
        checks = {"interval": "60s", "checks": "{ browser: { sweep: false } }"}
        address = processes.exporter("one", lab.address, checks, [override(".*", lab.port)])
        exporter = Server(address)
        wait("ports are on the page", lambda: (exporter.read("metrics") or b"").count(b"\nmsx_port_open{") >= targets, 300)
        sources = {"now": ([address], ROOT / "alerts")}
        old = processes.folder / "rules"
        old.mkdir()
        if with_before and rules_before(old):
            sources["before"] = ([served(lambda: longer(exporter))], old)
        servers = {name: watch(processes, name, *source) for name, source in sources.items()}
        wait("as many scrapes as ranges need", lambda: own(servers["now"], "prometheus_tsdb_head_samples_appended_total"), 60)
        time.sleep(RUN)  # what is measured depends on how long it ran
        return {name: measure(processes, server, name) for name, server in servers.items()}


def write(marks, table):
    """Puts a table between its marks in BENCHMARKS.md."""
    head, begin, rest = PAGE.read_text().partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    assert end, f"{PAGE.name} has no {marks[0].strip()} any more"
    PAGE.write_text(head + begin + table + end + tail)


def main():
    small, large = fleet(1_000, True), fleet(5_000, False)
    columns = {"now": small["now"], "now, 5,000 targets": large["now"]}
    if "before" in small:
        columns = {"before": small["before"], **columns}
    else:
        print("skipped: the page and the rules of before; this clone has no history")
    growth = large["now"][3] / small["now"][3]
    names = ("head series", "resident", "one evaluation of all rules", "samples that it touches")
    forms = ("{:,.0f}", "{:.0f} MB", "{:.2f} s", "{:,.0f}")
    rows = [f"| 1,000 targets | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}\n"]
    for at, (name, form) in enumerate(zip(names, forms)):
        rows.append(f"| {name} | {' | '.join(form.format(column[at]) for column in columns.values())} |\n")
    table = "".join(rows)
    print(table, f"5,000 targets touch {growth:.2f} times as many samples", sep="")
    write(MARKS, table)
    missed = []
    if small["now"][0] > 38_500:
        missed.append("more than 38,500 head series")
    if growth > GROWTH:
        missed.append(f"samples grow more than {GROWTH} times")
    if "before" in small and small["now"][2] > small["before"][2]:
        missed.append("the rules are slower than before")
    print(*(f"missed: {what}" for what in missed), sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
