"""Reads from /proc what processes use and who is connected to a port."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.suite import children_of

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


def cpu_of_ended_children(pid: int) -> float:
    """Return user + system time of those children that have been waited for, in seconds (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def held(port: int) -> set[tuple[str, int]]:
    """Return the addresses and ports of all clients whose connections to a port a process of this machine holds."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, ours, theirs, *_ = fields = line.split()
        if int(ours.rpartition(":")[2], 16) == port and fields[9] != "0":  # an inode: a process has it open
            address, _, client = theirs.partition(":")
            found.add((socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(client, 16)))
    return found


@dataclass(frozen=True)
class Spent:
    """What the parts of a system used in a period.

    Attributes:
        seconds: how long it was.
        cpu_s: user + system time by part.
        rss_mb: resident memory at its end by part.
    """

    seconds: float
    cpu_s: dict[str, float]
    rss_mb: dict[str, float]


class Meter:
    """Measures the parts of a system from its creation on: each a process, with all that it has started."""

    def __init__(self, parts: Mapping[str, int]) -> None:
        """Begin.

        Args:
            parts: process id by name.
        """
        self._trees = {name: [pid, *children_of(pid)] for name, pid in parts.items()}
        self._began, self._before = time.monotonic(), self._cpu()

    def spent(self) -> Spent:
        """Return what was used up to now."""
        seconds = time.monotonic() - self._began
        cpu = {name: after - self._before[name] for name, after in self._cpu().items()}
        memory = {name: sum(map(rss_of, pids)) for name, pids in self._trees.items()}
        return Spent(seconds, cpu, memory)

    def _cpu(self) -> dict[str, float]:
        return {name: sum(map(cpu_of, pids)) for name, pids in self._trees.items()}
