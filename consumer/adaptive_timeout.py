"""How long to wait for an answer: a request that hangs must not hide that the model works again."""

import time
from collections.abc import Callable

SHORTEST_S = 0.75
TIMES_SLOWEST = 3.0
FADES_BY = 0.98  # per answer, so that one slow answer is forgotten
WHOLE_EVERY_S = 30.0


class AdaptiveTimeout:
    """Allows a model that is up the whole time, and one that is down little more than it ever took.

    Now and then a model that is down gets the whole time: it may have become much slower.
    """

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without any answer.

        Args:
            longest_s: MODELTIMEOUT, seconds.
            clock: monotonic, seconds.
        """
        self._longest_s, self._clock = longest_s, clock
        self._slowest_s: float | None = None
        self._whole_again_at = float("-inf")

    def limit_s(self, *, down: bool) -> float:
        """Return how many seconds to wait for the next answer."""
        now = self._clock()
        if not down or self._slowest_s is None or now >= self._whole_again_at:
            self._whole_again_at = now + WHOLE_EVERY_S
            return self._longest_s
        return min(self._longest_s, max(SHORTEST_S, TIMES_SLOWEST * self._slowest_s))

    def answered(self, seconds: float) -> None:
        """Record how long an answer took."""
        self._slowest_s = max(seconds, FADES_BY * (self._slowest_s or 0.0))
