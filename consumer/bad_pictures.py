"""Whether a server that refuses pictures is at fault, or the pictures are: HTTP 400 says that a request is wrong."""

import time
from collections import Counter
from collections.abc import Callable, Iterable

STRIKES = 3  # refused requests in a row that are the model's fault
MOST_CAMERAS = 1000  # that are remembered
WITNESS_S = 10.0  # an answer about a picture clears the model for so long, unless one camera is refused STRIKES times


class BadPictures:
    """Counts refused pictures. Not thread-safe: use from one thread.

    A camera whose pictures are refused while those of others are answered does not count again, so that some such
    cameras do not make a model that works look down.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refusals: Counter[str] = Counter()  # since the last answer
        self._known: set[str] = set()
        self._answered_at = float("-inf")

    def refused(self, camera: str) -> bool:
        """Note that the picture of a camera was refused; return whether the model is at fault."""
        cleared = self._clock() - self._answered_at <= WITNESS_S
        if not cleared:
            self._known.clear()
        if camera in self._known:
            return False
        self._refusals[camera] += 1
        return (self._refusals[camera] if cleared else self._refusals.total()) >= STRIKES

    def answered(self, cameras: Iterable[str]) -> None:
        """Note that the pictures of cameras were answered."""
        known = self._known if len(self._known) <= MOST_CAMERAS else set[str]()
        self._known = (known | self._refusals.keys()).difference(cameras)
        self._refusals.clear()
        self._answered_at = self._clock()
