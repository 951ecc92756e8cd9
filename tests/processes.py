"""Stops other processes in the way that a fault test needs: surely."""

import os
import signal
import time
from pathlib import Path

STOPPED_WITHIN_S = 20.0


def freeze(pid: int) -> None:
    """Stop a process, and return once every thread of it stands still: SIGSTOP alone is only a wish."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + STOPPED_WITHIN_S
    while not all(_state(task) in "TtZX" for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < deadline, f"process {pid} did not stop"
        time.sleep(0.001)


def thaw(pid: int) -> None:
    """Let a frozen process go on."""
    os.kill(pid, signal.SIGCONT)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
