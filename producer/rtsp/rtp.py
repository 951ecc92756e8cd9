"""The head of an RTP packet (RFC 3550, section 5.1), and the order of packets (appendix A.1)."""

import struct
from dataclasses import dataclass, field

_FIXED = struct.Struct("!BBHII")  # version, padding, extension, CSRC count; marker, type; sequence; timestamp; SSRC
_VERSION = 2

SEQUENCES, TIMESTAMPS = 1 << 16, 1 << 32
MOST_REORDERED = 32  # a packet that is further ahead is not one that overtook another: the numbers jumped
MOST_HELD, LONGEST_HELD_S = 8, 0.1  # packets that wait for one that may have been overtaken
REMEMBERED = 1024  # packets that are known again when they come twice: more than a key picture has
_TEN_SECONDS = 10 * 90_000  # of timestamps of video (RFC 6184, RFC 7798 and RFC 2435: 90 kHz)


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """A part of a coded picture.

    Attributes:
        marker: this is the last part of the picture.
        payload_type: as in the description of the session.
        sequence: 16 bits, counts packets.
        timestamp: 32 bits, the same in all parts of a picture.
        payload: without heads and padding.
        extension: the header extension from its own head on; empty if there is none.
    """

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    payload: bytes = field(repr=False)
    extension: bytes = field(default=b"", repr=False)


def parse(data: bytes) -> RtpPacket | None:
    """Return the packet in `data`, or None if it is not RTP; lengths that cannot be are read as FFmpeg reads them."""
    if len(data) < _FIXED.size:
        return None
    first, second, sequence, timestamp, _ = _FIXED.unpack_from(data)
    if first >> 6 != _VERSION:
        return None
    begin, end, extension = _FIXED.size, len(data), b""
    if first & 0x3F:
        if first & 0x20 and begin + data[-1] <= end:  # padding: its length is its last byte
            end -= data[-1]
        begin += 4 * (first & 15)
        if first & 0x10:  # an extension: two bytes of its own kind, two with its length in words
            size = 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
            extension = data[begin : min(end, begin + size)]
            begin += size
    return RtpPacket(bool(second & 0x80), second & 0x7F, sequence, timestamp, data[begin:end], extension)


class PacketOrder:
    """Puts packets in order, drops duplicates, and detects gaps. Not thread-safe."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._timestamp = 0  # of the packet that was delivered last
        self._held: dict[int, RtpPacket] = {}
        self._held_since_s = 0.0
        self._skipped: set[int] = set()
        self._counts_apart = False  # packets of other types have numbers of their own
        self._recent: list[tuple[int, int]] = [(-1, 0)] * REMEMBERED  # number and timestamp
        self._first: RtpPacket | None = None

    def skip(self, sequence: int) -> None:
        """Note the number of a packet that is not part of the video; some cameras count it with the video's."""
        if (
            not self._counts_apart
            and self._expected is not None
            and (sequence - self._expected) % SEQUENCES < MOST_REORDERED
        ):
            self._skipped.add(sequence)

    def add(self, packet: RtpPacket, at_s: float) -> list[tuple[RtpPacket, bool]]:
        """Return the packets that are next in order, each with whether something is missing in front of it.

        Args:
            packet: the one that came.
            at_s: when, monotonic seconds.
        """
        if self._skipped:
            self._pass_skipped(packet.sequence)
        expected = self._expected
        if expected is None:
            return self._begin(packet, at_s)
        ahead = (packet.sequence - expected) % SEQUENCES
        if ahead == 0:
            found = [self._deliver(packet, gap=False)]
            return found + self._released(at_s) if self._held else found
        if ahead < MOST_REORDERED:
            if not self._held:
                self._held_since_s = at_s
            self._held[packet.sequence] = packet
            return self._released(at_s)
        if ahead >= SEQUENCES - REMEMBERED and not self._restarts(packet):
            return []
        found = self._flush()  # the numbers jump
        return [*found, self._deliver(packet, gap=True)]

    def _begin(self, packet: RtpPacket, at_s: float) -> list[tuple[RtpPacket, bool]]:
        """Wait for the second packet of all: the first one may have overtaken it."""
        first, self._first = self._first, packet
        if first is None:
            return []
        self._first = None
        if packet.sequence == (first.sequence - 1) % SEQUENCES:
            return [self._deliver(packet, gap=False), self._deliver(first, gap=False)]
        return [self._deliver(first, gap=False), *self.add(packet, at_s)]

    def _deliver(self, packet: RtpPacket, *, gap: bool) -> tuple[RtpPacket, bool]:
        self._expected = (packet.sequence + 1) % SEQUENCES
        self._timestamp = packet.timestamp
        self._recent[packet.sequence % REMEMBERED] = packet.sequence, packet.timestamp
        if self._skipped:
            # A number that comes twice, once for the video: the others are counted on their own.
            self._counts_apart = self._counts_apart or packet.sequence in self._skipped
            if gap or self._counts_apart:
                self._skipped.clear()
        return packet, gap

    def _pass_skipped(self, sequence: int) -> None:
        while self._skipped and self._expected != sequence and self._expected in self._skipped:
            self._skipped.discard(self._expected)
            self._expected = (self._expected + 1) % SEQUENCES

    def _released(self, at_s: float) -> list[tuple[RtpPacket, bool]]:
        """Return the packets that need not wait any longer."""
        found: list[tuple[RtpPacket, bool]] = []
        while self._held:
            self._pass_skipped(next(iter(self._held)))
            packet = self._held.pop(self._expected or 0, None)
            if packet is None:
                break
            found.append(self._deliver(packet, gap=False))
        if len(self._held) > MOST_HELD or (self._held and at_s - self._held_since_s > LONGEST_HELD_S):
            found += self._flush()
        return found

    def _flush(self) -> list[tuple[RtpPacket, bool]]:
        """Give up waiting for what is missing."""
        expected = self._expected or 0
        waiting = sorted(self._held.values(), key=lambda packet: (packet.sequence - expected) % SEQUENCES)
        self._held.clear()
        return [self._deliver(packet, gap=packet.sequence != self._expected) for packet in waiting]

    def _restarts(self, packet: RtpPacket) -> bool:
        """Return whether a number of the past is that of a new packet: the camera began to count again."""
        if self._recent[packet.sequence % REMEMBERED] == (packet.sequence, packet.timestamp):
            return False
        passed = (packet.timestamp - self._timestamp) % TIMESTAMPS
        return 0 < passed < TIMESTAMPS - _TEN_SECONDS
