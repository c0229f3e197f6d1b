"""The Debian package on a release of Debian, in a root of its own: installed, upgraded, purged, and names resolved by every
module of the C library that systemd brings.

    unshare --net --mount python3 -m tests.linux.roots ROOT DEB NEWER_DEB LAB      started by tests/linux/on_debian

The root is the folder of a new installation, with libnss-myhostname, libnss-mymachines and libnss-resolve. It stays as it
is: what happens is laid over it. Nothing boots here; the stage `linux` does that.
"""

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.lib.namespaces import refuse_the_machine
from tests.lib.processes import wait

PASSWORD = "Secret-of-the-lab-7"
NSSWITCH = "passwd: files\ngroup: files\nhosts: files mymachines resolve [!UNAVAIL=return] myhostname dns\n"
MODULES = ("myhostname", "mymachines", "resolve")
# Names that no file and no name server holds here: a module alone can answer, or say that it cannot.
NAMES = {"localhost": 0, "one.localhost": 0, "no-such-host.invalid": 1}
CONFIGURATION = """\
master:
  address: {name}:1433
  user: msx_exporter
  password_file: /etc/msx_exporter/password
  trust_server_certificate: true
  timeout: 5s
"""


class Root:
    """A Debian that programs run in, and what they say."""

    def __init__(self, path):
        self.path = path

    def run(self, *words, wanted=0):
        answer = subprocess.run(["chroot", self.path, *words], capture_output=True, text=True, timeout=120)
        said = answer.stdout + answer.stderr
        assert wanted is None or answer.returncode == wanted, f"{' '.join(words)}: {answer.returncode}: {said[-2000:]}"
        return answer.returncode, said

    def write(self, place, text):
        (self.path / place.lstrip("/")).write_text(text)

    def files(self):
        """All that a package could leave, but for what dpkg itself keeps."""
        left_out = ("var/lib/dpkg", "var/log", "var/cache")
        folders = (self.path / top for top in ("etc", "home", "opt", "root", "srv", "usr", "var"))
        found = (path.relative_to(self.path) for top in folders for path in top.rglob("*"))
        return {str(path) for path in found if not str(path).startswith(left_out) and not str(path).endswith("-")}


@contextmanager
def root(folder, packages):
    """A layer over the folder, in memory, with the packages in /mnt."""
    with tempfile.TemporaryDirectory(prefix="msx-root-") as scratch:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scratch], check=True)
        top = Path(scratch)
        for name in ("upper", "work", "root"):
            (top / name).mkdir()
        layers = f"lowerdir={folder},upperdir={top}/upper,workdir={top}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, top / "root"], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", top / "root/proc"], check=True)
        for name, package in packages.items():
            shutil.copy(package, top / "root/mnt" / name)
        try:
            yield Root(top / "root")
        finally:
            subprocess.run(["umount", "--lazy", "--recursive", scratch], check=True)


def resolves(debian):
    """Every module is asked: for names that it knows, and for one that none of them does."""
    there = [path.name for path in debian.path.glob("usr/lib/*/libnss_*.so.2")]
    missing = [name for name in MODULES if f"libnss_{name}.so.2" not in there]
    assert not missing, f"the root lacks the modules {missing}"
    debian.write("/etc/nsswitch.conf", NSSWITCH)
    debian.write("/etc/hosts", "")
    (debian.path / "etc/resolv.conf").unlink(missing_ok=True)
    debian.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    debian.write("/etc/msx_exporter/password", PASSWORD)
    for name, wanted in NAMES.items():
        debian.write("/etc/msx_exporter/msx_exporter.yml", CONFIGURATION.format(name=name))
        code, said = debian.run("/usr/bin/msx_exporter", "once", wanted=None)
        assert code == wanted, f"once before {name} answered {code}: {said[-2000:]}"
        print(f"  {name}: {'read' if not code else 'no such name, and said so'}")


def tried(folder, first, second):
    with root(folder, {"first.deb": first, "second.deb": second}) as debian:
        release = (debian.path / "etc/debian_version").read_text().strip()
        print(f"Debian {release}")
        before = debian.files()
        debian.run("dpkg", "--install", "/mnt/first.deb")
        debian.run("/usr/bin/msx_exporter", "--version")
        resolves(debian)
        debian.run("dpkg", "--install", "/mnt/second.deb")
        assert "SQL" in debian.run("/usr/bin/msx_exporter", "--help")[1]
        kept = (debian.path / "etc/msx_exporter/msx_exporter.yml").read_text()
        assert "no-such-host.invalid" in kept, "the upgrade keeps the configuration"
        debian.run("dpkg", "--purge", "msx-exporter")
        # What the administrator put there is not the package's; the account stays, as Debian has it.
        left = {path for path in debian.files() - before if "msx" in path}
        assert left <= {"etc/msx_exporter", "etc/msx_exporter/password"}, f"purge leaves {sorted(left)}"
        print("  installed, upgraded, purged")


def main():
    refuse_the_machine()
    folder, first, second, lab = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(PASSWORD)
        password.flush()
        words = [lab, "--listen", "127.0.0.1:1433", "--encrypt", "required", "--user", "msx_exporter", "--password-file", password.name]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as master:
            try:
                listening = ["ss", "-Hltn", "sport = :1433"]
                wait("the lab listens", lambda: subprocess.run(listening, capture_output=True).stdout, 30)
                tried(folder, first, second)
            finally:
                master.terminate()


if __name__ == "__main__":
    main()
