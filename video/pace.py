"""Keeps the rate that one viewer asks for."""


class Pace:
    """Keeps a viewer's rate: a shortest interval between frames, and a highest average of frames per second."""

    def __init__(self, interval_s: float, fps: float | None) -> None:
        self._interval_s = interval_s
        self._period_s = 1 / fps if fps else 0.0
        self._sent_at = self._due_at = float("-inf")

    def limit(self, fps: float | None) -> None:
        """Keep another average from now on; None: every frame."""
        period_s = 1 / fps if fps else 0.0
        if period_s != self._period_s:
            self._period_s, self._due_at = period_s, self._sent_at + period_s

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next frame may go out; 0 if it may go now."""
        return max(0.0, self._due_at - now, self._sent_at + self._interval_s - now)

    def sent(self, now: float) -> None:
        """Note that a frame goes out."""
        self._sent_at = now
        # A schedule rather than a gap keeps the mean; a late one does not make up for more than one frame.
        self._due_at = max(self._due_at + self._period_s, now)
