"""Runs one check of checks.py on the chart: python3 -m tests.kubernetes.check NAME."""

import sys

from . import chart as it
from . import checks

if __name__ == "__main__":
    sys.exit("\n".join(getattr(checks, sys.argv[1])(it.CHART)) or 0)
