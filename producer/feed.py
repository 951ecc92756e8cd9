"""Coded pictures on their way from a camera to the decoder, read beside the decoding."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

import av

from producer.decoder import Decoder
from shared.errors import CameraError


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded picture.

    Attributes:
        packet: what the decoder gets; None: what came is no picture, or a part of one.
        key: it needs no picture before it.
        captured_at: when its last byte had been read, microseconds since the epoch.
        at_s: the same, monotonic seconds.
        breaks: those after it may refer to what is missing, up to the next that needs no other.
    """

    packet: "av.Packet[Any] | None"  # generic for type checkers only
    key: bool
    captured_at: int
    at_s: float
    breaks: bool = False


class Feed(Protocol):
    """An opened camera."""

    decoder: Decoder

    def pictures(self) -> Iterator[Coded]:
        """Yield its coded pictures as they come.

        Raises:
            CameraError: there are no more.
        """

    def close(self) -> None:
        """Take leave of the camera; called from another thread than `pictures`."""


class Intake(threading.Thread):
    """Reads beside the decoding, so that the time of reading is true and a backlog is seen."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(name="intake", daemon=True)
        self._feed = feed
        self._coded: SimpleQueue[Coded | CameraError] = SimpleQueue()

    def next(self) -> Coded:
        """Wait for the next coded picture.

        Raises:
            CameraError: there is none.
        """
        coded = self._coded.get()
        if isinstance(coded, CameraError):
            raise coded
        return coded

    def waiting(self) -> int:
        """Return the number of coded pictures that have been read and not taken."""
        return self._coded.qsize()

    def run(self) -> None:
        """Read until the camera fails."""
        try:
            for coded in self._feed.pictures():
                self._coded.put(coded)
        except CameraError as exc:
            self._coded.put(exc)
