"""Measures how far behind a reader is, and decides when it is too far."""

from collections import deque

WINDOW_S = 10.0  # over which the rate of a partition is measured
SAMPLE_S = 0.2  # between two samples
LEAST_RECORDS = 2  # fewer unread records are never too many: the newest and the one being written


class Arrivals:
    """Measures how fast a partition grows, from the high watermarks that come with the fetched records."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def observe(self, high_watermark: int, at_s: float) -> None:
        """Add a high watermark (offset of the next record) seen at a monotonic time in seconds."""
        if self._samples and high_watermark < self._samples[-1][1]:
            self._samples.clear()  # the topic was recreated
        if not self._samples or at_s - self._samples[-1][0] >= SAMPLE_S:
            self._samples.append((at_s, high_watermark))
        while len(self._samples) > 2 and at_s - self._samples[1][0] >= WINDOW_S:
            self._samples.popleft()

    def per_second(self) -> float:
        """Return records per second over the window; 0 until there are two samples."""
        if len(self._samples) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_s - first_s)

    def is_too_far(self, unread: int, max_lag_s: float) -> bool:
        """Return whether `unread` records are more than arrive in `max_lag_s` seconds."""
        return unread > max(LEAST_RECORDS, self.per_second() * max_lag_s)
