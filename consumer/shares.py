"""A fair share of time for each camera: one whose pictures are very expensive rests after each of them."""

import time
from collections.abc import Callable

RESTS = 3.0
"""Rest after a picture, as a multiple of the time that it took: its camera gets a quarter of the time at most."""
EXPENSIVE = 4.0
"""A camera rests only if its picture took that many times as long as one of another camera."""
EXPENSIVE_S = 0.1
"""A camera whose pictures take less than this never rests: that of a 4K picture is 0.07 s."""
REMEMBERED_S = 10.0
_MOST_CAMERAS = 1000


class Shares:
    """Computes from when a camera may be served again. Not thread-safe: the owner locks.

    A camera that is alone, or among others whose pictures are as expensive, never rests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, longest_rest_s: float = float("inf")) -> None:
        self._clock, self._longest_rest_s = clock, longest_rest_s
        self._last: dict[str, tuple[float, float]] = {}

    def took(self, camera: str, seconds: float) -> None:
        """Record how long the last picture of a camera took."""
        self._last.pop(camera, None)
        self._last[camera] = (seconds, self._clock())
        if len(self._last) > _MOST_CAMERAS:
            del self._last[next(iter(self._last))]

    def ready_at(self, camera: str) -> float:
        """Return the time from which on a camera may be served, by the clock; in the past if it need not rest."""
        if camera not in self._last:
            return float("-inf")
        seconds, at = self._last[camera]
        oldest = self._clock() - REMEMBERED_S
        others = (took for name, (took, when) in self._last.items() if name != camera and when > oldest)
        if seconds <= max(EXPENSIVE_S, EXPENSIVE * min(others, default=seconds)):
            return float("-inf")
        return at + min(RESTS * seconds, self._longest_rest_s)
