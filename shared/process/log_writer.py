"""Writes the log in its own thread, so that a log without a reader never stops a service.

A pipe holds 64 KB. A process that writes more to it blocks until its reader catches up; here only this thread blocks.
Lines that do not fit into the queue meanwhile are dropped, and the log says how many as soon as it is read again.
"""

import fcntl
import logging
import os
import select
import stat
import threading
import time
from collections import deque
from contextlib import suppress

MAX_LINES = 1000  # that wait; at most 20 MB (shared/process/logs.py cuts lines)
FLUSH_STALL_S = 1.0  # without a line written; a reader that reads takes milliseconds for one
FLUSH_MAX_S = 2.0  # in all; a service has 3 s to end


class QueuedHandler(logging.Handler):
    """Puts lines into a bounded queue, which a thread writes to a file descriptor."""

    def __init__(self, descriptor: int, *, service: str, max_lines: int = MAX_LINES) -> None:
        """Start the thread.

        Args:
            descriptor: open for writing.
            service: the logger's name in the line about dropped ones.
            max_lines: that may wait.
        """
        super().__init__()
        self._descriptor, self._service, self._max_lines = descriptor, service, max_lines
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._writing = False
        self._changed = threading.Condition()
        threading.Thread(target=self._write_lines, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, or drop it if the queue is full."""
        try:
            line = self.format(record)
        except Exception:  # as logging's own handlers do
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) >= self._max_lines:
                self._dropped += 1
                return
            self._lines.append(line)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written: while the reader reads, and at most FLUSH_MAX_S."""
        began = moved = time.monotonic()
        with self._changed:
            waiting = len(self._lines)
            while self._lines or self._writing:
                left_s = min(moved + FLUSH_STALL_S, began + FLUSH_MAX_S) - time.monotonic()
                if left_s <= 0:
                    return
                self._changed.wait(left_s)
                if len(self._lines) != waiting:
                    waiting, moved = len(self._lines), time.monotonic()

    def _write_lines(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                while not self._lines:
                    self._changed.wait()
                line, dropped = self._lines.popleft(), self._dropped
                self._dropped = 0
                self._writing = True
            # A reader that has gone is no reason to stop: the service continues without a log.
            with suppress(OSError):
                self._write(line)
                if dropped:
                    self._write(self.format(self._about(dropped)))

    def _about(self, dropped: int) -> logging.LogRecord:
        message = "log lines were dropped because the log was not read"
        record = logging.makeLogRecord({"name": self._service, "levelno": logging.WARNING, "levelname": "WARNING"})
        record.msg, record.lines = message, dropped
        return record

    def _write(self, line: str) -> None:
        rest = memoryview(line.encode(errors="backslashreplace") + b"\n")
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # standard output and standard error are the same pipe: see never_block
                select.select([], [self._descriptor], [])


def never_block(descriptor: int) -> None:
    """Make writes to a pipe or socket fail instead of blocking while it is not read.

    For standard error, to which libraries write that know nothing of our log: libjpeg a line for each damaged picture.
    Files and terminals are left alone; the flag would hold for every process that shares a terminal.
    """
    with suppress(OSError):
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)
