"""Coded pictures on their way from a network camera to the decoder; reading runs in parallel with decoding."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from producer.content import CameraJpeg, Content
from producer.limits import OUT_OF_MEMORY
from shared.clock import Instant
from shared.errors import CameraError, CameraLost

MOST_WAITING_BYTES = 64 << 20
"""Coded pictures that wait for the decoder; beyond that, reading waits too, and with it the camera."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture.

    Attributes:
        packet: the input of the decoder, an `av.Packet` or a picture that needs none; None if the bytes are not a
            picture, or only a part of one.
        key: the picture refers to no earlier picture.
        captured: when its last byte had been read.
        breaks: later pictures may refer to what is missing here, up to the next key picture.
        asked_s: when the camera was due to be asked for it, monotonic seconds; None if the camera sends by itself.
    """

    packet: Any
    key: bool
    captured: Instant
    breaks: bool = False
    asked_s: float | None = None

    @property
    def due_s(self) -> float:
        """When the picture is due, monotonic seconds: the time that a camera takes to answer must not thin it out."""
        return self.captured.monotonic_s if self.asked_s is None else self.asked_s

    @property
    def size_bytes(self) -> int:
        """Memory that the coded picture takes, about."""
        if isinstance(self.packet, CameraJpeg):
            return len(self.packet.data)
        return int(getattr(self.packet, "size", 0))


class PictureDecoder(Protocol):
    """Turns the packets of access units into pictures."""

    def decode(self, packet: Any, /) -> Iterator[Content]:
        """Yield the pictures that a packet releases."""


class Feed(Protocol):
    """An opened network camera.

    Attributes:
        reader: what reads it, such as `RTSP`.
        codec: of its pictures, as FFmpeg calls it.
    """

    reader: str
    codec: str

    @property
    def decoder(self) -> PictureDecoder:
        """The decoder of its packets."""

    def pictures(self) -> Iterator[AccessUnit]:
        """Yield the coded pictures as they arrive.

        Raises:
            CameraError: there are no more.
        """

    def close(self) -> None:
        """Sign off at the camera; called from another thread than `pictures`."""


class FeedReader(threading.Thread):
    """Reads a feed in its own thread, so that the capture time is exact and a backlog can be measured."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(name="feed-reader", daemon=True)
        self._feed = feed
        self._changed = threading.Condition()
        self._units: deque[AccessUnit] = deque()
        self._bytes = 0
        self._error: CameraError | None = None

    def next(self) -> AccessUnit:
        """Wait for the next coded picture.

        Raises:
            CameraError: there are no more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._units or self._error)
            if not self._units:
                raise self._error or CameraError
            unit = self._units.popleft()
            self._bytes -= unit.size_bytes
            self._changed.notify()
            return unit

    def waiting(self) -> int:
        """Return the number of coded pictures that have been read and not yet taken."""
        return len(self._units)

    def run(self) -> None:
        """Read until the camera fails."""
        try:
            for unit in self._feed.pictures():
                self._put(unit)
        except CameraError as exc:
            self._fail(exc)
        except MemoryError:
            self._fail(CameraLost(OUT_OF_MEMORY))

    def _fail(self, error: CameraError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify()

    def _put(self, unit: AccessUnit) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._units or self._bytes < MOST_WAITING_BYTES)
            self._units.append(unit)
            self._bytes += unit.size_bytes
            self._changed.notify()
