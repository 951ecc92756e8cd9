"""Handles crashes: they are logged with their tracebacks, never swallowed.

A loop that crashes is run again, a few times. Where one input of others at a time is read, an unexpected error is
contained instead (`Faults`): one bad input is never a reason to end a process.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.backoff import Backoff

log = logging.getLogger(__name__)

MOST_CRASHES = 5  # of one loop in a row
CALM_S = 60.0  # a loop that ran for that long has recovered
FAULT_LOG_S = 60.0  # between two tracebacks of contained errors
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0


def run_again(
    name: str, loop: Callable[[], None], stop: threading.Event, *, crashed: Callable[[], None] = lambda: None
) -> None:
    """Run a loop until it returns; after a crash run it again, later each time, until `stop`.

    Args:
        name: of the loop, for the log.
        loop: to be run.
        stop: ends the waiting.
        crashed: called after each crash.

    Raises:
        Exception: the error of the last of MOST_CRASHES crashes in a row.
    """
    backoff = Backoff(first_s=FIRST_WAIT_S, cap_s=LONGEST_WAIT_S)
    while not stop.is_set():
        began = time.monotonic()
        try:
            loop()
        except Exception:
            if time.monotonic() - began > CALM_S:
                backoff.reset()
            wait_s = backoff.next_s()
            log.exception("a loop crashed", extra={"loop": name, "crashes": backoff.failures})
            crashed()
            if backoff.failures >= MOST_CRASHES:
                log.critical("a loop keeps crashing, giving up", extra={"loop": name})
                raise
            stop.wait(wait_s)
        else:
            return


class Faults:
    """Logs unexpected errors that are contained: a traceback a minute at most, and how many there were in between."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._next_at = float("-inf")
        self._unsaid = 0

    def log(self, message: str, **facts: object) -> None:
        """Log the error that is being handled, with its traceback; call from an `except` clause."""
        now = self._clock()
        if now < self._next_at:
            self._unsaid += 1
            return
        self._log.exception(message, extra={**facts, "more_before": self._unsaid})
        self._next_at, self._unsaid = now + FAULT_LOG_S, 0


@contextmanager
def no_thread_dies_silently(give_up: Callable[[], None]) -> Iterator[None]:
    """While the block runs, log what ends any thread of this process, and call `give_up` in that thread.

    Nothing restarts such a thread: the process would continue without a part of it, unnoticed.
    """

    def died(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread else "unknown"
        failure = args.exc_value or args.exc_type()
        log.critical("a thread died, giving up", extra={"died": name}, exc_info=failure)
        give_up()

    previous, threading.excepthook = threading.excepthook, died
    try:
        yield
    finally:
        threading.excepthook = previous
