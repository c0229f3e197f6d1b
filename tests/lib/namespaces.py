"""Keeps what changes mounts and networks away from the machine itself."""

import os
import sys


def refuse_the_machine():
    """Ends the program unless it has a mount and a network namespace of its own."""
    for kind in ("mnt", "net"):
        if os.readlink(f"/proc/self/ns/{kind}") == os.readlink(f"/proc/1/ns/{kind}"):
            sys.exit("this changes mounts and networks: start it by its stage, or with unshare --net --mount")
