"""Schedules: which frames of a fast camera to keep, and when the next picture of a file is due."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

LATE_S = 0.1  # a file that is later than this restarts its schedule, so that missed pictures do not come in a burst
TICK_S = 1.0  # longest sleep
_ROUNDING_S = 1e-6
_MOST_OWED = 2  # intervals


@dataclass(slots=True)
class Thinner:
    """Keeps frames so that the mean time between two is `interval_s`; 0 keeps all of them.

    It is a schedule, not a minimum gap: of 25 frames a second an interval of 42 ms keeps 23.8, not 12.5.
    """

    interval_s: float
    _due_s: float | None = field(default=None, init=False)

    def keeps(self, at_s: float) -> bool:
        """Return whether to keep the frame of a moment, in seconds on any clock that never goes back."""
        if self._due_s is None:
            self._due_s = at_s
        if at_s < self._due_s - _ROUNDING_S:
            return False
        # A camera that paused must not catch up: it is owed no more than the jitter of its frames.
        self._due_s = max(self._due_s, at_s - _MOST_OWED * self.interval_s) + self.interval_s
        return True


@dataclass(slots=True)
class Playback:
    """Waits until the pictures of a file are due; the schedule continues across loops without drift.

    Attributes:
        tick: called at least once a second while waiting.
        clock: monotonic seconds.
        sleep: waits for a number of seconds.
    """

    tick: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _begun_s: float | None = field(default=None, init=False)

    def wait_for(self, offset_s: float) -> None:
        """Return when the picture at an offset from the beginning is due."""
        now = self.clock()
        if self._begun_s is None or now - (self._begun_s + offset_s) > LATE_S:
            self._begun_s = now - offset_s
        while (left_s := self._begun_s + offset_s - self.clock()) > 0:
            self.sleep(min(left_s, TICK_S))
            self.tick()
