"""The pictures of README.md: pages of `cargo demo` in headless Chromium.

    python3 -m tests.demo.picture FOLDER
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.dashboards.pictures.draw import CHROMIUM, smaller
from tests.demo.walk import Demo, get
from tests.lib.processes import wait

PAGES = {"explain-page.png": "", "target-page.png": "target?name=SQL05"}


def main():
    with tempfile.TemporaryDirectory(prefix="msx-demo-picture-") as folder, tempfile.TemporaryDirectory() as profile:
        demo = Demo(Path(folder))
        try:
            swept = "\nmsx_exporter_port_sweep_timestamp_seconds "
            wait("the master is read and its ports are swept", lambda: swept in get(demo.line("metrics")), 90)
            refused = '{target="SQL05",cause="login_refused"} 1\n'
            wait("what the master shows of a silent target is read", lambda: refused in get(demo.line("metrics")), 90)
            command = [*CHROMIUM, f"--user-data-dir={profile}", "--window-size=1280,1000"]
            for name, path in PAGES.items():
                file = Path(sys.argv[1]) / name
                drawn = [*command, f"--screenshot={file}", demo.line("page") + path]
                subprocess.run(drawn, check=True, capture_output=True, timeout=120)
                smaller(file)
        finally:
            os.kill(demo.pid, signal.SIGTERM)
            ended = demo.ended()
    return ended


if __name__ == "__main__":
    sys.exit(main())
