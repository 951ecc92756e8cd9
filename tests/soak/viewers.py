"""The viewers: good ones, which check that everything is live, and bad ones."""

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.suite import LOOPBACK, mjpeg

AGAIN_S = 0.2  # between two tries to connect
LOOK_S = 0.5


@dataclass(frozen=True)
class Seen:
    """The newest picture of a camera that came; both times in seconds since the epoch.

    Attributes:
        captured_at: when the camera's picture had been read.
        labelled_at: when that was which its label is about; 0: it bears none, or a notice.
    """

    captured_at: float = 0.0
    labelled_at: float = 0.0


class Viewer(ABC):
    """Watches one replica of `video` while the block runs, and reconnects when it is disconnected."""

    def __init__(self, name: str, port: int, cameras: Iterable[str]) -> None:
        self.name, self.port, self.cameras = name, port, tuple(cameras)
        self.pictures = 0
        self.endings: list[str] = []
        """Why each connection ended that had shown a picture."""
        self.newest: dict[str, Seen] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def watch(self) -> Iterator[tuple[str, Seen]]:
        """Yield the pictures of one connection."""

    def is_live(self, since: float) -> bool:
        """Return whether a picture of each camera has arrived that was captured after a time."""
        return all(self.newest.get(camera, Seen()).captured_at > since for camera in self.cameras)

    def missing(self, since: float) -> list[str]:
        """Return the cameras of which no such picture has come."""
        return [camera for camera in self.cameras if self.newest.get(camera, Seen()).captured_at <= since]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            reason, before = "the stream ended", self.pictures
            try:
                for camera, seen in self.watch():
                    self.newest[camera] = seen
                    self.pictures += 1
                    if self._stop.is_set():
                        return
            except (OSError, EOFError, http.client.HTTPException, WebSocketException, AssertionError) as exc:
                reason = repr(exc)
            if self._stop.is_set():
                return
            if self.pictures > before:
                self.endings.append(reason)
            self._stop.wait(AGAIN_S)


class Stream(Viewer):
    """Reads the MJPEG stream of one camera."""

    def watch(self) -> Iterator[tuple[str, Seen]]:
        """Yield each picture; such a stream tells nothing of labels."""
        (camera,) = self.cameras
        for part in mjpeg(self.port, f"/cameras/{camera}/stream", self._stop):
            yield camera, Seen(float(part.headers.get("x-timestamp", 0)))


class Page(Viewer):
    """Reads all cameras over `/ws`, as the page does."""

    def is_live(self, since: float) -> bool:
        """As above; and a label was drawn on it that is about a picture captured after that time."""
        return all(self.newest.get(camera, Seen()).labelled_at > since for camera in self.cameras)

    def missing(self, since: float) -> list[str]:
        """As above."""
        return [camera for camera in self.cameras if self.newest.get(camera, Seen()).labelled_at <= since]

    def watch(self) -> Iterator[tuple[str, Seen]]:
        """Yield each picture, and acknowledge it."""
        with connect(f"ws://{LOOPBACK}:{self.port}/ws", max_size=None) as page:
            page.send(json.dumps({"type": "watch", "cameras": "all"}))
            while not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    message = page.recv(timeout=LOOK_S)
                    if isinstance(message, bytes):
                        size = int.from_bytes(message[:4], "big")
                        header = json.loads(message[4 : 4 + size])
                        named = {name: header[name] for name in ("camera", "run", "seq")}
                        page.send(json.dumps({"type": "ack", **named}))
                        yield header["camera"], _seen(header)


def _seen(header: dict[str, Any]) -> Seen:
    about = [said["captured_at"] for said in header["predictions"] if said["label"] and said["state"] == "ok"]
    labelled = not header["notice"] and len(about) == len(header["predictions"]) > 0
    return Seen((header["captured_at"] or 0) / 1e6, min(about) / 1e6 if labelled else 0.0)


@contextlib.contextmanager
def who_never_read(port: int, camera: str, *, number: int) -> Iterator[None]:
    """Request this many streams, and never read a byte of them."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(_asking(port, camera))
        yield


def who_vanish(port: int, camera: str, *, number: int, after_s: float) -> None:
    """Request this many streams, and reset the connections in the middle of a picture (RST)."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_asking(port, camera)) for _ in range(number)]
        time.sleep(after_s)
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _asking(port: int, camera: str) -> socket.socket:
    one = socket.create_connection((LOOPBACK, port))
    one.sendall(f"GET /cameras/{camera}/stream HTTP/1.1\r\nHost: soak\r\n\r\n".encode())
    return one
