"""A machine that has nothing but the bundle, Debian's Prometheus and a master: what the documents of the bundle say is
done there, with their own words, and the exporter serves, is scraped, and answers the rules and the dashboards.
"""

import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from tests import ROOT
from tests.dashboards.grafana import Page, panels, variables
from tests.lib.processes import wait
from tests.linux.machine import Machine

PASSWORD = "Secret-of-the-lab-7"
# As the documents have it, before a master on this machine whose certificate no authority issued.
MASTER = "sed -i 's/^  address: .*/  address: 127.0.0.1:1433\\n  trust_server_certificate: true/' /etc/msx_exporter/msx_exporter.yml"
# Asks Prometheus what /mnt/queries.json lists, and prints what it refuses.
ASK = """
import json, urllib.parse, urllib.request
for what, path, values in json.load(open('/mnt/queries.json')):
    data = urllib.parse.urlencode(values).encode()
    try:
        urllib.request.urlopen('http://127.0.0.1:9090/' + path, data, 60).read()
    except OSError as error:
        print(what, error, getattr(error, 'read', bytes)()[:300])
"""


class Alone:
    def __init__(self, machine, folder, bundle):
        self.machine, self.folder, self.bundle = machine, Path(folder), bundle

    def file(self, ending):
        return f"/mnt/{self.bundle.archive(ending).name}"

    def prometheus(self, path):
        """What Prometheus answers; None while it does not."""
        text = self.machine.run(f"/usr/bin/curl --silent 'http://127.0.0.1:9090/api/v1/{path}'", check=False)
        return json.loads(text)["data"] if text.startswith("{") else None

    def prepared(self):
        # What this machine was built with is not on that one.
        for place in (ROOT, Path.home() / ".cargo", Path.home() / ".rustup"):
            self.machine.run(f"[ ! -d {place} ] || mount -t tmpfs tmpfs {place}")
        self.machine.run("rm -f /usr/sbin/policy-rc.d; rm -rf /etc/prometheus/msx")
        self.machine.run("echo '127.0.0.1 localhost msx01 msx02 alertmanager inventory' >/etc/hosts")
        self.machine.write("/run/lab-password", PASSWORD, "600")
        self.machine.run(
            "systemd-run --quiet --unit=lab --property=StandardInput=null /mnt/lab --listen 127.0.0.1:1433 --scenario everything"
            " --encrypt required --user msx_exporter --password-file /run/lab-password"
        )
        wait("the lab listens", lambda: ":1433 " in self.machine.run("ss -Hltn"))

    def the_sums_are_right(self):
        self.machine.run("cd /mnt && sha256sum --check --quiet SHA256SUMS")
        self.bundle.use(self.bundle.folder / "SHA256SUMS")

    def serves(self):
        self.machine.write("/etc/msx_exporter/password", PASSWORD, "600")
        self.machine.run(MASTER)
        self.machine.run("msx_exporter check-config && systemctl start msx_exporter")
        wait("the master is read", lambda: "\nmsx_up 1" in self.machine.page(9814))

    def the_package_is_installed_and_serves(self):
        self.machine.run(f"dpkg --install {self.file('.deb')}")
        altered = self.machine.run("dpkg --verify msx-exporter").strip()
        assert not altered, f"what is installed is not what the package says: {altered}"
        self.serves()
        self.machine.run("dpkg --purge msx-exporter")
        self.bundle.use(self.bundle.inside(".deb"))

    def the_tarball_is_installed_as_its_document_says_and_serves(self):
        folder = self.bundle.inside("-linux-amd64.tar.gz")
        chapter = (folder / "README.md").read_text().partition("## Other distributions")[2]
        commands = re.search(r"^```sh\n(.*?)^```", chapter, re.DOTALL | re.MULTILINE)[1]
        self.machine.run(f"mkdir /run/unpacked; cd /run/unpacked; ln -s {self.file('-linux-amd64.tar.gz')} .\n{commands}")
        self.serves()
        self.machine.run("systemd-analyze verify --man=no msx_exporter.service msx_exporter@pay.service")
        # The rest of it is read by people: what it says is looked at elsewhere.
        self.bundle.use(*(folder / name for name in re.findall(r"[\w.@]+", commands)), folder / "README.md")

    def prometheus_scrapes_and_the_rules_are_evaluated(self):
        folder = self.bundle.inside("-operations.tar.gz")
        self.machine.run(
            f"mkdir -p /run/operations /etc/prometheus/msx; tar -xzf {self.file('-operations.tar.gz')} -C /run/operations"
            " --strip-components=1; cp /run/operations/alerts/msx-*.yaml /etc/prometheus/msx; cd /run/operations/deploy/prometheus"
            "; promtool check config [b-z]*.yml; promtool check config --agent agent.yml"
            "; systemd-run --quiet --unit=msx-prometheus /usr/bin/prometheus --config.file=$PWD/scrape-static.yml"
            " --storage.tsdb.path=/run/tsdb --web.listen-address=127.0.0.1:9090"
        )
        read = "query?query=msx_up%7Bjob%3D%22msx%22%2Cinstance%3D%22msx01%3A9814%22%7D"
        wait("the scrape of the example", lambda: (self.prometheus(read) or {}).get("result"), 150)
        groups = wait("every rule was evaluated", self.evaluated, 180)
        files = {Path(group["file"]).name for group in groups}
        assert files == {path.name for path in folder.glob("alerts/msx-*.yaml")}, files
        self.bundle.use(*folder.glob("alerts/msx-*.yaml"), folder / "deploy/prometheus")

    def evaluated(self):
        groups = (self.prometheus("rules") or {"groups": []})["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        wrong = [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] == "err"]
        assert not wrong, f"rules fail: {wrong}"
        return groups if rules and all(rule["health"] == "ok" for rule in rules) else None

    def prometheus_answers_every_query_of_the_dashboards(self):
        found = sorted(self.bundle.inside("-operations.tar.gz").glob("dashboards/*.json"))
        queries = [query for path in found for query in asked(json.loads(path.read_text()))]
        (self.folder / "queries.json").write_text(json.dumps(queries))
        refused = self.machine.run(f'/usr/bin/python3 -c "{ASK}"')
        assert len(found) == 3 and len(queries) > 50, f"{len(queries)} queries of {len(found)} dashboards"
        assert not refused, refused
        self.bundle.use(*found)

    def the_units_for_a_textfile_collector_are_sound(self):
        folder = self.bundle.inside("-operations.tar.gz") / "deploy/systemd"
        self.machine.run("cp /run/operations/deploy/systemd/textfile/* /etc/systemd/system")
        self.machine.run("systemd-analyze verify --man=no msx_exporter-once@msx01.service msx_exporter-once@msx01.timer")
        self.bundle.use(folder / "textfile")


def asked(dashboard):
    """Each query of a dashboard with its variables chosen, as Grafana would send it."""
    end = time.time()
    page = Page(dashboard, end - 3600, end)
    for variable in variables(dashboard):
        page.choose(variable, ["$__all"] if variable["multi"] else "SQL01", ["SQL01"])
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            values = {"query": page.fill(target["expr"]), "start": page.start, "end": page.end, "step": page.step}
            yield panel["title"], "api/v1/query_range", values


STEPS = [
    Alone.the_sums_are_right,
    Alone.the_package_is_installed_and_serves,
    Alone.the_tarball_is_installed_as_its_document_says_and_serves,
    Alone.prometheus_scrapes_and_the_rules_are_evaluated,
    Alone.prometheus_answers_every_query_of_the_dashboards,
    Alone.the_units_for_a_textfile_collector_are_sound,
]


def tried(bundle, lab):
    """Yields what went wrong; the first step that fails ends it, for each builds on the one before."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for file in (*bundle.folder.iterdir(), Path(lab)):
            shutil.copy(file, folder)
        with Machine(Path(folder)) as machine:
            alone = Alone(machine, folder, bundle)
            name = "the machine"
            try:
                alone.prepared()
                for step in STEPS:
                    name = step.__name__.replace("_", " ")
                    step(alone)
                    print(f"ok    {name}", flush=True)
            except (AssertionError, TimeoutError) as fault:
                yield f"{name}: {fault}\n{machine.run('journalctl --no-pager --lines=40', check=False)}"
