"""H.264 (RFC 6184) and H.265 (RFC 7798) out of RTP: network abstraction layer units, put together in Annex B form."""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress

from producer.rtsp.depacketizer import Coded, UnsupportedStream

START_CODE = b"\x00\x00\x00\x01"
_RECOVERY_POINT = 6  # payload type of a supplemental message: pictures are right from here on, without an IDR


class NalUnits(ABC):
    """Puts payloads together; single units, aggregations and fragments."""

    codec: str
    head: int  # bytes of a unit's head
    units: range  # kinds of units that stand alone
    slices: range  # of those, the parts of pictures
    keys: range  # of those, the parts of pictures that need no other
    messages: int  # supplemental enhancement information
    aggregation: int
    fragments: int

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            parameters: of the session description's `fmtp`; its parameter sets go in front of the first picture.

        Raises:
            UnsupportedStream: units come in another order than that of decoding.
        """
        self._described = [START_CODE + unit for unit in self._parameter_sets(parameters)]
        self._parts: list[bytes] = []
        self._key = self._has_slice = self._in_fragments = False

    def begins(self, payload: bytes) -> bool:
        """Tell whether a payload is the first of its picture, as far as it can tell."""
        if len(payload) <= self.head:
            return False
        kind = self._kind(payload[0])
        if kind == self.aggregation:
            return self._begins_unit(payload[self.head + 2 :])
        if kind == self.fragments:
            first = payload[self.head + 1 : self.head + 2]
            return bool(payload[self.head] & 0x80) and self._begins_unit(self._whole_head(payload) + first)
        return self._begins_unit(payload)

    def take(self, payload: bytes) -> bool:
        """Add a payload to the picture; False: it is none, or what comes before it is missing."""
        if len(payload) <= self.head:
            return False
        kind = self._kind(payload[0])
        if kind == self.fragments:
            return self._take_fragment(payload)
        self._in_fragments = False
        if kind == self.aggregation:
            return self._take_aggregated(payload)
        if kind not in self.units:
            return False
        self._add(payload)
        return True

    def finish(self) -> Coded | None:
        """Return the picture and begin another; None: there are only parameter sets yet, which stay."""
        self._in_fragments = False
        if not self._has_slice:
            return None
        coded = Coded(b"".join((*self._described, *self._parts)), key=self._key)
        self._described.clear()
        self.discard()
        return coded

    def discard(self) -> None:
        """Begin another picture."""
        self._parts.clear()
        self._key = self._has_slice = self._in_fragments = False

    def _take_fragment(self, payload: bytes) -> bool:
        begin = payload[self.head + 1 :]
        if payload[self.head] & 0x80:
            self._in_fragments = True
            self._add(self._whole_head(payload) + begin)
            return True
        if not self._in_fragments:
            return False
        self._parts.append(begin)
        return True

    def _take_aggregated(self, payload: bytes) -> bool:
        at = self.head
        while at + 2 < len(payload):
            size = payload[at] << 8 | payload[at + 1]
            unit = payload[at + 2 : at + 2 + size]
            if len(unit) < size or len(unit) <= self.head:
                return False
            self._add(unit)
            at += 2 + size
        return at == len(payload)

    def _add(self, unit: bytes) -> None:
        kind = self._kind(unit[0])
        self._has_slice = self._has_slice or kind in self.slices
        self._key = self._key or kind in self.keys or (kind == self.messages and self._is_recovery_point(unit))
        self._parts += (START_CODE, unit)

    def _begins_unit(self, unit: bytes) -> bool:
        if len(unit) <= self.head:
            return False
        # The first bit of a slice's head says that it is the picture's first: first_mb_in_slice = 0 in H.264's code.
        return self._kind(unit[0]) not in self.slices or bool(unit[self.head] & 0x80)

    def _is_recovery_point(self, unit: bytes) -> bool:
        return any(kind == _RECOVERY_POINT for kind in _message_kinds(unit[self.head :]))

    @abstractmethod
    def _parameter_sets(self, parameters: Mapping[str, str]) -> Iterator[bytes]: ...

    @abstractmethod
    def _kind(self, first: int) -> int: ...

    @abstractmethod
    def _whole_head(self, payload: bytes) -> bytes:
        """Return the head of the unit that a fragment is of."""


class H264Depacketizer(NalUnits):
    """RFC 6184, packetization modes 0 and 1. Kinds of units: ITU-T H.264, table 7-1."""

    codec, head = "h264", 1
    units, slices, keys, messages, aggregation, fragments = range(1, 24), range(1, 6), range(5, 6), 6, 24, 28

    def _parameter_sets(self, parameters: Mapping[str, str]) -> Iterator[bytes]:
        if parameters.get("packetization-mode") == "2":
            raise UnsupportedStream("H.264 in interleaved packetization")
        return _decoded(parameters.get("sprop-parameter-sets", ""))

    def _kind(self, first: int) -> int:
        return first & 31

    def _whole_head(self, payload: bytes) -> bytes:
        return bytes(((payload[0] & 0xE0) | (payload[1] & 31),))


class H265Depacketizer(NalUnits):
    """RFC 7798, without decoding order numbers. Kinds of units: ITU-T H.265, table 7-1."""

    codec, head = "hevc", 2
    units, slices, keys, messages, aggregation, fragments = range(48), range(32), range(16, 24), 39, 48, 49

    def _parameter_sets(self, parameters: Mapping[str, str]) -> Iterator[bytes]:
        if parameters.get("sprop-max-don-diff", "0") != "0":
            raise UnsupportedStream("H.265 with decoding order numbers")
        return _decoded(",".join(parameters.get(f"sprop-{name}", "") for name in ("vps", "sps", "pps")))

    def _kind(self, first: int) -> int:
        return first >> 1 & 63

    def _whole_head(self, payload: bytes) -> bytes:
        return bytes(((payload[0] & 0x81) | (payload[2] & 63) << 1, payload[1]))


def _decoded(sets: str) -> Iterator[bytes]:
    for text in filter(None, (part.strip().rstrip("=") for part in sets.split(","))):
        with suppress(binascii.Error):  # it comes again within the stream
            yield base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _message_kinds(messages: bytes) -> Iterator[int]:
    """Yield the payload types of supplemental messages (H.264 section 7.3.2.3.1, H.265 section 7.3.5)."""
    at = 0
    while at + 2 < len(messages):  # two bytes of the end follow
        numbers = []
        for _ in ("type", "size"):
            number = 0
            while at < len(messages) and messages[at] == 0xFF:
                number, at = number + 255, at + 1
            if at >= len(messages):
                return
            numbers.append(number + messages[at])
            at += 1
        kind, size = numbers
        yield kind
        at += size
