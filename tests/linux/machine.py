"""A machine in namespaces of its own (tests/linux/namespaces), and how to speak to it."""

import subprocess
from pathlib import Path

from tests.lib.processes import wait

HERE = Path(__file__).parent


class Machine:
    """Boots at entry, is gone after exit. `folder` is seen inside as /mnt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> "Machine":
        self.process = subprocess.Popen([HERE / "namespaces", self.folder])
        wait("systemd is up", self.up)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def up(self) -> bool:
        assert self.process.poll() is None, "the namespaces could not be set up"
        # The script's own child is unshare, and its child is process 1 inside.
        first = self.children(self.process.pid)
        second = self.children(first[0]) if first else []
        if not second or Path(f"/proc/{second[0]}/comm").read_text() != "systemd\n":
            return False
        self.init = second[0]
        return self.run("systemctl is-system-running", check=False).strip() in ("running", "degraded")

    @staticmethod
    def children(pid: int) -> list[int]:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def run(self, script: str, check: bool = True) -> str:
        """Runs a shell script inside as root; what it prints, on both streams."""
        enter = ["nsenter", f"--target={self.init}", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        done = subprocess.run([*enter, "sh", "-euc", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0 or not check, f"{script}\nended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def write(self, path: str, text: str, mode: str = "644") -> None:
        self.run(f"install -m {mode} /dev/null {path}; cat >{path} <<'END'\n{text}\nEND")

    def shows(self, unit: str, name: str) -> str:
        return self.run(f"systemctl show --property={name} --value {unit}").strip()

    def page(self, port: int) -> str:
        """The page of metrics, or nothing where nothing answers."""
        script = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{port}/metrics', timeout=10).read().decode())"
        text = self.run(f'/usr/bin/python3 -c "{script}"', check=False)
        return text if "# HELP" in text else ""
