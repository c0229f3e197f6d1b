#!/usr/bin/env python3
"""Every name that the exporter has, as its hidden command `catalogue` prints it: metrics, causes, port states, checks,
keys of the configuration, commands and flags, paths, events. Whatever needs such a name reads it here.

    from catalogue import catalogue
    catalogue()["metrics"][0]["name"]

The exporter is the one that MSX_EXPORTER_BIN names, else the one in the folder MSX_BINARIES, else cargo builds it.
"""

import functools
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {"metrics", "causes", "order", "port_states", "checks", "keys", "commands", "paths", "firewall"}


class CatalogueError(SystemExit):
    """It cannot be had. Ends the program with the sentence where nothing catches it."""


def program():
    """The path of the exporter, built where no other is named."""
    if named := os.environ.get("MSX_EXPORTER_BIN"):
        return Path(named)
    if folder := os.environ.get("MSX_BINARIES"):
        return Path(folder) / "msx_exporter"
    build = ["cargo", "build", "--quiet", "--locked", "--package", "msx-exporter", "--bin", "msx_exporter"]
    try:
        built = subprocess.run(build, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise CatalogueError(f"no catalogue: cargo cannot be run ({error}); name a built exporter in MSX_EXPORTER_BIN") from None
    if built.returncode:
        raise CatalogueError(f"no catalogue: {' '.join(build)} failed, see above; or name a built exporter in MSX_EXPORTER_BIN")
    return Path(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug", "msx_exporter")


@functools.cache
def catalogue():
    """All of it, read once for each process."""
    path = program()
    try:
        answer = subprocess.run([path, "catalogue"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CatalogueError(f"no catalogue: {path} cannot be run: {error}") from None
    if answer.returncode:
        said = answer.stderr.strip() or "it said nothing"
        raise CatalogueError(f"no catalogue: `{path} catalogue` ended with code {answer.returncode}:\n{said}")
    try:
        found = json.loads(answer.stdout)
    except ValueError as error:
        raise CatalogueError(f"no catalogue: what `{path} catalogue` prints is not JSON: {error}") from None
    if missing := SECTIONS - set(found):
        raise CatalogueError(f"no catalogue: {path} is of another version, its catalogue lacks {', '.join(sorted(missing))}")
    return found


def metrics():
    """Each metric by its name."""
    return {metric["name"]: metric for metric in catalogue()["metrics"]}


def causes():
    """Each cause by its name."""
    return {cause["name"]: cause for cause in catalogue()["causes"]}


def flags(path=()):
    """The flags that a command takes, `path` being its words, with those that it takes from the commands above it."""
    taken = set()
    for command in catalogue()["commands"]:
        above = command["path"]
        if above == list(path[: len(above)]):
            whole = len(above) == len(path)
            taken |= {flag["name"] for flag in command["flags"] if whole or flag["global"]}
    return taken
