"""The Windows program under Wine: it reads the registry, serves from a lab's master, is a service, and comes and goes as
an MSI. Wine is not Windows: deploy/windows/README.md lists what it cannot show.

    python3 -m tests.windows.suite EXE OLD_MSI NEW_MSI
"""

import re
import sys
import traceback
import urllib.request
from pathlib import Path

from tests import ROOT
from tests.lib.processes import PASSWORD, Processes, free_port, wait

from .wine import Wine

EXE, OLD_MSI, NEW_MSI = map(Path, sys.argv[1:4])
SQL = r"SOFTWARE\Microsoft\Microsoft SQL Server"
SERVICES = r"SYSTEM\CurrentControlSet\Services"
SOURCES = rf"{SERVICES}\EventLog\Application"
RULES = rf"{SERVICES}\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
SECOND = "msx_exporter_second"
# What `msiexec /fa PACKAGE` means; Wine's takes no package there (1605, unknown product).
REPAIR = ("REINSTALL=ALL", "REINSTALLMODE=amus")


def page(port, path="/metrics"):
    """A page of an exporter, or None while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=15) as answer:
            return answer.read().decode()
    except OSError:
        return None


def has(text, part):
    if part not in (text or ""):
        raise AssertionError(f"{part!r} is not in:\n{(text or '')[-3000:]}")


def same(found, wanted, more=""):
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}\n{more}")


class Suite:
    def __init__(self, wine, processes):
        self.wine = wine
        self.processes = processes
        self.start_lab("127.0.0.1:0")
        self.data = wine.drive / "ProgramData/msx_exporter"
        self.port = free_port()

    def start_lab(self, address):
        self.lab = self.lab_with("master", "login_only", address)

    def lab_with(self, name, encryption, address="127.0.0.1:0"):
        return self.processes.lab(name, "--encrypt", encryption, "--user", "msx_exporter",
                                  "--password-file", self.processes.folder / "password", address=address)

    def exe(self, *words, wanted=0, **environment):
        code, text = self.wine.run(EXE, *words, **environment)
        same(code, wanted, text)
        return text

    def write_configuration(self, path, more=""):
        path.parent.mkdir(exist_ok=True)
        password = self.wine.drive / "password"
        password.write_text(PASSWORD)
        path.write_text(
            f"role: master\nmaster:\n  address: '{self.lab.address}'\n  user: msx_exporter\n"
            "  password_file: 'C:\\password'\n  encrypt: login_only\n  trust_server_certificate: true\n"
            f"ports: {{ enabled: false }}\n{more}"
        )

    def serves(self, port):
        wait(f"the exporter at {port} reads the master", lambda: "\nmsx_up 1" in (page(port) or ""), 60)

    def is_down(self, port):
        wait(f"nothing listens at {port}", lambda: page(port, "/-/healthy") is None, 30)

    def is_gone(self, name):
        for key in (rf"{SERVICES}\{name}", rf"{SOURCES}\{name}"):
            if self.wine.has_key(key):
                raise AssertionError(f"{key} is still there")

    # Steps, in this order.

    def the_registry_names_the_targets(self):
        """Two instances, one of which is a target."""
        names = {"MSSQLSERVER": "MSSQL16.MSSQLSERVER", "PAYROLL": "MSSQL15.PAYROLL"}
        for name, place in names.items():
            self.wine.set(rf"{SQL}\Instance Names\SQL", name, "REG_SZ", place)
        agent = rf"{SQL}\MSSQL15.PAYROLL\SQLServerAgent"
        self.wine.set(agent, "MSXServerName", "REG_SZ", "MSX01")
        self.wine.set(agent, "MsxEncryptChannelOptions", "REG_DWORD", "1")
        self.wine.set(rf"{SQL}\MSSQL16.MSSQLSERVER\SQLServerAgent", "MSXServerName", "REG_SZ", "")
        arguments = ("--role=target", f"--master.address={self.lab.address}")
        text = self.exe("once", *arguments, MSX_EXPORTER__PORTS__ENABLED="false")
        rows = [line for line in text.splitlines() if line.startswith("msx_target_")]
        masters = [row for row in rows if row.startswith("msx_target_master_info{")]
        same(len(masters), 1, text)
        has(masters[0], r"\\PAYROLL")
        has(masters[0], 'master="MSX01"')
        options = [row for row in rows if row.startswith("msx_target_encrypt_channel_option{")]
        same([row.split()[-1] for row in options], ["1"], text)
        code, text = self.wine.run(EXE, "doctor", *arguments)
        if code not in (0, 2, 3):
            raise AssertionError(f"doctor ended with {code}:\n{text}")
        has(text, r"\PAYROLL")

    def it_serves_from_a_master_and_logs_in_over_tls(self):
        self.write_configuration(self.wine.drive / "plain/plain.yml")
        port = free_port()
        with open(self.wine.prefix / "serve.log", "w") as log:
            process = self.wine.start(
                log, EXE, "serve", r"--config.file=C:\plain\plain.yml", f"--web.listen-address=127.0.0.1:{port}"
            )
            try:
                self.serves(port)
            finally:
                process.kill()
                process.wait()

    def a_complete_reading_is_encrypted(self):
        lab = self.lab_with("required", "required")
        text = self.exe(
            "once", r"--config.file=C:\plain\plain.yml",
            MSX_EXPORTER__MASTER__ADDRESS=lab.address, MSX_EXPORTER__MASTER__ENCRYPT="required",
        )
        has(text, "\nmsx_up 1")
        for collector in ("targets", "downloads", "server", "jobs"):
            has(text, f'\nmsx_exporter_collector_success{{collector="{collector}"}} 1')

    def a_service_is_not_started_by_hand(self):
        has(self.exe("service", "run", wanted=64), "service control manager")
        has(self.exe("service", "install", "--service.account=LocalSystem", wanted=64), "LocalSystem")
        has(self.exe("service", "uninstall", "--service.name=nobody", wanted=1), "there is no service")

    def status(self, name, wanted):
        """The rows of `service status`, which ends with this code."""
        text = self.exe("service", "status", f"--service.name={name}", wanted=wanted)
        rows = re.findall(r"^(\w+(?: \w+)*)  +(.*(?:\n {8}.*)*)", text, re.MULTILINE)
        return {title: re.sub(r"\n +", "\n", found) for title, found in rows}

    def a_service_is_installed_started_and_tells_the_event_log(self):
        same(self.status("msx_exporter", wanted=4)["state"], "not installed")
        self.write_configuration(self.data / "msx_exporter.yml")
        flag = f"--web.listen-address=127.0.0.1:{self.port}"
        has(self.exe("service", "install", flag), "msx_exporter is installed")
        has(self.exe("service", "install", flag, wanted=1), "already")
        key = rf"HKLM\{SERVICES}\msx_exporter"
        text = self.wine.run("reg", "query", key)[1]
        has(text, r"service run --service.name=msx_exporter --config.file=C:\ProgramData\msx_exporter\msx_exporter.yml")
        has(text, flag)
        has(text, r"NT SERVICE\msx_exporter")
        has(self.wine.run("reg", "query", rf"HKLM\{SOURCES}\msx_exporter")[1], "msx_exporter.exe")
        has(self.status("msx_exporter", wanted=2)["state"], "stopped")
        code, text = self.wine.run("net", "start", "msx_exporter")
        same(code, 0, text)
        self.serves(self.port)
        wait("the start is an event", lambda: "serving" in self.wine.events(), 20)

    def a_lost_master_is_an_event_and_so_is_its_return(self):
        self.processes.stop("lab-master")
        try:
            wait("the loss is an event", lambda: page(self.port) and "cannot read the master" in self.wine.events(), 60)
        finally:
            self.start_lab(self.lab.address)
        wait("so is the return", lambda: page(self.port) and "can be read again" in self.wine.events(), 90)

    def a_second_instance_runs_next_to_it(self):
        port = free_port()
        self.second = port
        text = self.exe(
            "service", "install", f"--service.name={SECOND}", f"--web.listen-address=127.0.0.1:{port}",
            f"--master.address={self.lab.address}", "--service.start",
        )
        has(text, f"{SECOND}.yml")
        has((self.data / f"{SECOND}.yml").read_text(), f"address: '{self.lab.address}'")
        wait("the second one answers", lambda: page(port, "/-/healthy"), 30)
        self.serves(self.port)

    def the_status_says_what_is_known_of_each(self):
        rule = "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort={}|Name=msx_exporter: msx_exporter|"
        self.wine.set(RULES, "{0A0B}", "REG_SZ", rule.format(self.port))
        self.wine.set(RULES, "{0C0D}", "REG_SZ", "v2.31|Action=Block|Active=TRUE|Dir=In|Name=another|")
        rows = self.status("msx_exporter", wanted=0)
        has(rows["state"], "running as process ")
        for title, wanted in {
            "service": "msx_exporter",
            "account": r"NT SERVICE\msx_exporter",
            "start type": "automatic",
            "configuration": r"C:\ProgramData\msx_exporter\msx_exporter.yml, valid",
            "listen address": f"127.0.0.1:{self.port}",
            "firewall rule": f"TCP {self.port} from any address, profiles domain",
            # Wine's own tools, which say nothing.
            "network": "not known: Get-NetConnectionProfile names no network",
            "last event": "none is kept",
        }.items():
            same(rows[title], wanted, rows)
        has(rows["command line"], f"--web.listen-address=127.0.0.1:{self.port}")
        has(rows["event source"], "msx_exporter, with the texts of ")
        has(rows["folder"], r"C:\ProgramData\msx_exporter")
        self.wine.set(RULES, "{0A0B}", "REG_SZ", rule.format(1))
        has(self.status("msx_exporter", wanted=0)["firewall rule"], f"does not name port {self.port}")
        rows = self.status(SECOND, wanted=0)
        same(rows["listen address"], f"127.0.0.1:{self.second}")
        has(rows["firewall rule"], "there is none named")

    def it_is_configured_again(self):
        port = free_port()
        self.exe("service", "configure", "--web.enable-lifecycle", f"--web.listen-address=127.0.0.1:{port}")
        same(self.wine.run("net", "stop", "msx_exporter")[0], 0)
        self.is_down(self.port)
        wait("the stop is an event", lambda: "stopping" in self.wine.events(), 20)
        same(self.wine.run("net", "start", "msx_exporter")[0], 0)
        self.port = port
        self.serves(port)
        self.exe("service", "configure", "--log.level=debug")
        text = self.wine.run("reg", "query", rf"HKLM\{SERVICES}\msx_exporter")[1]
        # In the order in which the program defines them, what is given last behind it.
        has(text, f"--web.listen-address=127.0.0.1:{port} --web.enable-lifecycle --log.level=debug")

    def a_faulty_configuration_is_an_event_and_no_start(self):
        same(self.wine.run("net", "stop", "msx_exporter")[0], 0)
        self.is_down(self.port)
        self.write_configuration(self.data / "msx_exporter.yml", "nonsense: 1\n")
        has(self.exe("service", "configure", "--service.start", wanted=1), "ServiceSpecific(64)")
        wait("the fault is an event", lambda: "nonsense" in self.wine.events(), 20)
        rows = self.status("msx_exporter", wanted=2)
        same(rows["state"], "stopped with exit code 64 of the exporter", rows)
        has(rows["configuration"], "has faults:\n")
        has(rows["configuration"], "nonsense")
        self.write_configuration(self.data / "msx_exporter.yml")

    def what_fails_half_way_is_undone(self):
        name = "msx_exporter_third"
        (self.data / f"{name}.yml").write_text("nonsense: 1\n")
        port = free_port()
        flags = (f"--service.name={name}", f"--web.listen-address=127.0.0.1:{port}", "--service.start")
        has(self.exe("service", "install", *flags, wanted=1), "start of the service")
        self.is_gone(name)
        (self.data / f"{name}.yml").unlink()

    def both_are_removed_and_nothing_is_left(self):
        self.exe("service", "uninstall")
        self.is_gone("msx_exporter")
        if not (self.data / "msx_exporter.yml").exists():
            raise AssertionError("the configuration is gone")
        wait("the second one still answers", lambda: page(self.second, "/-/healthy"), 10)
        self.exe("service", "uninstall", f"--service.name={SECOND}", "--purge")
        self.is_gone(SECOND)
        self.is_down(self.second)
        same((self.data / f"{SECOND}.yml").exists(), False)

    def msiexec(self, *words):
        code, text = self.wine.run("msiexec", *words, "/qn", timeout=240)
        same(code, 0, text)

    def the_msi_installs_a_running_service(self):
        self.msi_port = free_port()
        self.program = self.wine.drive / "Program Files/msx_exporter/msx_exporter.exe"
        self.msiexec(
            "/i", OLD_MSI, "SERVICENAME=msx_exporter_msi", f"LISTENADDRESS=127.0.0.1:{self.msi_port}",
            f"MASTERADDRESS={self.lab.address}",
        )
        same(self.program.exists(), True)
        same((self.program.parent / "msx_exporter.example.yml").exists(), True)
        wait("the service answers", lambda: page(self.msi_port, "/-/healthy"), 60)
        has(self.wine.run("reg", "query", rf"HKLM\{SERVICES}\msx_exporter_msi")[1], '"C:\\Program Files\\msx_exporter')
        has((self.data / "msx_exporter_msi.yml").read_text(), f"address: '{self.lab.address}'")

    def the_msi_is_upgraded_and_keeps_the_configuration(self):
        self.write_configuration(self.data / "msx_exporter_msi.yml", "# mine\n")
        # Wine does not tell the old version that it is upgraded, so that it removes its service: the address is said again.
        self.msiexec("/i", NEW_MSI, f"LISTENADDRESS=127.0.0.1:{self.msi_port}")
        has((self.data / "msx_exporter_msi.yml").read_text(), "# mine")
        self.serves(self.msi_port)
        text = self.wine.run("reg", "query", rf"HKLM\{SERVICES}\msx_exporter_msi")[1]
        has(text, f"--web.listen-address=127.0.0.1:{self.msi_port}")

    def the_same_msi_again_applies_what_is_given_and_leaves_a_running_service(self):
        before, self.msi_port = self.msi_port, free_port()
        self.msiexec("/i", NEW_MSI, f"LISTENADDRESS=127.0.0.1:{self.msi_port}")
        self.serves(self.msi_port)
        self.is_down(before)
        self.msiexec("/i", NEW_MSI)
        self.serves(self.msi_port)

    def the_msi_is_repaired_and_leaves_a_running_service(self):
        self.msiexec("/i", NEW_MSI, *REPAIR)
        self.serves(self.msi_port)
        self.exe("service", "uninstall", "--service.name=msx_exporter_msi")
        self.is_gone("msx_exporter_msi")
        # With the service its command line is gone.
        self.msiexec("/i", NEW_MSI, *REPAIR, f"LISTENADDRESS=127.0.0.1:{self.msi_port}")
        self.serves(self.msi_port)

    def an_older_msi_is_refused(self):
        code, text = self.wine.run("msiexec", "/i", OLD_MSI, "/qn", timeout=240)
        if code == 0:
            raise AssertionError(f"the older version was installed: {text}")
        self.serves(self.msi_port)

    def the_msi_is_removed_and_nothing_is_left_but_the_configuration(self):
        self.msiexec("/x", NEW_MSI)
        self.is_down(self.msi_port)
        self.is_gone("msx_exporter_msi")
        same(self.program.exists(), False)
        same((self.data / "msx_exporter_msi.yml").exists(), True)

    STEPS = [
        the_registry_names_the_targets,
        it_serves_from_a_master_and_logs_in_over_tls,
        a_complete_reading_is_encrypted,
        a_service_is_not_started_by_hand,
        a_service_is_installed_started_and_tells_the_event_log,
        a_lost_master_is_an_event_and_so_is_its_return,
        a_second_instance_runs_next_to_it,
        the_status_says_what_is_known_of_each,
        it_is_configured_again,
        a_faulty_configuration_is_an_event_and_no_start,
        what_fails_half_way_is_undone,
        both_are_removed_and_nothing_is_left,
        the_msi_installs_a_running_service,
        the_msi_is_upgraded_and_keeps_the_configuration,
        the_same_msi_again_applies_what_is_given_and_leaves_a_running_service,
        the_msi_is_repaired_and_leaves_a_running_service,
        an_older_msi_is_refused,
        the_msi_is_removed_and_nothing_is_left_but_the_configuration,
    ]


def main():
    failed = 0
    with Processes("msx-windows-") as processes, Wine(ROOT / "target/wine") as wine:
        suite = Suite(wine, processes)
        for step in Suite.STEPS:
            try:
                step(suite)
                print(f"ok      {step.__name__.replace('_', ' ')}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  {step.__name__.replace('_', ' ')}", flush=True)
                traceback.print_exc(limit=3)
    print(f"{len(Suite.STEPS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
