"""Writes the test files and runs each through promtool, two at a time; prints one line a file that fails.

Usage: python3 -m tests.alerts.run_cases [-v] [PROMTOOL]
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import generate_tests

# promtool keeps a small database for each test; in memory its disk waits fall away.
QUICK = {**os.environ, **({"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {})}


def judge(promtool, file):
    began = time.monotonic()
    run = subprocess.run([promtool, "test", "rules", file.name], cwd=file.parent, env=QUICK, capture_output=True, text=True)
    return file, run.returncode == 0, run.stdout + run.stderr, time.monotonic() - began


def main():
    promtool = next((each for each in sys.argv[1:] if each != "-v"), "promtool")
    promtool = str(Path(promtool).resolve()) if "/" in promtool else promtool
    files = sorted(generate_tests.write().iterdir(), key=lambda file: -file.stat().st_size)
    passed = failed = 0
    with ThreadPoolExecutor(2) as pool:
        for file, good, words, seconds in pool.map(lambda file: judge(promtool, file), files):
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"{file.name} ({seconds:.1f} s):\n{words}")
            elif "-v" in sys.argv:
                print(f"{file.name} ({seconds:.1f} s)")
    print(f"rule files judged by promtool: {passed} passed, {failed} failed")
    return (passed, failed)


if __name__ == "__main__":
    sys.exit(1 if main()[1] else 0)
