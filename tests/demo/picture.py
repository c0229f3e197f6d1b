"""The picture of README.md: the page of `cargo demo` in headless Chromium.

    python3 -m tests.demo.picture FILE.png
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.dashboards.pictures.draw import CHROMIUM
from tests.demo.walk import Demo, get
from tests.lib.processes import wait


def main():
    with tempfile.TemporaryDirectory(prefix="msx-demo-picture-") as folder, tempfile.TemporaryDirectory() as profile:
        demo = Demo(Path(folder))
        try:
            swept = "\nmsx_exporter_port_sweep_timestamp_seconds "
            wait("the master is read and its ports are swept", lambda: swept in get(demo.line("metrics")), 90)
            command = [*CHROMIUM, f"--user-data-dir={profile}", f"--screenshot={sys.argv[1]}", "--window-size=1280,1000"]
            subprocess.run([*command, demo.line("page")], check=True, capture_output=True, timeout=120)
        finally:
            os.kill(demo.pid, signal.SIGTERM)
            ended = demo.ended()
    return ended


if __name__ == "__main__":
    sys.exit(main())
