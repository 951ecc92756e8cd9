"""Detects a capture that delivers no pictures; on the producer's own clock, because a hanging capture cannot report."""

import time
from collections.abc import Callable

from shared.errors import CameraFrozen, CameraLost

FIRST_PICTURE_S = 12.0  # 5 s to connect, 5 s to examine what arrives, and the start of Python
SILENT_S = 4.0  # FFmpeg notices after 3 s and knows more
STEADY_S = 5.0  # after so many seconds with pictures, a failure counts as a new one


class Watchdog:
    """Watches one attempt to capture a camera."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = clock()
        self._first_s: float | None = None
        self._last_s: float | None = None
        self._undecodable = False

    def saw_picture(self) -> None:
        """Record that a picture arrived, or that none is due yet."""
        self._last_s = self._clock()
        self._first_s = self._first_s or self._last_s
        self._undecodable = False

    def saw_undecodable(self) -> None:
        """Record that the camera sent something that is not a picture."""
        self._undecodable = True

    def steady(self) -> bool:
        """Return whether pictures have arrived long enough for a failure to count as a new one."""
        return self._first_s is not None and self._clock() - self._first_s > STEADY_S

    def check(self) -> None:
        """Raise when there has been no picture for too long.

        Raises:
            CameraFrozen: pictures arrived and then stopped.
            CameraLost: no picture arrived at all, or only bytes that are not pictures.
        """
        since_s, limit_s = (self._began_s, FIRST_PICTURE_S) if self._last_s is None else (self._last_s, SILENT_S)
        if self._clock() - since_s <= limit_s:
            return
        if self._undecodable:
            raise CameraLost(f"what it has sent for {limit_s:.0f} s is no picture")
        if self._last_s is None:
            raise CameraLost(f"no picture within {limit_s:.0f} s")
        raise CameraFrozen(f"connected, but silent for {limit_s:.0f} s")
