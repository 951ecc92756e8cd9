"""A viewer that keeps what it receives: MJPEG over HTTP, or over a bare connection."""

import socket
import threading
import time
from dataclasses import dataclass, field

from bench.client import LOOPBACK

MAX_LINE = 65_536


@dataclass(frozen=True)
class Received:
    """One picture.

    Attributes:
        at: when its last byte came, seconds since the epoch.
        captured_at: by its header X-Timestamp; None without one.
        jpeg: the picture.
    """

    at: float
    captured_at: float | None
    jpeg: bytes = field(repr=False)


class Watcher:
    """Reads one stream in a thread while the block runs."""

    def __init__(self, port: int, request: bytes) -> None:
        """Prepare.

        Args:
            port: of the server, on this machine.
            request: what to send first; may be empty.
        """
        self._port, self._request = port, request
        self._lock, self._received = threading.Lock(), list[Received]()
        self._socket = socket.socket()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def taken(self) -> list[Received]:
        """Return the pictures received since the last call."""
        with self._lock:
            received, self._received = self._received, []
        return received

    def __enter__(self) -> "Watcher":
        self._socket.connect((LOOPBACK, self._port))
        self._socket.sendall(self._request)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _watch(self) -> None:
        size, captured_at = 0, None
        try:
            stream = self._socket.makefile("rb", 1 << 20)
            # The original pads its pictures with zeros: whatever is not a header is skipped, up to the next line.
            while line := stream.readline():
                if line.startswith(b"HTTP/") and b" 200 " not in line:
                    return  # it is refused, and whoever waits for pictures says that there are none
                name, _, value = line.strip().partition(b":")
                match name.lower():
                    case b"content-length":
                        size = int(value)
                    case b"x-timestamp":
                        captured_at = float(value) or None  # the original's is always 0
                    case b"" if size:
                        jpeg = stream.read(size)
                        picture = Received(time.time(), captured_at, jpeg)
                        with self._lock:
                            self._received.append(picture)
                        size, captured_at = 0, None
        except (OSError, ValueError):
            return  # closed
