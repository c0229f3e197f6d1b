"""A Windows of Wine's own making in a folder of the repository, and the Windows program in it."""

import os
import shutil
import subprocess
from pathlib import Path

LOADER = "/usr/lib/wine/wine64"
SERVER = "/usr/lib/wine/wineserver64"
# What Wine 8 lacks, as a library that the program loads.
STUB = Path(__file__).with_name("stub.c")


class Wine:
    """As a context: the prefix is made again, and every process in it ends with the context."""

    def __init__(self, folder):
        self.prefix = Path(folder)
        self.drive = self.prefix / "drive_c"
        self.log = self.prefix.with_suffix(".log")
        self.holder = None
        # What the services write goes where the first process writes: the texts for the Event Log, which Wine keeps
        # nowhere, can be read there.
        self.environment = {
            **os.environ,
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all,+eventlog",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
            "DISPLAY": "",
        }

    def __enter__(self):
        shutil.rmtree(self.prefix, ignore_errors=True)
        self.prefix.mkdir(parents=True)
        try:
            with open(self.log, "w") as log:
                subprocess.run(
                    [LOADER, "wineboot", "-i"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    timeout=180, check=True,
                )
                # The services that made the prefix end first: they do not see what is installed later.
                subprocess.run([SERVER, "-w"], env=self.environment, check=False, timeout=60)
                # Waits for words that never come, so that the services live as long as the context.
                self.holder = subprocess.Popen(
                    [LOADER, "cmd"], env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log
                )
            stub = self.drive / "windows/system32/bcryptprimitives.dll"
            subprocess.run(
                ["x86_64-w64-mingw32-gcc", "-O2", "-s", "-shared", "-o", stub, STUB, "-ladvapi32", "-lsecur32"], check=True
            )
            # Services have an environment of their own.
            environment = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
            self.set(environment, "WINEDEBUG", "REG_SZ", self.environment["WINEDEBUG"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
        subprocess.run([SERVER, "-k"], env=self.environment, check=False)
        subprocess.run([SERVER, "-w"], env=self.environment, check=False, timeout=60)

    def run(self, *words, timeout=120, **environment):
        """The code, and what was written to both streams, of a program that ends."""
        done = subprocess.run(
            [LOADER, *map(str, words)],
            env={**self.environment, "WINEDEBUG": "-all", **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
        )
        return done.returncode, done.stdout.decode(errors="replace").replace("\r", "")

    def start(self, log, *words):
        """A program that goes on."""
        return subprocess.Popen(
            [LOADER, *map(str, words)], env={**self.environment, "WINEDEBUG": "-all"},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )

    def events(self):
        """Everything that was written to the Event Log so far."""
        text = self.log.read_text(errors="replace")
        return "\n".join(line for line in text.splitlines() if "ReportEvent" in line)

    def has_key(self, key):
        """Whether the registry has a key below HKEY_LOCAL_MACHINE."""
        return self.run("reg", "query", rf"HKLM\{key}")[0] == 0

    def set(self, key, name, kind, value):
        """Sets a value below HKEY_LOCAL_MACHINE."""
        code, text = self.run("reg", "add", rf"HKLM\{key}", "/v", name, "/t", kind, "/d", value, "/f")
        if code != 0:
            raise RuntimeError(f"reg add {key}: {text}")
