"""The terminal: whole lines for events, and one line that is updated while something is awaited."""

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_WIDEST = 118  # characters: a line that wraps cannot be overwritten
_UPDATE_S = 0.1
_PLAIN_EVERY_S = 5.0  # without a terminal the line is repeated instead of overwritten


class Console:
    """Writes to a terminal or a file. Thread-safe."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._terminal = self._out.isatty()
        self._lock = threading.Lock()
        self._current = ""

    def say(self, line: str) -> None:
        """Write a whole line above the one that is updated."""
        with self._lock:
            self._clear()
            self._out.write(line + "\n")
            self._out.flush()

    @contextmanager
    def waiting(self, what: str, missing: Callable[[], str] = lambda: "") -> Iterator[None]:
        """While the block runs, show what is awaited, for how long, and what is still missing."""
        done = threading.Event()
        began = time.monotonic()
        thread = threading.Thread(target=self._update, args=(what, missing, began, done), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _update(self, what: str, missing: Callable[[], str], began: float, done: threading.Event) -> None:
        for symbol in itertools.cycle(_SPINNER):
            line = f"{what}, {time.monotonic() - began:.0f} s" + (f": {missing()}" if missing() else "")
            if self._terminal:
                with self._lock:
                    self._clear()
                    self._current = f"  {symbol} {line}"[:_WIDEST]
                    self._out.write(self._current)
                    self._out.flush()
            else:
                self.say(f"  … {line}")
            if done.wait(_UPDATE_S if self._terminal else _PLAIN_EVERY_S):
                break
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._current:
            self._out.write("\r\x1b[K")
            self._current = ""
