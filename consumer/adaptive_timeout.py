"""How long to wait for an answer: a request that hangs must not hide that the model is back."""

import time
from collections.abc import Callable

SHORTEST_S = 0.75
TIMES_SLOWEST = 3.0
FADES_BY = 0.98  # with each answer, so that one slow answer is forgotten
WHOLE_EVERY_S = 30.0


class AdaptiveTimeout:
    """Waits for a model that is well as long as is allowed, and for one that is down not much longer than it ever took.

    Now and then one that is down gets all the time again: it may have come back much slower.
    """

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without knowing how long an answer takes.

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
        """Note how long an answer took."""
        self._slowest_s = max(seconds, FADES_BY * (self._slowest_s or 0.0))
