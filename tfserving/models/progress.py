"""Show the progress of a long step."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_REDRAW_S = 0.2


@contextmanager
def step(what: str, *, stream: TextIO | None = None) -> Iterator[None]:
    """Show `what` with the seconds it takes: a line that is redrawn on a terminal, else a line at each end.

    After an error the line ends in `failed`; the error is not caught.
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
