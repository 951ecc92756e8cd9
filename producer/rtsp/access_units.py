"""Puts RTP packets together to coded pictures, and knows which of them are damaged."""

from dataclasses import dataclass, field

from producer.rtsp.depacketizer import Depacketizer
from producer.rtsp.rtp import RtpPacket

MOST_BYTES = 1 << 25  # of one picture: a camera that never ends one must not fill the memory
_SEQUENCES = 1 << 16


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """One picture of a camera, as far as it came.

    Attributes:
        data: as decoders want it; empty: it is damaged.
        key: it needs no picture before it.
        captured_at: when its last byte had been read, microseconds since the epoch.
        at_s: the same, monotonic seconds.
    """

    data: bytes = field(repr=False)
    key: bool
    captured_at: int
    at_s: float


class AccessUnitAssembler:
    """Ends a picture at the marker bit; where a camera's marker bits say nothing, at the next one's timestamp.

    A picture is damaged if a packet of it is missing, or may be missing of what it refers to.
    """

    def __init__(self, payload: Depacketizer, payload_type: int) -> None:
        self._payload, self._type = payload, payload_type
        self._next_sequence: int | None = None
        self._timestamp: int | None = None  # of the picture that is under way
        self._ended: int | None = None  # timestamp of the one that a marker ended last
        self._markers_count = True
        self._gap_before = self._damaged = False
        self._bytes = 0
        self._read_at = (0, 0.0)

    def add(self, packet: RtpPacket, captured_at: int, at_s: float) -> list[CodedPicture]:
        """Return the pictures that a packet completes; mostly none or one.

        Args:
            packet: the next one; those of other payload types are none of the video.
            captured_at: when its last byte had been read, microseconds since the epoch.
            at_s: the same, monotonic seconds.
        """
        expected, sequence = self._next_sequence, packet.sequence
        if packet.payload_type != self._type or (expected is not None and sequence == (expected - 1) % _SEQUENCES):
            return []  # the latter: sent twice
        gap = expected is not None and sequence != expected
        self._next_sequence = (sequence + 1) % _SEQUENCES

        completed: list[CodedPicture] = []
        if self._timestamp is not None and packet.timestamp != self._timestamp:
            # In front of a gap: its end may be missing.
            self._damaged = self._damaged or gap
            completed += self._finish()
        if self._timestamp is None:
            self._begin(packet, gap=gap)
        else:
            self._damaged = self._damaged or gap
        self._read_at = captured_at, at_s
        self._bytes += len(packet.payload)
        if self._bytes > MOST_BYTES:
            self._payload.discard()
            self._damaged, self._bytes = True, 0
        if not self._payload.take(packet.payload):
            self._damaged = True
        if packet.marker and self._markers_count:
            completed += self._finish()
            self._ended = packet.timestamp
        return completed

    def _begin(self, packet: RtpPacket, *, gap: bool) -> None:
        first = self._payload.begins(packet.payload)
        if packet.timestamp == self._ended and not gap and not first:
            # It goes on with the picture that a marker ended: some cameras set one at the end of each part.
            self._markers_count = False
        self._timestamp = packet.timestamp
        self._gap_before = self._gap_before or gap
        self._damaged = not first

    def _finish(self) -> list[CodedPicture]:
        coded = None if self._damaged else self._payload.finish()
        self._timestamp = None
        if coded is None and not self._damaged:
            return []  # only parameter sets, which go in front of the picture that follows
        if coded is not None and self._gap_before and not coded.key:
            coded = None  # it may refer to a picture that never came
        if self._damaged:
            self._payload.discard()
        self._gap_before = self._damaged = False
        self._bytes = 0
        return [CodedPicture(coded.data if coded else b"", coded is not None and coded.key, *self._read_at)]
