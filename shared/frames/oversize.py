"""Cameras whose pictures the brokers do not take because they are too large."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.bus import Limit
from shared.expiring import ExpiringNames
from shared.frames.ledger import FORGOTTEN_AFTER_S, MAX_CAMERAS

log = logging.getLogger(__name__)

OVER_AFTER_S = 10.0  # without a picture that was too large, once one has been taken again


@dataclass(slots=True)
class _Episode:
    """The too large pictures of one camera.

    Attributes:
        size_bytes: of the first of them, as a picture.
        record_bytes: of the first of them, with everything that Kafka adds.
        refused_at: time of the last of them, monotonic seconds.
        taken: a picture was taken since the last refusal.
        logged: reason that was logged.
    """

    size_bytes: int
    record_bytes: int
    refused_at: float
    taken: bool = False
    logged: str | None = None


class OversizeBoard:
    """Remembers the cameras with too large pictures, and logs each once. Thread-safe.

    A camera is on it from the first picture that is refused until pictures are taken and none has been refused for
    OVER_AFTER_S. At most MAX_CAMERAS are on it; a further one takes the place of one that was refused nothing for
    FORGOTTEN_AFTER_S.
    """

    def __init__(
        self, limit: Callable[[int], Limit | None], *, advice: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start without cameras.

        Args:
            limit: returns the limit that a record of so many bytes exceeds; None if it is not known yet.
            advice: how to make the pictures smaller: names the settings.
            clock: returns monotonic seconds.
        """
        self._limit, self._advice, self._clock = limit, advice, clock
        self._lock = threading.Lock()
        self._episodes: dict[str, _Episode] = {}
        self._names = ExpiringNames(MAX_CAMERAS, after_s=FORGOTTEN_AFTER_S, forget=self._forget, now_s=clock)

    def refused(self, camera: str, size_bytes: int, record_bytes: int) -> None:
        """Note a picture that was too large, by its own size and that of its record."""
        now = self._clock()
        with self._lock:
            if not self._names.admit(camera):
                return
            episode = self._episodes.setdefault(camera, _Episode(size_bytes, record_bytes, now))
            episode.refused_at, episode.taken = now, False
        self.find(camera)

    def taken(self, camera: str) -> None:
        """Note a picture that a broker took."""
        if camera not in self._episodes:  # nearly always; without the lock
            return
        with self._lock:
            episode = self._episodes.get(camera)
            if episode is not None:
                episode.taken = True

    def find(self, camera: str) -> str | None:
        """Return what is wrong with a camera's pictures, None if nothing is or if the limit is not known yet."""
        if camera not in self._episodes:
            return None
        now = self._clock()
        with self._lock:
            episode = self._episodes.get(camera)
            if episode is None:
                return None
            if episode.taken and now - episode.refused_at > OVER_AFTER_S:
                del self._episodes[camera]
                return None
            limit = self._limit(episode.record_bytes)
            if limit is None:
                return None
            reason = _reason(episode, limit, self._advice)
            news = reason != episode.logged
            episode.logged = reason
        if news:
            log.warning("a picture is too large for the bus", extra={"camera": camera, "reason": reason})
        return reason

    def _forget(self, camera: str) -> None:
        self._episodes.pop(camera, None)


def _reason(episode: _Episode, limit: Limit, advice: str) -> str:
    if limit.size_bytes is None:
        return (
            f"a picture of {episode.size_bytes} bytes is too large for the broker: raise {limit.setting}, or {advice}"
        )
    # Close to the limit, what Kafka adds makes the difference.
    size_bytes = episode.size_bytes if episode.size_bytes > limit.size_bytes else episode.record_bytes
    return (
        f"a picture of {size_bytes} bytes exceeds the limit of {limit.size_bytes} bytes: "
        f"raise {limit.setting}, or {advice}"
    )
