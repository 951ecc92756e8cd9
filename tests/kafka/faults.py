"""What a fault did to the picture, as a viewer sees it."""

import threading
import time
from typing import Self

from tests.suite import Part, mjpeg
from tests.waiting import PATIENCE_S, wait_until

# After a fault's end. Promised are 5 s, and the table has what was seen, mostly 1 to 2; a busy machine may need more
# now and then, and a test must not fail for that.
LIVE_AGAIN_S = 30.0


class Viewer:
    """Watches one camera for as long as the block runs; the newest part is kept."""

    def __init__(self, port: int, camera: str) -> None:
        self.parts = 0
        self.newest: Part | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(port, f"/cameras/{camera}/stream"), daemon=True)

    @property
    def captured_at(self) -> float:
        """Time of capture of the picture seen last, seconds since the epoch; 0: none was seen."""
        return float(self.newest.headers.get("x-timestamp", 0)) if self.newest else 0.0

    @property
    def watches(self) -> bool:
        """Whether the stream has not ended."""
        return self._thread.is_alive()

    def sees_something_newer(self, *, within_s: float = PATIENCE_S, ahead_s: float = 0.0) -> float:
        """Wait for a picture captured from now on, by a clock so far ahead; return the seconds that it took to come."""
        began, now = time.monotonic(), time.time() + ahead_s
        wait_until(lambda: self.captured_at > now, "a picture captured after this", within_s=within_s)
        return time.monotonic() - began

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)

    def _watch(self, port: int, path: str) -> None:
        for part in mjpeg(port, path, self._stop):
            self.newest = part
            self.parts += 1
