"""Freezes and thaws other processes."""

import os
import signal
from pathlib import Path

from tests.waiting import wait_until


def freeze(pid: int) -> None:
    """Stop a process and return once all its threads have stopped; SIGSTOP alone only asks for it."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(_state(task) in "TtZX" for task in tasks.iterdir()), f"process {pid} stops", poll_s=0.001)


def thaw(pid: int) -> None:
    """Let a frozen process continue."""
    os.kill(pid, signal.SIGCONT)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
