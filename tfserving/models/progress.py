"""Say what a long step does while it does it."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_REDRAW_S = 0.2


@contextmanager
def step(what: str, *, stream: TextIO | None = None) -> Iterator[None]:
    """Show `what` with the seconds it takes: a moving line on a terminal, else one line at each end.

    On an error the line ends in `failed`; the error goes on.
    """
    out = stream or sys.stderr
    began = time.monotonic()
    ended = threading.Event()
    moving = out.isatty()

    def redraw() -> None:
        while not ended.wait(_REDRAW_S):
            out.write(f"\r  {what} ... {time.monotonic() - began:.0f} s ")
            out.flush()

    ticker = threading.Thread(target=redraw, name="progress", daemon=True)
    out.write(f"  {what} ..." + ("" if moving else "\n"))
    out.flush()
    if moving:
        ticker.start()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        ended.set()
        if moving:
            ticker.join()
        start = "\r" if moving else ""
        out.write(f"{start}  {what}: {outcome} in {time.monotonic() - began:.1f} s\n")
        out.flush()
