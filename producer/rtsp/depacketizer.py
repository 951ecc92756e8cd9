"""The interface of an RTP depacketizer, which assembles coded pictures from payloads."""

import enum
from typing import Protocol

from producer.rtsp.rtp import RtpPacket
from shared.errors import CameraError


class UnsupportedStream(Exception):
    """This reader gives up, and FFmpeg's is tried; the message gives the reason."""

    def __init__(self, reason: str, *, transport: str = "tcp", failure: CameraError | None = None) -> None:
        """Prepare.

        Args:
            reason: why this reader gives up.
            transport: of RTP, as FFmpeg calls it.
            failure: the reported error if FFmpeg cannot read the camera either; None: FFmpeg's own error.
        """
        super().__init__(reason)
        self.transport, self.failure = transport, failure


class Position(enum.Enum):
    """Where in its picture a packet stands, as far as the packet itself tells."""

    FIRST = "first"  # the picture begins here
    INNER = "inner"  # something of the same picture comes before it
    UNKNOWN = "unknown"
    IGNORED = "ignored"  # the packet holds nothing of a picture


class Depacketizer(Protocol):
    """Puts the payloads of packets together to pictures."""

    codec: str
    """FFmpeg's name of the decoder."""

    def position(self, packet: RtpPacket) -> Position:
        """Return where in its picture a packet stands; called before `take`."""

    def take(self, packet: RtpPacket) -> bool:
        """Add a packet to the picture; return False if it is damaged, or if what precedes it is missing."""

    def part_ended(self) -> bool:
        """Return whether the last packet ended a part of a picture that odd cameras may set a marker at."""

    def is_key(self) -> bool:
        """Return whether the picture, as far as it has arrived, refers to no other one."""

    def finish(self) -> tuple[bytes, bool] | None:
        """Return the picture, and whether it refers to no other one, and begin another.

        None if there is no picture yet; what there is stays for it.
        """

    def discard(self) -> None:
        """Begin another picture."""
