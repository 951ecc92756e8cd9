"""A bounded set of externally chosen names (cameras, instances). A name that is no longer used is replaced."""

import time
from collections.abc import Callable


class ExpiringNames:
    """Holds at most a number of names. Not thread-safe: use under a lock or from one thread.

    A new name that finds no place gets that of the one used longest ago, if that was long enough ago.
    """

    def __init__(
        self,
        most: int,
        *,
        after_s: float,
        forget: Callable[[str], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
            most: names that are held.
            after_s: seconds without use after which a name may be replaced.
            forget: called with each name that is replaced.
            now_s: returns monotonic seconds.
        """
        self._most, self._after_s, self._forget, self._now_s = most, after_s, forget, now_s
        self._used_at: dict[str, float] = {}  # least recently used first

    def admit(self, name: str) -> bool:
        """Note that a name is used; return whether it has a place."""
        now = self._now_s()
        known = self._used_at.pop(name, None) is not None
        if not known and len(self._used_at) >= self._most:
            oldest, used_at = next(iter(self._used_at.items()))
            if now - used_at < self._after_s:
                return False
            del self._used_at[oldest]
            self._forget(oldest)
        self._used_at[name] = now
        return True

    def clear(self) -> None:
        """Forget every name."""
        while self._used_at:
            self._forget(self._used_at.popitem()[0])
