"""Reads from /proc what a process uses and who is connected to its port."""

import os
import socket
import sys
import time
from pathlib import Path

_CPUCLOCK_SCHED = 2


def files(pid: int) -> int:
    """Return the number of file descriptors that a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def rss_of(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_of(pid: int) -> float:
    """Return user + system time of a process in seconds.

    From its CPU clock, which counts nanoseconds; /proc/PID/stat counts hundredths of a second, some percent of what a
    short window costs. The number of the clock is that of clock_getcpuclockid(3): include/linux/posix-timers_types.h.
    """
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def held(port: int) -> set[tuple[str, int]]:
    """Return the addresses and ports of all clients whose connections to a port a process of this machine holds."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, ours, theirs, *_ = fields = line.split()
        if int(ours.rpartition(":")[2], 16) == port and fields[9] != "0":  # an inode: a process has it open
            address, _, client = theirs.partition(":")
            found.add((socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(client, 16)))
    return found
