"""Hands frames from the reading thread to the event loop; no other object is used by both.

It never holds more than one frame per camera, however long the loop is busy.
"""

import asyncio
import threading
from collections.abc import Callable

from shared import clock
from shared.frames.ledger import Ledger, Reason
from shared.frames.reader import ReceivedFrame
from video.loop_call import LoopCall


class LatestFrames:
    """Hands over the newest frame of each camera, and enters it in the ledger. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._waiting: dict[str, ReceivedFrame] = {}
        self._deliver: Callable[[ReceivedFrame], bool] = lambda _: False
        self._taking = LoopCall(self._take)

    def open(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[ReceivedFrame], bool]) -> None:
        """Deliver in this loop from now on; `deliver` returns whether it took the frame."""
        self._deliver = deliver
        self._taking.open(loop)

    def close(self) -> None:
        """Stop delivering; the newest frames wait for the next loop."""
        self._taking.close()

    def put(self, received: ReceivedFrame) -> None:
        """Take a frame; called from the reading thread."""
        camera = received.frame.camera
        with self._lock:
            superseded = camera in self._waiting
            self._waiting[camera] = received
        if superseded:
            self._ledger.dropped(camera, Reason.SUPERSEDED)
        self._taking.request()

    def _take(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for camera, received in waiting.items():
            if self._deliver(received):
                captured_at = received.frame.captured_at
                self._ledger.out(
                    camera, age_s=None if received.clock_suspect else clock.age_s(captured_at, clock.now_us())
                )
            else:
                self._ledger.dropped(camera, Reason.TOO_MANY_CAMERAS)
