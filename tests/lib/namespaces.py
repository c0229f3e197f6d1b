"""Keeps what changes mounts and networks away from the machine itself."""

import os
import sys


def refuse_the_machine():
    """Ends the program unless it was started with a mount and a network namespace that its parent does not have."""
    for kind in ("mnt", "net"):
        if os.readlink(f"/proc/self/ns/{kind}") == os.readlink(f"/proc/{os.getppid()}/ns/{kind}"):
            sys.exit("this changes mounts and networks: start it by its stage, or as unshare --net --mount python3 -m ...")
