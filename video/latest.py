"""Hands frames from the reading thread to the event loop; no other object is used by both.

It never holds more than one frame per camera, however long the loop is busy.
"""

import asyncio
import threading
from collections.abc import Callable

from shared import clock
from shared.frames.ledger import Ledger, Reason
from shared.frames.reader import ReceivedFrame


class LatestFrames:
    """Hands over the newest frame of each camera, and enters it in the ledger. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._waiting: dict[str, ReceivedFrame] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deliver: Callable[[ReceivedFrame], bool] = lambda _: False
        self._called = False

    def open(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[ReceivedFrame], bool]) -> None:
        """Deliver in this loop from now on; `deliver` returns whether it took the frame."""
        with self._lock:
            self._loop, self._deliver, self._called = loop, deliver, False
        self._call()

    def close(self) -> None:
        """Stop delivering; the newest frames wait for the next loop."""
        with self._lock:
            self._loop = None

    def put(self, received: ReceivedFrame) -> None:
        """Take a frame; called from the reading thread."""
        camera = received.frame.camera
        with self._lock:
            superseded = camera in self._waiting
            self._waiting[camera] = received
        if superseded:
            self._ledger.dropped(camera, Reason.SUPERSEDED)
        self._call()

    def _call(self) -> None:
        with self._lock:
            if self._loop is not None and self._waiting and not self._called:
                # Under the lock, so that `close` cannot come between and leave a loop that has ended.
                self._loop.call_soon_threadsafe(self._take)
                self._called = True

    def _take(self) -> None:
        with self._lock:
            waiting, self._waiting, self._called = self._waiting, {}, False
        for camera, received in waiting.items():
            if self._deliver(received):
                captured_at = received.frame.captured_at
                self._ledger.out(
                    camera, age_s=None if received.clock_suspect else clock.age_s(captured_at, clock.now_us())
                )
            else:
                self._ledger.dropped(camera, Reason.TOO_MANY_CAMERAS)
