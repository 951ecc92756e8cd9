"""Follows one camera over the page's WebSocket: every frame, with its header."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.suite import LOOPBACK
from tests.waiting import PATIENCE_S, wait_until


@dataclass(frozen=True)
class Seen:
    """A received frame: its arrival in monotonic seconds, and its header."""

    at: float
    head: dict[str, Any]

    def states(self) -> list[str]:
        """Return the states of the models that are drawn on it."""
        return [said["state"] for said in self.head["predictions"]]


class Page:
    """Watches a camera while the block runs."""

    def __init__(self, port: int, camera: str) -> None:
        self.frames: list[Seen] = []
        self._connecting = connect(f"ws://{LOOPBACK}:{port}/ws", max_size=None)
        self._camera = camera
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def shown(self, since: float = 0.0) -> list[Seen]:
        """Return the new frames that arrived since a monotonic time in seconds; repeated ones do not count."""
        return [seen for seen in list(self.frames) if seen.at >= since and not seen.head["repeated"]]

    def sees(self, state: str, *, within_s: float = PATIENCE_S) -> Seen:
        """Wait for a frame captured from now on with a model in that state; return it."""
        now_us, began = time.time() * 1e6, time.monotonic()
        found: list[Seen] = []

        def there() -> bool:
            found.extend(
                seen for seen in self.shown(began) if seen.head["captured_at"] > now_us and state in seen.states()
            )
            return bool(found)

        wait_until(there, f"a frame on which a model is {state!r}", within_s=within_s)
        return found[0]

    def __enter__(self) -> Self:
        self._socket = self._connecting.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connecting.__exit__(None, None, None)
        self._thread.join(PATIENCE_S)

    def _watch(self) -> None:
        self._say(type="watch", cameras={self._camera: {}})
        try:
            for message in self._socket:
                if isinstance(message, bytes):
                    size = int.from_bytes(message[:4], "big")
                    head = json.loads(message[4 : 4 + size])
                    self.frames.append(Seen(time.monotonic(), head))
                    self._say(type="ack", camera=head["camera"], run=head["run"], seq=head["seq"])
        except ConnectionClosed:
            return

    def _say(self, **message: object) -> None:
        self._socket.send(json.dumps(message))
