"""Which cameras share a request: one that makes it fail or slow is asked about alone until it does no longer."""

import time
from collections.abc import Callable, Sequence

from consumer.shares import EXPENSIVE, EXPENSIVE_S, Shares

LONGEST_REST_S = 1.0  # of a camera whose answer took long: once may have been the server's fault
SEARCH_EVERY_S = 5.0  # at least, between two searches for the camera that makes requests slow: most find none
_MOST_CAMERAS = 1000


class Company:
    """Decides by how requests went. Not thread-safe: the owner locks.

    A request about several frames does not show which of them took long. If one of them may have been expensive, each
    of its cameras is asked about alone the next time; `Shares` then makes the expensive ones rest.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without any answer; the clock is monotonic, in seconds."""
        self._shares = Shares(clock, longest_rest_s=LONGEST_REST_S)
        self._clock = clock
        self._usual_s: float | None = None  # per frame
        self._searched_at = float("-inf")
        self._alone: dict[str, None] = {}

    def alone(self, camera: str) -> bool:
        """Return whether a camera is asked about without company."""
        return camera in self._alone

    def ready_at(self, camera: str) -> float:
        """Return from when on a camera may be asked about, by the clock; in the past if it need not rest."""
        return self._shares.ready_at(camera)

    def took(self, cameras: Sequence[str], seconds: float) -> None:
        """Note how long a request about these cameras took."""
        each_s = seconds / len(cameras)
        for camera in cameras:
            self._shares.took(camera, each_s)
        now = self._clock()
        if len(cameras) > 1:
            if self._may_hide_one(len(cameras), seconds) and now - self._searched_at >= SEARCH_EVERY_S:
                self._searched_at = now
                self._set_apart(cameras)
                return
        elif self._shares.ready_at(cameras[0]) > now:
            self._set_apart(cameras)  # it rests: its pictures are expensive
            return
        else:
            self._alone.pop(cameras[0], None)
        self._usual_s = each_s

    def refused(self, cameras: Sequence[str]) -> None:
        """Note that a server could not read the pictures of these cameras."""
        self._set_apart(cameras)

    def _may_hide_one(self, frames: int, seconds: float) -> bool:
        """Return whether one of the frames would be expensive if the others took the usual time."""
        if self._usual_s is None:
            return False
        return seconds - (frames - 1) * self._usual_s > max(EXPENSIVE_S, EXPENSIVE * self._usual_s)

    def _set_apart(self, cameras: Sequence[str]) -> None:
        for camera in cameras:
            self._alone[camera] = None
        while len(self._alone) > _MOST_CAMERAS:
            del self._alone[next(iter(self._alone))]
