#!/usr/bin/env python3
"""Runs one check of checks.py on the chart: tests/kubernetes/check.py NAME."""

import sys

import chart as it
import checks

sys.exit("\n".join(getattr(checks, sys.argv[1])(it.CHART)) or 0)
