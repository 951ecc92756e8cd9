"""Back-off of reconnects and restarts: waits that grow with each failure up to a cap, and differ between processes."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Capped exponential back-off with jitter.

    Attributes:
        first_s: longest first wait, seconds.
        cap_s: longest wait of all, seconds.
    """

    first_s: float
    cap_s: float
    _failures: int = 0

    def next_s(self) -> float:
        """Return how long to wait after one more failure: 50 to 100 % of the doubled wait."""
        wait: float = min(self.cap_s, self.first_s * 2 ** min(self._failures, 30))
        self._failures += 1
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Start with the first wait again, after a success."""
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._failures
