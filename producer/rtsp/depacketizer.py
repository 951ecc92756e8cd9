"""What every way to carry coded pictures in RTP has in common."""

from dataclasses import dataclass, field
from typing import Protocol


class UnsupportedStream(Exception):
    """The camera sends in a way that is left to FFmpeg; the message says which."""

    def __init__(self, what: str, *, transport: str = "tcp") -> None:
        super().__init__(what)
        self.transport = transport


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded picture.

    Attributes:
        data: as decoders want it.
        key: it needs no picture before it.
    """

    data: bytes = field(repr=False)
    key: bool


class Depacketizer(Protocol):
    """Puts payloads together to pictures."""

    codec: str
    """As FFmpeg calls its decoder."""

    def begins(self, payload: bytes) -> bool:
        """Tell whether a payload is the first of its picture, as far as it can tell."""

    def take(self, payload: bytes) -> bool:
        """Add a payload to the picture; False: it is none, or what comes before it is missing."""

    def finish(self) -> Coded | None:
        """Return the picture and begin another; None: there is none yet."""

    def discard(self) -> None:
        """Begin another picture."""
