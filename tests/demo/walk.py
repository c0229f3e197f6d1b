"""`cargo demo` as a person runs it: what it refuses, the block that it prints, the files that it writes, what ends it, and
the set-up of README.md walked on it, with the commands that README.md names.

    python3 -m tests.demo.walk
"""

import os
import pty
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from tests import ROOT
from tests.lib.processes import free_port, wait
from tests.lib.programs import program

README = ROOT / "README.md"
LAST = "Ctrl-C ends it."


class Demo:
    """A demo on a terminal of its own, with a folder of its own for temporary files."""

    def __init__(self, folder):
        self.folder, self.port, self.text = folder, free_port(), ""
        words = ["cargo", "demo", f"--listen=127.0.0.1:{self.port}"]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, {**os.environ, "TMPDIR": str(folder)})
        while LAST not in self.text:
            self.text += os.read(self.terminal, 65536).decode().replace("\r\n", "\n")
        self.open = True

    def line(self, name):
        """What stands behind a name in the block."""
        return re.search(rf"^  {name} +(\S+)", self.text, re.MULTILINE)[1].rstrip(",")

    def exporter(self):
        """The number of its child."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def close(self):
        """The terminal is closed, as its window would be."""
        os.close(self.terminal)
        self.open = False

    def ended(self):
        """Its exit code once it has ended."""
        ended = wait("the demo ends", lambda: (found := os.waitpid(self.pid, os.WNOHANG))[0] and found)
        if self.open:
            self.close()
        return os.waitstatus_to_exitcode(ended[1])


def get(url):
    with urllib.request.urlopen(url, timeout=15) as answer:
        return answer.read().decode()


def run(*words, **more):
    return subprocess.run([str(word) for word in words], cwd=ROOT, capture_output=True, text=True, timeout=120, **more)


def arguments(folder):
    """Help is printed and what is not known is refused, before anything is built."""
    help_ = run("cargo", "demo", "--help")
    assert help_.returncode == 0 and help_.stdout.startswith("usage: cargo demo"), help_
    for wrong in ("--lisen=127.0.0.1:1", "now", "--listen"):
        refused = run("cargo", "demo", wrong)
        assert refused.returncode == 64 and wrong in refused.stderr and not refused.stdout, refused


def port_in_use(folder):
    """A port in use, as by another demo, is one sentence with the way out; nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
        refused = run("cargo", "demo", f"--listen={address}")
        again = run(program("demo"), f"--listen={address}", env={**os.environ, "TMPDIR": str(folder)})
    for said in (refused, again):
        assert said.returncode == 1 and said.stderr.count("\n") == 1, said
        assert said.stderr.startswith(f"{address} is in use") and "cargo demo --listen 127.0.0.1:" in said.stderr, said


def block(folder):
    """What the block names is there, and is for this user alone."""
    demo = Demo(folder)
    try:
        page = wait("the master is read", lambda: "\nmsx_up 1\n" in (page := get(demo.line("metrics"))) and page)
        targets = re.search(r"stand-in master with (\d+) targets", README.read_text())[1]
        assert f"with {targets} targets" in demo.text and page.count("\nmsx_target_diagnosis_code{") == int(targets)
        assert "SQL04" in get(demo.line("page"))
        silent = get(f"{demo.line('page')}target?name=SQL05")
        assert "Login refused" in silent and "CLIENT: 10.1.0.5]" in silent, silent
        config, log = Path(demo.line("configuration")), Path(demo.line("log"))
        password = config.with_name("password")
        assert str(password) in demo.text
        for path, mode in ((password, 0o600), (config, 0o600), (config.parent, 0o700)):
            assert stat.S_IMODE(path.stat().st_mode) == mode, path
        assert "listening" in log.read_text()
        with socket.create_connection(demo.line("master").rsplit(":", 1), timeout=10):
            pass
        pasted = re.findall(r"^  (\S*msx_exporter (?:doctor|once) .*)$", demo.text, re.MULTILINE)
        codes = [run(*shlex.split(line)).returncode for line in pasted]
        # The doctor answers 2 where a required port is not open, which is so for some of these targets.
        assert codes == [2, 0], (pasted, codes)
    finally:
        os.kill(demo.pid, signal.SIGTERM)
        assert demo.ended() == 0


def set_up(folder):
    """The commands of README.md's set-up, as they stand but for the configuration and the port."""
    chapter = re.search(r"^## Set it up$(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)[1]
    grants = re.findall(r"`(msx_exporter grants[^`]*)`", chapter)
    lines = [line for code in re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL) for line in code.split("\n") if line.strip()]
    calls = [shlex.split(line) for line in [*grants, *lines]]
    assert [call[1] for call in calls] == ["grants", "check-config", "once", "serve"], calls
    demo = Demo(folder)
    try:
        for _, command, *flags in calls:
            words = [program("msx_exporter"), command, *flags, f"--config.file={demo.line('configuration')}"]
            if command != "serve":
                said = run(*words)
                assert said.returncode == 0, (words, said)
                assert {"grants": "-- Rights of msx_exporter", "check-config": "", "once": "\nmsx_up 1\n"}[command] in said.stdout, said
                continue
            port = free_port()
            words = [str(word).replace(":9814", f"127.0.0.1:{port}") for word in words]
            with subprocess.Popen(words, stderr=subprocess.DEVNULL) as served:
                try:
                    wait("the exporter of the set-up reads the master", lambda: answers(port))
                finally:
                    served.terminate()
    finally:
        os.kill(demo.pid, signal.SIGTERM)
        assert demo.ended() == 0


def answers(port):
    try:
        return "\nmsx_up 1\n" in get(f"http://127.0.0.1:{port}/metrics")
    except OSError:
        return False


def ends(way):
    def by(folder):
        demo = Demo(folder)
        exporter = demo.exporter()
        if way == "closed terminal":
            demo.close()
        else:
            os.kill(demo.pid, way)
        code = demo.ended()
        assert code == 0, code
        assert not Path(f"/proc/{exporter}").exists(), "the exporter still runs"

    by.__doc__ = f"{way if isinstance(way, str) else way.name} ends both parts."
    return by


STEPS = [arguments, port_in_use, block, set_up, *map(ends, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, "closed terminal"))]


def main():
    failed = 0
    for step in STEPS:
        with tempfile.TemporaryDirectory(prefix="msx-demo-test-") as folder:
            try:
                step(Path(folder))
                assert not (left := os.listdir(folder)), f"left behind: {left}"
                print(f"ok    {step.__doc__}")
            except (AssertionError, OSError, TypeError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAIL  {step.__doc__} {type(error).__name__}: {error}")
    print(f"{len(STEPS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
