"""At which addresses processes listen, from /proc."""

import os
from contextlib import suppress
from pathlib import Path


def sockets(pids):
    """Return the address and the port of each TCP socket at which one of the processes listens.

    Addresses are as /proc/net/tcp and tcp6 write them: 0100007F is 127.0.0.1.
    """
    inodes = set()
    for pid in pids:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:  # LISTEN
                address, _, port = fields[1].partition(":")
                found.add((address, int(port, 16)))
    return found


def addresses(pids):
    """Return the addresses at which the processes listen."""
    return {address for address, _ in sockets(pids)}
