"""H.264 (RFC 6184) and H.265 (RFC 7798) out of RTP: network abstraction layer units, put together in Annex B form."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from producer.rtsp.depacketizer import Position, UnsupportedStream
from producer.rtsp.parameter_sets import decoded
from producer.rtsp.rtp import RtpPacket

START_CODE = b"\x00\x00\x00\x01"
_ANY_START_CODE = re.compile(rb"\x00\x00\x01")
_LEADING_START_CODE = re.compile(rb"\x00*\x00\x00\x01")
_RECOVERY_POINT = 6  # payload type of a supplemental message: pictures are right from here on, without an IDR

_START, _END = 0x80, 0x40  # bits of the head of a fragment


class NalDepacketizer(ABC):
    """Puts payloads together: single units, aggregations and fragments.

    Cameras put start codes where there should be none, and several units into one: where no slice is found by the
    rules of the RFC, it is looked for behind start codes. No unit contains a start code by itself (ITU-T H.264, 7.4.1).
    """

    codec: str
    head: int  # bytes of the head of a unit
    units: range  # kinds of units that stand alone
    slices: range  # of those, the parts of pictures
    keys: range  # of those, the parts of pictures that refer to no other
    messages: int  # supplemental enhancement information
    leading: frozenset[int]  # kinds that come in front of the slices of a picture
    sets: int  # sequence parameter sets
    aggregation: int
    fragments: int

    def __init__(self, described: Iterable[str]) -> None:
        """Prepare.

        Args:
            described: parameter sets of the session description in Base64; those that make sense go in front of the
                first picture, unless it brings its own.
        """
        self._described = [
            START_CODE + unit
            for unit in map(_without_start_code, decoded(described))
            if self._kind(unit) in self.leading
        ]
        self._sets_start = False  # the camera marks the first fragment of a unit
        self._sets_end = True  # and the last one; believed until a picture ends without
        self._last_fragment: int | None = None  # the kind of unit that the last payload was a fragment of
        self.discard()

    def position(self, packet: RtpPacket) -> Position:
        """Return where in its picture a packet stands."""
        payload = packet.payload
        kind = self._kind(payload)
        if kind == self.fragments:
            return self._position_of_fragment(payload)
        if kind == self.aggregation:
            position = self._position_of_unit(payload[_behind_empty(payload, self.head) + 2 :])
            return Position.UNKNOWN if position is Position.IGNORED else position
        return self._position_of_unit(payload)

    def take(self, packet: RtpPacket) -> bool:
        """Add a packet to the picture; return False if it is damaged, or if what precedes it is missing."""
        payload = packet.payload
        kind = self._kind(payload)
        if kind == self.fragments:
            return self._take_fragment(payload)
        self._in_fragment, self._last_fragment = False, None
        self._slice_ended = False
        if kind == self.aggregation:
            return self._take_aggregation(payload, self.head)
        self._add(_without_start_code(payload))
        return True

    def part_ended(self) -> bool:
        """Return whether a slice ended with the last packet."""
        return self._slice_ended

    def is_key(self) -> bool:
        """Return whether the picture refers to no other one."""
        if not self._has_slice:
            self._look_behind_start_codes()
        return self._key

    def finish(self) -> tuple[bytes, bool] | None:
        """Return the picture, and whether it is a key picture; None if there are only parameter sets, which stay."""
        if self._in_fragment:
            self._sets_end = False
        self._in_fragment, self._last_fragment = False, None
        if not self._has_slice:
            self._look_behind_start_codes()
        if not self._has_slice:
            return None
        described = [] if self._has_sets else self._described
        coded = b"".join((*described, *self._parts)), self._key
        self._described = []
        self.discard()
        return coded

    def discard(self) -> None:
        """Begin another picture."""
        self._parts: list[bytes] = []
        self._key = self._has_slice = self._has_sets = self._in_fragment = self._may_hide = False
        self._last_fragment = None
        self._slice_ended = False

    def _position_of_fragment(self, payload: bytes) -> Position:
        if len(payload) <= self.head:
            return Position.IGNORED
        flags = payload[self.head]
        if self._in_fragment and self._last_fragment == flags & ~(_START | _END) and not self._begins_fragment(payload):
            return Position.INNER if self._sets_start else Position.UNKNOWN
        unit = _without_start_code(self._whole_head(payload) + payload[self.head + 1 :])
        if self._kind(unit) not in self.units:
            return Position.IGNORED
        if flags & _START:
            return self._position_of_unit(unit) if len(unit) > self.head else Position.UNKNOWN
        return Position.INNER if self._sets_start else Position.UNKNOWN

    def _take_fragment(self, payload: bytes) -> bool:
        if len(payload) <= self.head:
            return False
        begins, flags = self._begins_fragment(payload), payload[self.head]
        if not begins and not self._in_fragment and self._last_fragment is None:
            return False
        if begins:
            self._add(_without_start_code(self._whole_head(payload) + payload[self.head + 1 :]))
        else:
            self._parts.append(payload[self.head + 1 :])
        self._sets_start = self._sets_start or bool(flags & _START)
        ended = bool(flags & _END)
        self._slice_ended = ended and self._has_slice
        self._in_fragment, self._last_fragment = not ended, flags & ~(_START | _END)
        return True

    def _begins_fragment(self, payload: bytes) -> bool:
        """Return whether a fragment is the first of its unit, for cameras that do not mark it, or mark each."""
        if not payload[self.head] & _START:
            return not (self._sets_start or self._in_fragment)
        same = self._last_fragment == payload[self.head] & ~(_START | _END)
        return not (self._in_fragment and self._sets_end and same)

    def _take_aggregation(self, payload: bytes, at: int) -> bool:
        """Add the units of an aggregation; bytes that are left over are padding, unless they are a slice cut off.

        Empty units are passed over, wherever they are.
        """
        understood = False
        while at + 2 + self.head <= len(payload):
            size = payload[at] << 8 | payload[at + 1]
            unit = payload[at + 2 : at + 2 + size]
            if len(unit) < size:
                return understood and self._kind(unit) not in self.slices
            if size:
                self._add(_without_start_code(unit))
            understood, at = True, at + 2 + size
        return understood or _behind_empty(payload, at) == len(payload) > at

    def _add(self, unit: bytes) -> None:
        kind = self._kind(unit)
        self._note(kind)
        self._key = self._key or (kind == self.messages and self._is_recovery_point(unit))
        # A message may hold anything, a start code included (ONVIF media signing).
        self._may_hide = self._may_hide or (kind not in self.slices and kind != self.messages)
        self._parts += (START_CODE, unit)

    def _note(self, kind: int) -> None:
        self._slice_ended = kind in self.slices
        self._has_slice = self._has_slice or kind in self.slices
        self._has_sets = self._has_sets or kind == self.sets
        self._key = self._key or kind in self.keys

    def _look_behind_start_codes(self) -> None:
        if self._may_hide:
            data = b"".join(self._parts)
            for found in _ANY_START_CODE.finditer(data):
                self._note(self._kind(data[found.end() : found.end() + 1 + self.head]))

    def _position_of_unit(self, unit: bytes) -> Position:
        unit = _without_start_code(unit)
        kind = self._kind(unit)
        if kind not in self.units or len(unit) <= self.head:
            return Position.IGNORED
        if kind in self.leading:
            return Position.FIRST
        if kind not in self.slices:
            return Position.UNKNOWN
        # The first bit of a slice's head says that it is the picture's first: first_mb_in_slice = 0 in H.264's code.
        return Position.FIRST if unit[self.head] & 0x80 else Position.INNER

    def _is_recovery_point(self, unit: bytes) -> bool:
        return any(kind == _RECOVERY_POINT for kind in _message_kinds(unit[self.head :]))

    @abstractmethod
    def _kind(self, unit: bytes) -> int:
        """Return the kind of a unit, or -1 if it is empty."""

    @abstractmethod
    def _whole_head(self, payload: bytes) -> bytes:
        """Return the head of the unit that a fragment belongs to."""


class H264Depacketizer(NalDepacketizer):
    """RFC 6184, packetization modes 0 and 1. Kinds of units: ITU-T H.264, table 7-1."""

    codec, head = "h264", 1
    units, slices, keys, messages, aggregation, fragments = range(1, 24), range(1, 6), range(5, 6), 6, 24, 28
    leading, sets = frozenset({6, 7, 8, 9}), 7

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            parameters: of the session description's `fmtp`.
        """
        super().__init__([parameters.get("sprop-parameter-sets", "")])

    def _kind(self, unit: bytes) -> int:
        return unit[0] & 31 if unit else -1

    def _whole_head(self, payload: bytes) -> bytes:
        return bytes(((payload[0] & 0xE0) | (payload[1] & 31),))


class H265Depacketizer(NalDepacketizer):
    """RFC 7798, without decoding order numbers. Kinds of units: ITU-T H.265, table 7-1."""

    codec, head = "hevc", 2
    units, slices, keys, messages, aggregation, fragments = range(41), range(32), range(16, 24), 39, 48, 49
    leading, sets = frozenset({32, 33, 34, 35, 39}), 33

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            parameters: of the session description's `fmtp`.

        Raises:
            UnsupportedStream: units come in another order than that of decoding.
        """
        if parameters.get("sprop-max-don-diff", "0") != "0":
            raise UnsupportedStream("H.265 with decoding order numbers")
        super().__init__(parameters.get(f"sprop-{name}", "") for name in ("vps", "sps", "pps"))

    def _kind(self, unit: bytes) -> int:
        return unit[0] >> 1 & 63 if unit else -1

    def _whole_head(self, payload: bytes) -> bytes:
        return bytes(((payload[0] & 0x81) | (payload[2] & 63) << 1, payload[1]))


def _behind_empty(payload: bytes, at: int) -> int:
    """Return where the first unit with a size begins in an aggregation, or the end of the payload."""
    while payload[at : at + 2] == b"\0\0":
        at += 2
    return at


def _without_start_code(unit: bytes) -> bytes:
    if unit[:2] != b"\0\0":
        return unit
    found = _LEADING_START_CODE.match(unit)
    return unit[found.end() :] if found else unit


def _message_kinds(messages: bytes) -> Iterable[int]:
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
