"""Interleaved packetization of H.264 (RFC 6184, sections 5.5 to 5.8 and 7.2): units in another order than decoding."""

import heapq
import struct
from collections.abc import Iterator, Mapping

from producer.rtsp.rtp import TIMESTAMPS, RtpPacket

MOST_WAITING = 512  # units; sprop-interleaving-depth may be 32767
MOST_BYTES = 1 << 25  # of one unit
_STAP_B, _MTAP16, _MTAP24, _FU_A, _FU_B = 25, 26, 27, 28, 29
_NUMBERS = 1 << 16
_END = 0x40
_NUMBER = struct.Struct("!H")


class Deinterleaver:
    """Turns packets of the interleaved mode into packets with one unit each, in decoding order. Not thread-safe."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            parameters: of the session description's `fmtp`.
        """
        depth = parameters.get("sprop-interleaving-depth", "")
        self._depth = min(int(depth), MOST_WAITING) if depth.isdecimal() and len(depth) < 6 else 0
        self._waiting: list[tuple[int, int, RtpPacket, bool]] = []  # a heap: number, arrival, packet, gap
        self._arrivals = 0
        self._last_number: int | None = None
        self._fragment: list[bytes] = []
        self._fragment_number = 0
        self._gap = False

    def add(self, packet: RtpPacket, *, gap: bool) -> list[tuple[RtpPacket, bool]]:
        """Return the packets that are next in decoding order, each with whether something is missing in front of it."""
        self._gap = self._gap or gap
        if gap:
            self._fragment = []
        kind = packet.payload[0] & 31
        if kind == _FU_B or (kind == _FU_A and self._fragment):
            units = list(self._of_fragment(packet))
        elif kind in (_STAP_B, _MTAP16, _MTAP24):
            units = list(_aggregated(packet.payload, packet.timestamp, kind))
        else:  # without a number: of the other modes
            self._gap = False
            return [(packet, gap)]
        for at, (number, timestamp, unit) in enumerate(units):
            # With units in another order the marker does not end pictures: their timestamps do.
            marker = packet.marker and not self._depth and at == len(units) - 1
            single = RtpPacket(marker, packet.payload_type, packet.sequence, timestamp, unit)
            self._arrivals += 1
            heapq.heappush(self._waiting, (self._unwrapped(number), self._arrivals, single, self._gap))
            self._gap = False
        found = []
        while len(self._waiting) > self._depth:
            _, _, single, missing = heapq.heappop(self._waiting)
            found.append((single, missing))
        return found

    def _of_fragment(self, packet: RtpPacket) -> Iterator[tuple[int, int, bytes]]:
        """Yield the unit that a fragment completes."""
        payload = packet.payload
        if len(payload) < 2 or sum(map(len, self._fragment)) > MOST_BYTES:
            self._fragment, self._gap = [], True
            return
        if payload[0] & 31 == _FU_B:  # the first fragment
            if len(payload) < 4:
                self._gap = True
                return
            self._fragment_number = payload[2] << 8 | payload[3]
            self._fragment = [bytes(((payload[0] & 0xE0) | (payload[1] & 31),)), payload[4:]]
        elif self._fragment:
            self._fragment.append(payload[2:])
        else:
            self._gap = True
            return
        if payload[1] & _END:
            yield self._fragment_number, packet.timestamp, b"".join(self._fragment)
            self._fragment = []

    def _unwrapped(self, number: int) -> int:
        """Return a decoding order number as one that does not start again at 65,536."""
        if self._last_number is None:
            self._last_number = number
        ahead = (number - self._last_number + _NUMBERS // 2) % _NUMBERS - _NUMBERS // 2
        unwrapped = self._last_number + ahead
        self._last_number = max(self._last_number, unwrapped)
        return unwrapped


def _aggregated(payload: bytes, timestamp: int, kind: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, timestamp and bytes of each unit of an aggregation; what is cut off is left out."""
    if len(payload) < 3:
        return
    base, at = payload[1] << 8 | payload[2], 3
    extra = {_STAP_B: 0, _MTAP16: 3, _MTAP24: 4}[kind]  # bytes: difference of the number, offset of the timestamp
    position = 0
    while at + 2 + extra < len(payload):
        (size,) = _NUMBER.unpack_from(payload, at)
        difference = payload[at + 2] if extra else position
        offset = int.from_bytes(payload[at + 3 : at + 2 + extra], "big") if extra else 0
        # In an MTAP the size does not include number and offset (RFC 6184, figures 12 and 13).
        unit = payload[at + 2 + extra : at + 2 + extra + size]
        if not size or len(unit) < size:
            return
        yield (base + difference) % _NUMBERS, (timestamp + offset) % TIMESTAMPS, unit
        at, position = at + 2 + extra + size, position + 1
