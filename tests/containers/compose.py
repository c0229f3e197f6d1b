"""deploy/docker/compose.yaml as docker compose itself understands it: variables replaced, paths made absolute."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import ROOT

FOLDER = ROOT / "deploy/docker"


def load(**variables):
    """The model, with these variables in an environment that has no others of ours; a ValueError with compose's words."""
    program = Path(sys.executable).with_name("docker-compose")
    others = {name: value for name, value in os.environ.items() if not name.startswith(("MSX_", "COMPOSE_"))}
    said = subprocess.run(
        [str(program) if program.exists() else shutil.which("docker-compose"), "config", "--format", "json"],
        cwd=FOLDER,
        env=others | variables,
        capture_output=True,
        text=True,
    )
    if said.returncode or said.stderr:
        raise ValueError(f"docker compose config: {said.stderr}")
    return json.loads(said.stdout)


def in_order(services):
    """The names, each after those that it depends on."""
    names = []

    def add(name):
        for other in services[name].get("depends_on", {}):
            if other in services:
                add(other)
        if name not in names:
            names.append(name)

    for name in services:
        add(name)
    return names
