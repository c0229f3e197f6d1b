"""The tests' Python, one package. A program of it is run from the repository's root, as `python3 -m tests.alerts.meta`;
the stages do so. What several of them need stands in tests/lib."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
