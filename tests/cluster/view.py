"""What users see at port 30163: labelled frames, and a viewer that reconnects by itself."""

import http.client
import threading
import time
from contextlib import suppress
from itertools import pairwise
from typing import Any, Self

from tests.suite import LOOPBACK, get_json, mjpeg
from tests.waiting import PATIENCE_S, wait_until

PORT = 30163
PAGE = f"http://{LOOPBACK}:{PORT}"
SHOWN = {"Egyptian cat", "tabby, tabby cat", "tiger cat", "lynx, catamount", "espresso", "cup", "coffee mug"}
"""What the model may say of the film."""
AGAIN_S = 0.05  # a viewer that was cut off waits as long


def labelled(after_us: int = 0, camera: str = "camera") -> dict[str, Any] | None:
    """Return the newest frame's account of itself, if it was captured after a time and bears a label of its own age."""
    frame = get_json(f"{PAGE}/cameras/{camera}/predictions")
    if frame is None or frame["captured_at"] < after_us:
        return None
    states = [prediction["state"] for prediction in frame["predictions"]]
    seen = [prediction["captured_at"] or 0 for prediction in frame["predictions"]]
    return dict(frame) if states and set(states) == {"ok"} and min(seen) >= after_us else None


def until_labelled(*, within_s: float, after_us: int = 0) -> float:
    """Wait for a fresh labelled frame; return the seconds that it took."""
    began = time.monotonic()
    wait_until(lambda: labelled(after_us), "a fresh labelled frame at port 30163", within_s=within_s)
    return time.monotonic() - began


class Viewer:
    """Watches a camera's MJPEG, and reconnects whenever it is disconnected."""

    def __init__(self, path: str = "/cameras/camera/stream") -> None:
        self.at_s: list[float] = []
        """When each new picture was there, repeated ones left out: monotonic seconds."""
        self.connections = 0
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: len(self.at_s) > 5, "a viewer sees frames")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)

    def longest_gap_s(self) -> float:
        """Return the longest time between two new pictures."""
        return max(after - before for before, after in pairwise(self.at_s))

    def _watch(self) -> None:
        newest = ""
        while not self._stop.is_set():
            shown = len(self.at_s)
            with suppress(OSError, http.client.HTTPException, AssertionError):  # the last: cut off within a part
                for part in mjpeg(PORT, self._path, self._stop):
                    if part.headers.get("x-timestamp", newest) != newest:
                        self.at_s.append(time.monotonic())
                    newest = part.headers.get("x-timestamp", newest)
            self.connections += len(self.at_s) > shown
            time.sleep(AGAIN_S)
