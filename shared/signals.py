"""Ctrl-C and its kin at the terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def signals_caught(stop: threading.Event) -> Iterator[None]:
    """Set an event at SIGINT, SIGTERM or SIGHUP while the block runs; then the former handlers are back."""

    def caught(_number: int, _frame: FrameType | None) -> None:
        # Not here: the event's lock may be held by the very thread that the signal interrupted.
        threading.Thread(target=stop.set, daemon=True).start()

    previous = {number: signal.signal(number, caught) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
