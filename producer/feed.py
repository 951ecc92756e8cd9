"""Coded pictures on their way from a network camera to the decoder; reading runs in parallel with decoding."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

import av

from producer.decoder import Decoder
from shared.errors import CameraError


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture.

    Attributes:
        packet: the input of the decoder; None if the bytes are not a picture, or only a part of one.
        key: the picture refers to no earlier picture.
        captured_at: when its last byte had been read, microseconds since the epoch.
        at_s: the same moment, monotonic seconds.
        breaks: later pictures may refer to what is missing here, up to the next key picture.
    """

    packet: "av.Packet[Any] | None"  # generic for type checkers only
    key: bool
    captured_at: int
    at_s: float
    breaks: bool = False


class Feed(Protocol):
    """An opened network camera."""

    decoder: Decoder

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
        self._units: SimpleQueue[AccessUnit | CameraError] = SimpleQueue()

    def next(self) -> AccessUnit:
        """Wait for the next coded picture.

        Raises:
            CameraError: there are no more.
        """
        unit = self._units.get()
        if isinstance(unit, CameraError):
            raise unit
        return unit

    def waiting(self) -> int:
        """Return the number of coded pictures that have been read and not yet taken."""
        return self._units.qsize()

    def run(self) -> None:
        """Read until the camera fails."""
        try:
            for unit in self._feed.pictures():
                self._units.put(unit)
        except CameraError as exc:
            self._units.put(exc)
