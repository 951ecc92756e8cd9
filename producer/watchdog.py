"""Detects a capture that delivers no pictures; on the producer's own clock, because a hanging capture cannot report."""

import time
from collections.abc import Callable

from producer.rhythm import Rhythm
from shared.errors import CameraFrozen, CameraLost

ALLOWANCE_S = 1.0  # the capture itself notices earlier, and knows more
STEADY_S = 5.0  # after so many seconds with pictures, a failure counts as a new one


class Watchdog:
    """Watches one attempt to capture a camera."""

    def __init__(self, rhythm: Rhythm | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rhythm = rhythm or Rhythm()
        self._clock = clock
        self._began_s = clock()
        self._first_s: float | None = None
        self._last_s: float | None = None
        self._undecodable = False
        self._unmasked = False

    def saw_picture(self) -> None:
        """Record that a picture arrived."""
        self._last_s = self._clock()
        self._first_s = self._first_s or self._last_s
        self._undecodable = self._unmasked = False
        self.rhythm.saw_picture(self._last_s)

    def saw_none_due(self) -> None:
        """Record that the capture is alive while no picture is due."""
        self._last_s = self._clock()
        self.rhythm.saw_none_due(self._last_s)

    def saw_undecodable(self) -> None:
        """Record that the camera sent something that is not a picture."""
        self._undecodable = True

    def saw_unmasked(self) -> None:
        """Record that a picture arrived, and was dropped because its masks could not be painted."""
        self._unmasked = True

    @property
    def age_s(self) -> float:
        """Seconds since the attempt began."""
        return self._clock() - self._began_s

    @property
    def saw_any(self) -> bool:
        """Whether a picture has arrived."""
        return self._first_s is not None

    def steady(self) -> bool:
        """Return whether pictures have arrived long enough for a failure to count as a new one."""
        return self._first_s is not None and self._clock() - self._first_s > STEADY_S

    def check(self) -> None:
        """Raise when there has been no picture for too long.

        Raises:
            CameraFrozen: pictures arrived and then stopped.
            CameraLost: no picture arrived at all, only bytes that are not pictures, or only pictures without masks.
        """
        limit_s = self.rhythm.limit_s + ALLOWANCE_S
        since_s = self._began_s if self._last_s is None else self._last_s
        if self._clock() - since_s <= limit_s:
            return
        if self._unmasked:
            raise CameraLost(f"for {limit_s:.0f} s, its privacy masks could not be painted; nothing is published")
        if self._undecodable:
            raise CameraLost(f"it has sent data for {limit_s:.0f} s, but no picture")
        if self._last_s is None:
            raise CameraLost(f"no picture within {limit_s:.0f} s")
        raise CameraFrozen(f"connected, but silent for {limit_s:.0f} s")
