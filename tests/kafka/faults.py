"""What a viewer sees of a fault."""

import threading
import time
from typing import Self

from tests.suite import Part, mjpeg
from tests.waiting import PATIENCE_S, wait_until

# After the end of a fault. The promise is 5 s, and the table has what was measured, mostly 1 to 2 s. A busy machine may
# need more now and then, and a test must not fail because of that.
LIVE_AGAIN_S = 30.0


class Viewer:
    """Watches one camera while the block runs, and keeps the newest part."""

    def __init__(self, port: int, camera: str) -> None:
        self.parts = 0
        self.newest: Part | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(port, f"/cameras/{camera}/stream"), daemon=True)

    @property
    def captured_at(self) -> float:
        """Return when the latest picture was captured, seconds since the epoch; 0 before the first."""
        return float(self.newest.headers.get("x-timestamp", 0)) if self.newest else 0.0

    @property
    def watches(self) -> bool:
        """Return whether the stream has not ended."""
        return self._thread.is_alive()

    def sees_something_newer(self, *, within_s: float = PATIENCE_S, ahead_s: float = 0.0) -> float:
        """Wait for a picture captured from now on; return the seconds until it arrives.

        Args:
            within_s: longest wait.
            ahead_s: how far the camera's clock is ahead of the test's.
        """
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
