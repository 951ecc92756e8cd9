"""The terminal: whole lines for what has happened, and one line that moves for what is being waited for."""

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_TURN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_WIDEST = 118  # characters: a line that wraps could not be moved
_MOVE_S = 0.1
_PLAIN_EVERY_S = 5.0  # without a terminal the line is not moved but repeated


class Console:
    """Writes to a terminal or a file; safe for several threads."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._terminal = self._out.isatty()
        self._lock = threading.Lock()
        self._moving = ""

    def say(self, line: str) -> None:
        """Write a whole line above the one that moves."""
        with self._lock:
            self._clear()
            self._out.write(line + "\n")
            self._out.flush()

    @contextmanager
    def waiting(self, what: str, missing: Callable[[], str] = lambda: "") -> Iterator[None]:
        """Show what is waited for, for how long already, and what is missing, while the block runs."""
        done = threading.Event()
        began = time.monotonic()
        thread = threading.Thread(target=self._move, args=(what, missing, began, done), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _move(self, what: str, missing: Callable[[], str], began: float, done: threading.Event) -> None:
        for turn in itertools.cycle(_TURN):
            line = f"{what}, {time.monotonic() - began:.0f} s" + (f": {missing()}" if missing() else "")
            if self._terminal:
                with self._lock:
                    self._clear()
                    self._moving = f"  {turn} {line}"[:_WIDEST]
                    self._out.write(self._moving)
                    self._out.flush()
            else:
                self.say(f"  … {line}")
            if done.wait(_MOVE_S if self._terminal else _PLAIN_EVERY_S):
                break
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._moving:
            self._out.write("\r\x1b[K")
            self._moving = ""
