"""The Debian package on a machine whose systemd really boots: installed, configured, served from a lab master, reloaded,
broken and repaired, upgraded, removed, purged.

    python3 -m tests.linux.suite DEB NEWER_DEB LAB      each a path; the second package is of a later revision

Each step builds on the one before it, so the first that fails ends the run. Needs root.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import ROOT
from tests.lib.processes import wait

from .machine import Machine

PASSWORD = "Secret-of-the-lab-7"
CONFIGURATION = """\
# edited by hand
master:
  address: master.msx.test:{port}
  user: msx_exporter
  password_file: /etc/msx_exporter/password
  trust_server_certificate: true
"""
TARGET = """\
role: target
master: { address: "127.0.0.1:1433" }
local: { name: SQL01 }
"""
STEPS = []


def step(function):
    STEPS.append(function)
    return function


def value(page: str, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else None


def changes(machine: Machine) -> set[str]:
    """Every path that was added to the machine or is gone from it, where a package could leave something. This machine
    below, of which the other one is a copy, may go on changing: so only the layer above it is looked at."""
    listed = machine.run(
        r"cd /run/upper; find etc usr var home root opt srv \( -path var/log -o -path var/cache/man -o -path 'var/lib/dpkg/*-old' \)"
        r" -prune -o -printf '%y /%p\n' 2>/dev/null || true"
    )
    lines = {line for line in listed.splitlines() if not re.match(r"f /etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|. /var/lib/dpkg/lock", line)}
    # A character device says that a file of the layer below was deleted. What is there too was only changed.
    return {line for line in lines if line.startswith("c ") or not os.path.lexists(line[2:])}


@step
def a_master_and_its_name(machine: Machine) -> None:
    # Machines that are made for tests often forbid packages to start their services.
    machine.run("rm -f /usr/sbin/policy-rc.d")
    machine.run("rm -f /etc/resolv.conf; echo nameserver 127.0.0.1 >/etc/resolv.conf")
    # As on a machine with systemd's resolver, but without its modules, which tests/linux/roots.py asks.
    machine.run("sed -i 's/^hosts:.*/hosts: files mymachines resolve [!UNAVAIL=return] myhostname dns/' /etc/nsswitch.conf")
    machine.run("systemd-run --quiet --unit=names /usr/bin/python3 /mnt/dns.py")
    machine.write("/run/lab-password", PASSWORD, "600")
    for port, scenario in ((1433, "everything"), (1434, "healthy")):
        machine.run(
            f"systemd-run --quiet --unit=lab-{port} --property=StandardInput=null /mnt/lab --listen 127.0.0.1:{port}"
            f" --scenario {scenario} --encrypt required --user msx_exporter --password-file /run/lab-password"
        )
        wait(f"the lab listens on {port}", lambda: f":{port} " in machine.run("ss -Hltn"))


@step
def installation_makes_the_user_and_waits_for_a_password(machine: Machine) -> None:
    machine.before = changes(machine)
    machine.users = machine.run("cat /etc/passwd /etc/group")
    machine.run("dpkg --install /mnt/first.deb")
    account = machine.run("getent passwd msx_exporter").strip().split(":")
    assert int(account[2]) < 1000 and account[5:] == ["/nonexistent", "/usr/sbin/nologin"], account
    assert machine.run("systemctl is-enabled msx_exporter").strip() == "enabled"
    state = [machine.shows("msx_exporter", name) for name in ("ActiveState", "ConditionResult")]
    assert state == ["inactive", "no"], f"it should wait for a password: {state}"
    assert machine.run("stat -c '%U:%G %a' /etc/msx_exporter/msx_exporter.yml").strip() == "root:root 644"
    assert "CREATE LOGIN [msx_exporter]" in machine.run("msx_exporter grants"), "the script comes before the password"


@step
def systemd_finds_no_fault_in_the_units_and_calls_them_safe(machine: Machine) -> None:
    machine.run("systemd-analyze verify --man=no msx_exporter.service msx_exporter@pay.service")
    for unit in ("msx_exporter.service", "msx_exporter@.service"):
        said = machine.run(f"systemd-analyze security --no-pager --offline=true --threshold=20 /lib/systemd/system/{unit}")
        print("     ", next(line for line in said.splitlines() if "Overall" in line).strip("→ "))


@step
def the_packaged_configuration_is_sound(machine: Machine) -> None:
    machine.write("/etc/msx_exporter/password", PASSWORD, "600")
    machine.run("msx_exporter check-config")


@step
def it_serves_what_the_master_says(machine: Machine) -> None:
    machine.write("/etc/msx_exporter/msx_exporter.yml", CONFIGURATION.format(port=1433))
    machine.run("systemctl start msx_exporter")
    page = wait("the first page", lambda: machine.page(9814))
    assert value(page, "msx_up") == 1, "the master behind a name of the name server was not read"
    assert "msx_target_polled{" in page
    for name in ("process_start_time_seconds", "process_resident_memory_bytes", "process_max_fds"):
        assert value(page, name), f"{name} is missing: the unit hides too much of /proc"


@step
def the_process_is_confined(machine: Machine) -> None:
    pid = machine.shows("msx_exporter", "MainPID")
    status = machine.run(f"cat /proc/{pid}/status")
    user = machine.run("id -u msx_exporter").strip()
    assert re.search(rf"^Uid:\s+{user}\s+{user}\s+{user}\s+{user}$", status, re.MULTILINE), status
    for line in (r"CapEff:\s+0+$", r"CapBnd:\s+0+$", r"NoNewPrivs:\s+1$", r"Seccomp:\s+2$"):
        assert re.search(f"^{line}", status, re.MULTILINE), f"{line} is not in\n{status}"
    seen = machine.run(f"tr '\\0' '\\n' </proc/{pid}/environ; tr '\\0' ' ' </proc/{pid}/cmdline; journalctl --no-pager -u msx_exporter")
    assert PASSWORD not in seen and "PASSWORD_FILE=/run/credentials/msx_exporter.service/password" in seen, seen
    refused = machine.run("setpriv --reuid=msx_exporter --regid=msx_exporter --clear-groups cat /etc/msx_exporter/password", check=False)
    assert "Permission denied" in refused, "the account can read the password's file"


@step
def reload_takes_a_change_without_a_new_process(machine: Machine) -> None:
    pid = machine.shows("msx_exporter", "MainPID")
    machine.write("/etc/msx_exporter/msx_exporter.yml", CONFIGURATION.format(port=1433) + "expected_targets: [NOT-THERE]\n")
    machine.run("systemctl reload msx_exporter")
    wait("the name that is expected now", lambda: 'target="NOT-THERE"' in machine.page(9814))
    assert machine.shows("msx_exporter", "MainPID") == pid


@step
def flags_of_etc_default_are_used(machine: Machine) -> None:
    machine.run("""sed -i 's/^ARGS=.*/ARGS="--web.listen-address=127.0.0.1:9900 --log.format=json"/' /etc/default/msx_exporter""")
    machine.run("systemctl restart msx_exporter")
    wait("a page at the other port", lambda: machine.page(9900))
    assert not machine.page(9814)


@step
def a_crash_is_repaired_and_a_faulty_configuration_is_not_tried_again(machine: Machine) -> None:
    pid = machine.shows("msx_exporter", "MainPID")
    machine.run("systemctl kill --signal=KILL msx_exporter")
    wait("it runs again", lambda: machine.shows("msx_exporter", "MainPID") not in (pid, "0") and machine.page(9900))
    machine.run("systemctl reset-failed msx_exporter; echo 'no_such_key: 1' >>/etc/msx_exporter/msx_exporter.yml")
    machine.run("systemctl restart msx_exporter", check=False)
    wait("it has failed", lambda: machine.shows("msx_exporter", "ActiveState") == "failed")
    reported = [machine.shows("msx_exporter", name) for name in ("ExecMainStatus", "NRestarts")]
    assert reported == ["64", "0"], reported
    assert "no_such_key" in machine.run("journalctl --no-pager -u msx_exporter")
    machine.write("/etc/msx_exporter/msx_exporter.yml", CONFIGURATION.format(port=1433))
    machine.run("systemctl start msx_exporter")
    wait("a page after the fault was repaired", lambda: machine.page(9900))


@step
def a_target_serves_without_a_password_as_the_document_says(machine: Machine) -> None:
    document = (ROOT / "deploy/linux/README.md").read_text()
    [drop_in] = re.findall(r"^```ini\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    machine.run("mkdir /etc/systemd/system/msx_exporter.service.d; mv /etc/msx_exporter/password /run/password")
    machine.write("/etc/systemd/system/msx_exporter.service.d/override.conf", drop_in)
    machine.write("/etc/msx_exporter/msx_exporter.yml", TARGET)
    machine.run("systemctl daemon-reload; systemctl restart msx_exporter")
    wait("the page of a target", lambda: 'target="SQL01",check="engine"' in machine.page(9900))
    environment = machine.run(f"tr '\\0' '\\n' </proc/{machine.shows('msx_exporter', 'MainPID')}/environ")
    assert "MALLOC_ARENA_MAX=1" in environment and "PASSWORD" not in environment, environment
    machine.write("/etc/msx_exporter/msx_exporter.yml", CONFIGURATION.format(port=1433))
    machine.run("mv /run/password /etc/msx_exporter/password; systemctl revert msx_exporter; systemctl restart msx_exporter")
    wait("the page of a master again", lambda: value(machine.page(9900), "msx_up") == 1)


@step
def a_second_master_is_an_instance(machine: Machine) -> None:
    machine.write("/etc/msx_exporter/pay.yml", CONFIGURATION.format(port=1434))
    machine.write("/etc/default/msx_exporter-pay", 'ARGS="--web.listen-address=:9815"')
    refused = machine.run("systemctl start msx_exporter@pay", check=False)
    assert "Assertion failed" in refused, f"without a password: {refused}"
    machine.write("/etc/msx_exporter/pay.password", PASSWORD, "600")
    machine.run("systemctl enable --now msx_exporter@pay 2>&1")
    page = wait("the page of the instance", lambda: machine.page(9815))
    assert value(page, "msx_up") == 1


@step
def upgrade_keeps_the_configuration_and_restarts(machine: Machine) -> None:
    edited = machine.run("cat /etc/msx_exporter/msx_exporter.yml /etc/default/msx_exporter")
    before = [machine.shows(unit, "MainPID") for unit in ("msx_exporter", "msx_exporter@pay")]
    machine.run("dpkg --install /mnt/second.deb")
    assert machine.run("dpkg-query --show --showformat='${Version}' msx-exporter").endswith("-2")
    assert machine.run("cat /etc/msx_exporter/msx_exporter.yml /etc/default/msx_exporter") == edited
    wait("both serve again", lambda: machine.page(9900) and machine.page(9815))
    after = [machine.shows(unit, "MainPID") for unit in ("msx_exporter", "msx_exporter@pay")]
    assert "0" not in after and not set(before) & set(after), f"{before} became {after}"


@step
def what_was_disabled_stays_so(machine: Machine) -> None:
    machine.run("systemctl disable --now msx_exporter 2>&1")
    machine.run("dpkg --install /mnt/first.deb")
    state = [machine.run("systemctl is-enabled msx_exporter", check=False).strip(), machine.shows("msx_exporter", "ActiveState")]
    assert state == ["disabled", "inactive"], state
    machine.run("systemctl enable --now msx_exporter 2>&1")


@step
def removal_stops_it_and_keeps_the_configuration(machine: Machine) -> None:
    edited = machine.run("cat /etc/msx_exporter/*")
    machine.run("dpkg --remove msx-exporter")
    assert not machine.run("pgrep --exact msx_exporter", check=False), "it still runs"
    assert not machine.run("ls /usr/bin/msx_exporter /lib/systemd/system/msx_exporter* 2>/dev/null", check=False)
    assert machine.run("cat /etc/msx_exporter/*") == edited
    machine.run("dpkg --install /mnt/second.deb")
    wait("it serves as before", lambda: machine.page(9900))


@step
def purge_leaves_nothing(machine: Machine) -> None:
    machine.run("dpkg --purge msx-exporter")
    left = sorted(changes(machine) - machine.before)
    assert not left, "left behind, or (c) deleted:\n" + "\n".join(left)
    assert machine.run("cat /etc/passwd /etc/group") == machine.users, "users or groups are left"
    units = machine.run("systemctl list-units --all --no-legend 'msx_exporter*'").strip()
    assert not units, f"systemd still knows {units}"


def main() -> int:
    first, second, lab = map(Path, sys.argv[1:])
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        given = {"first.deb": first, "second.deb": second, "lab": lab, "dns.py": Path(__file__).with_name("dns.py")}
        for name, file in given.items():
            shutil.copy(file, Path(folder, name))
        with Machine(Path(folder)) as machine:
            for one in STEPS:
                name = one.__name__.replace("_", " ")
                try:
                    one(machine)
                    passed += 1
                    print(f"ok    {name}", flush=True)
                except (AssertionError, TimeoutError, subprocess.SubprocessError) as fault:
                    failed += 1
                    print(f"FAILED: {name}\n{fault}\n--- the end of the journal", flush=True)
                    print(machine.run("journalctl --no-pager --lines=40", check=False))
                    break
    unseen = len(STEPS) - passed - failed
    print(f"{passed} passed, {failed} failed" + (f", {unseen} not reached" if unseen else ""))
    return 1 if failed or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
