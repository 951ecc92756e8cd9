"""Notices that a capture gives no pictures; by our own clock, since a capture that hangs cannot tell."""

import time
from collections.abc import Callable

from shared.errors import CameraFrozen, CameraLost

FIRST_PICTURE_S = 12.0  # two times 5 s, to connect and to look at what comes, and the start of Python
SILENT_S = 4.0  # FFmpeg notices after 3 s and can say more
STEADY_S = 5.0  # with pictures: a failure after that is a new one


class Watch:
    """Watches one attempt to capture a camera."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = clock()
        self._first_s: float | None = None
        self._last_s: float | None = None
        self._garbage = False

    def saw_picture(self) -> None:
        """Note that there was a picture, or that none is due yet."""
        self._last_s = self._clock()
        self._first_s = self._first_s or self._last_s
        self._garbage = False

    def saw_garbage(self) -> None:
        """Note that the camera sent what is no picture."""
        self._garbage = True

    def steady(self) -> bool:
        """Tell whether pictures came for so long that a failure is a new one."""
        return self._first_s is not None and self._clock() - self._first_s > STEADY_S

    def check(self) -> None:
        """Say when there has been no picture for too long.

        Raises:
            CameraFrozen: pictures came, and then nothing.
            CameraLost: there was no picture at all, or only bytes that are none.
        """
        since_s, limit_s = (self._began_s, FIRST_PICTURE_S) if self._last_s is None else (self._last_s, SILENT_S)
        if self._clock() - since_s <= limit_s:
            return
        if self._garbage:
            raise CameraLost(f"what it has sent for {limit_s:.0f} s is no picture")
        if self._last_s is None:
            raise CameraLost(f"no picture within {limit_s:.0f} s")
        raise CameraFrozen(f"connected, but silent for {limit_s:.0f} s")
