"""What becomes of a crash: it is logged with its traceback and tried again, a few times, and it is never kept quiet."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.backoff import Backoff

log = logging.getLogger(__name__)

MOST_CRASHES = 5  # of one loop in a row
CALM_S = 60.0  # a loop that ran for so long has recovered
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
        Exception: what it crashed with MOST_CRASHES times in a row.
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


@contextmanager
def no_thread_dies_silently(give_up: Callable[[], None]) -> Iterator[None]:
    """While the block runs, log what ends any thread of this process, and call `give_up` in that thread.

    Nobody starts such a thread again: the process would go on without a part of it, for ever and unnoticed.
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
