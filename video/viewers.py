"""Who may watch, how many, and what each was sent: the one place for all three."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter

from video.metrics import ViewerMetrics

log = logging.getLogger(__name__)

SAY_FULL_EVERY_S = 60.0
RETRY_AFTER_S = 10  # told to those who find no place


class ViewerLimitReached(Exception):
    """There are as many viewers as may be."""


class FrameCounts:
    """What one viewer was sent of one camera, in frames; skipped: newer ones came before it was ready."""

    def __init__(self, camera: str, sent: Counter, skipped: Counter) -> None:
        self.sent = self.skipped = 0
        self._sent, self._skipped = sent.labels(camera), skipped.labels(camera)

    def sent_one(self, *, skipped: int) -> None:
        """Count a frame, and those left out before it."""
        self.sent += 1
        self._sent.inc()
        if skipped > 0:
            self.skipped += skipped
            self._skipped.inc(skipped)


class Viewers:
    """Counts viewers and decides about them; for the event loop only, the metrics for any thread."""

    def __init__(self, most: int, metrics: ViewerMetrics) -> None:
        self._most = most
        self._present = 0
        self._said_full_at = float("-inf")
        self._metrics = metrics

    @property
    def present(self) -> int:
        """The number of viewers: open streams and WebSockets."""
        return self._present

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for one viewer.

        Raises:
            ViewerLimitReached: there is none.
        """
        if self._present >= self._most:
            if time.monotonic() - self._said_full_at > SAY_FULL_EVERY_S:
                self._said_full_at = time.monotonic()
                log.warning("viewers are refused, MAXVIEWERS are there", extra={"viewers": self._present})
            raise ViewerLimitReached
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    def may_see(self, camera: str, scope: Mapping[str, Any]) -> bool:  # noqa: ARG002 - authentication comes later
        """Tell whether whoever sent a request (its ASGI scope) may see a camera: for now, everyone may see all."""
        return True

    @contextmanager
    def watching(self, camera: str) -> Iterator[FrameCounts]:
        """Count a viewer of a camera for as long as it watches."""
        gauge = self._metrics.watching.labels(camera)
        gauge.inc()
        try:
            yield FrameCounts(camera, self._metrics.sent, self._metrics.skipped)
        finally:
            gauge.dec()
