"""Calls a function in an event loop at the request of other threads."""

import asyncio
import threading
from collections.abc import Callable


class LoopCall:
    """Calls a function in an event loop, once for all requests that come before it is called. Thread-safe."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requested = False

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call the function in this loop from now on, and once at first: there may be something from before."""
        with self._lock:
            self._loop, self._requested = loop, False
        self.request()

    def close(self) -> None:
        """Make no further calls."""
        with self._lock:
            self._loop = None

    def request(self) -> None:
        """Let the function be called soon, if a loop is open."""
        with self._lock:
            if self._loop is not None and not self._requested:
                # Under the lock, so that `close` cannot come between and leave a loop that has ended.
                self._loop.call_soon_threadsafe(self._call)
                self._requested = True

    def _call(self) -> None:
        with self._lock:
            self._requested = False  # before the call: what comes during it may be too late for it
        self._function()
