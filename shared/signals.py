"""Signals that end a process: caught in one place, passed on as an event."""

import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

END = (signal.SIGTERM, signal.SIGINT)
END_OR_HANG_UP = (*END, signal.SIGHUP)  # SIGHUP: the terminal was closed


@contextmanager
def stop_on_signals(
    stop: threading.Event, numbers: Sequence[signal.Signals] = END, *, second_exits: bool
) -> Iterator[None]:
    """Set an event at the first signal while the block runs, then restore the previous handlers.

    Call from the main thread.

    Args:
        stop: the event to set.
        numbers: the signals to catch.
        second_exits: end the process at once, with status 128 + number, at a signal that follows the first or comes
            after `stop` has been set otherwise. If False, further signals have no effect.
    """
    caught: queue.SimpleQueue[bool] = queue.SimpleQueue()
    asked = False

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if second_exits and (asked or stop.is_set()):
            os._exit(128 + number)
        asked = True
        # Not `stop.set()`: the thread that the signal interrupts may hold the event's lock. `SimpleQueue.put` is
        # documented to be safe here (https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put).
        caught.put(True)

    def pass_on() -> None:
        while caught.get():
            stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    previous = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        caught.put(False)
