"""Reads from /proc what a process uses and who is connected to its port."""

import os
import socket
import sys
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def files(pid: int) -> int:
    """Return the number of file descriptors that a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def rss_of(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_of(pid: int) -> float:
    """Return user + system time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def held(port: int) -> set[tuple[str, int]]:
    """Return the addresses and ports of all clients whose connections to a port a process of this machine holds."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, ours, theirs, *_ = fields = line.split()
        if int(ours.rpartition(":")[2], 16) == port and fields[9] != "0":  # an inode: a process has it open
            address, _, client = theirs.partition(":")
            found.add((socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(client, 16)))
    return found
