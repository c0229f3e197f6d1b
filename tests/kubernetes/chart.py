"""The chart as helm renders it. Shared by the checks of this folder.

HELM names the program; the stages set it.
"""

import os
import subprocess
from pathlib import Path

import yaml

from tests import ROOT

HERE = Path(__file__).resolve().parent
CHART = ROOT / "deploy/kubernetes/msx-exporter"
CASES = sorted((HERE / "cases").glob("*.yaml"))
REFUSED = sorted((HERE / "refused").glob("*.yaml"))


def run(*words, given=None):
    return subprocess.run([str(word) for word in words], input=given, capture_output=True, text=True)


def helm(*words):
    return run(os.environ["HELM"], *words)


def template(chart, values):
    """What helm answers: the release is `rel` in the namespace `db`, as in every case."""
    return helm("template", "rel", chart, "--namespace", "db", "--values", values)


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def rendered(chart, values):
    """The manifests as text.

    Raises RuntimeError with helm's words where it refuses.
    """
    answer = template(chart, values)
    if answer.returncode:
        raise RuntimeError(answer.stderr.strip())
    return answer.stdout
