"""Starts a process of the suite, restarts it after a capped back-off, and ends it."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from local.plan import Program
from shared.backoff import Backoff

CALM_S = 30.0  # a process that ran for this long resets its back-off
KILL_AFTER_S = 0.5  # for a killed process to be gone


def command(program: Program) -> list[str]:
    """Return the command line that runs a program as a child that ends with this process."""
    nice = ["--nice", str(program.niceness)] if program.niceness else []
    return [sys.executable, "-m", "shared.child", *nice, program.module, *program.arguments]


class Process:
    """Keeps a program running and passes the lines that it prints to `say`."""

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self.program = program
        self._say = say
        self._backoff = Backoff(first_s=0.5, cap_s=8.0)
        self._running: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._began = 0.0
        self._start_at: float | None = None

    def start(self) -> None:
        """Start it."""
        # In its own session: Ctrl-C at the terminal reaches only the suite, which ends the others in order.
        self._running = subprocess.Popen(
            command(self.program),
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._began = time.monotonic()
        self._start_at = None
        self._readers = [
            threading.Thread(target=self._pass_on, args=(stream,), name=f"lines-{self.program.name}", daemon=True)
            for stream in (self._running.stdout, self._running.stderr)
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def watch(self) -> int | None:
        """Restart it if it has ended and its back-off is over; return the exit status when its end is first noticed."""
        if self._running is None:
            if self._start_at is not None and time.monotonic() >= self._start_at:
                self.start()
            return None
        status = self._running.poll()
        if status is None:
            return None
        self._drain()
        self._running = None
        if time.monotonic() - self._began > CALM_S:
            self._backoff.reset()
        wait_s = self._backoff.next_s()
        self._start_at = time.monotonic() + wait_s
        self._say(f"  {self.program.name} ended ({describe(status)}); restarting it in {wait_s:.1f} s")
        return status

    def ask_to_end(self) -> None:
        """Send SIGTERM, and do not restart it."""
        self._start_at = None
        if self._running is not None:
            with suppress(ProcessLookupError):
                self._running.send_signal(signal.SIGTERM)

    def wait(self, deadline: float) -> None:
        """Wait until a monotonic time in seconds, then kill it."""
        if self._running is None:
            return
        try:
            self._running.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._say(f"  {self.program.name} did not end; killing it")
            self._running.kill()
            self._running.wait(KILL_AFTER_S)
        self._drain()
        self._running = None

    def _drain(self) -> None:
        for reader in self._readers:
            reader.join(KILL_AFTER_S)

    def _pass_on(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._say(line.rstrip("\n"))


def describe(status: int) -> str:
    """Return the meaning of an exit status.

    >>> describe(1), describe(-9)
    ('status 1', 'killed by SIGKILL')
    """
    return f"status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
