"""Every name that the exporter has, as its hidden command `catalogue` prints it: metrics, causes, port states, checks,
keys of the configuration, commands and flags, paths, events. Whatever needs such a name reads it here.

    from tests.lib.catalogue import catalogue
    catalogue()["metrics"][0]["name"]

tests/lib/programs.py decides which exporter is asked.
"""

import functools
import json
import subprocess

from tests.lib.programs import program

SECTIONS = {"metrics", "causes", "order", "port_states", "checks", "keys", "commands", "paths", "firewall"}


class CatalogueError(SystemExit):
    """It cannot be had. Ends the program with the sentence where nothing catches it."""


@functools.cache
def catalogue():
    """All of it, read once for each process."""
    path = program("msx_exporter")
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
            complete = len(above) == len(path)
            taken |= {flag["name"] for flag in command["flags"] if complete or flag["global"]}
    return taken
