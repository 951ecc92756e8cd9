"""Puts RTP packets together to access units, and recognises those that are damaged."""

import enum
import logging

import av

from producer.feed import AccessUnit
from producer.rtsp.depacketizer import Depacketizer, Position
from producer.rtsp.interleaving import Deinterleaver
from producer.rtsp.rtp import PacketOrder, RtpPacket
from shared.clock import Instant

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 25  # of one picture: a camera that never ends one must not fill the memory
ADOPT_AT_START, ADOPT_LATER = 5, 25  # packets in a row of a payload type that was not described


class _Markers(enum.Enum):
    """What is known about the marker bits of a camera."""

    UNPROVEN = "unproven"
    TRUE = "true"  # they end pictures
    IGNORED = "ignored"  # they end something else


class AccessUnitAssembler:
    """Ends a picture at the marker bit, or, where a camera's marker bits cannot be trusted, at the next timestamp.

    A picture is damaged if one of its packets is missing, or if one of a picture that it refers to may be missing.
    """

    def __init__(
        self, depacketizer: Depacketizer, payload_types: frozenset[int], deinterleaver: Deinterleaver | None = None
    ) -> None:
        self._depacketizer, self._types, self._deinterleaver = depacketizer, payload_types, deinterleaver
        self._order = PacketOrder()
        self._other_type, self._others, self._seen_any = -1, 0, False
        self._timestamp: int | None = None  # of the picture that is under way
        self._ended: int | None = None  # timestamp of the picture that a marker ended last
        self._markers = _Markers.UNPROVEN
        self._marked = False  # the picture under way seems to be complete
        self._unmarked_part = False  # a part of it ended without a marker
        self._at_start = True
        self._gap_before = self._damaged = False
        self._bytes = 0
        self._captured = Instant(0, 0.0)  # the last byte of the picture that is under way, so far

    def add(self, packet: RtpPacket, captured: Instant) -> list[AccessUnit]:
        """Return the pictures that a packet completes; mostly none or one.

        Args:
            packet: the next one that came.
            captured: when its last byte had been read.
        """
        if packet.payload_type not in self._types and not self._adopts(packet.payload_type):
            self._order.skip(packet.sequence)
            return []
        self._others, self._seen_any = 0, True
        completed: list[AccessUnit] = []
        for ordered, gap in self._order.add(packet, captured.monotonic_s):
            if not ordered.payload:
                completed += self._take_empty(ordered, gap=gap)
            elif self._deinterleaver:
                for single, missing in self._deinterleaver.add(ordered, gap=gap):
                    completed += self._take(single, captured, gap=missing)
            else:
                completed += self._take(ordered, captured, gap=gap)
        return completed

    def _adopts(self, payload_type: int) -> bool:
        """Return whether a payload type that was not described is the video's all the same."""
        self._others = self._others + 1 if payload_type == self._other_type else 1
        self._other_type = payload_type
        if self._others < (ADOPT_LATER if self._seen_any else ADOPT_AT_START):
            return False
        log.info("the camera sends its video with payload type %d, which it did not describe", payload_type)
        self._types = self._types | {payload_type}
        self._order = PacketOrder()
        self._note_gap()
        return True

    def _take_empty(self, packet: RtpPacket, *, gap: bool) -> list[AccessUnit]:
        """Take a packet of padding: it counts, and may bear the marker."""
        if gap:
            self._note_gap()
        if packet.marker and packet.timestamp == self._timestamp:
            return self._take_marker(packet.timestamp)
        return []

    def _take(self, packet: RtpPacket, captured: Instant, *, gap: bool) -> list[AccessUnit]:
        position = self._depacketizer.position(packet)
        if position is Position.IGNORED:
            return self._take_empty(packet, gap=gap)
        completed: list[AccessUnit] = []
        if self._timestamp is not None and self._ends_before(packet, position, gap=gap):
            # In front of a gap: its end may be missing.
            self._damaged = self._damaged or (gap and not self._marked)
            completed += self._finish()
        if self._timestamp is None:
            self._begin(packet, position, gap=gap)
        else:
            self._damaged = self._damaged or gap
        self._timestamp, self._captured = packet.timestamp, captured
        self._bytes += len(packet.payload)
        if self._bytes > MOST_BYTES:
            self._depacketizer.discard()
            self._damaged, self._bytes = True, 0
        if not self._depacketizer.take(packet):
            self._damaged = True
        if packet.marker:
            completed += self._take_marker(packet.timestamp)
        elif self._depacketizer.part_ended():
            self._unmarked_part = True
        return completed

    def _ends_before(self, packet: RtpPacket, position: Position, *, gap: bool) -> bool:
        """Return whether the picture under way has ended before a packet."""
        if packet.timestamp != self._timestamp:
            # Some cameras give the parts of a picture different timestamps.
            if position is Position.INNER and not gap and not self._marked:
                return False
            self._prove_markers()
            return True
        if not self._marked:
            return False
        if position is Position.FIRST or gap:
            self._prove_markers()
            return True
        self._distrust_markers()
        return False

    def _begin(self, packet: RtpPacket, position: Position, *, gap: bool) -> None:
        if position is Position.INNER and packet.timestamp == self._ended and not gap and not self._at_start:
            # It belongs to the picture that a marker ended: some cameras set one at the end of each part.
            self._distrust_markers()
        uncertain = gap or self._at_start or self._gap_before
        self._damaged = position is Position.INNER or (position is Position.UNKNOWN and uncertain)
        self._gap_before = self._gap_before or gap
        self._at_start = self._marked = self._unmarked_part = False

    def _take_marker(self, timestamp: int) -> list[AccessUnit]:
        if self._markers is _Markers.IGNORED:
            return []
        # A camera that marks each part would have marked the one that ended before.
        if self._markers is _Markers.TRUE or self._unmarked_part:
            self._markers = _Markers.TRUE
            self._ended = timestamp
            return self._finish()
        self._marked = True  # the next packet tells
        return []

    def _prove_markers(self) -> None:
        """Trust the markers once one was right about a whole key picture; smaller pictures may have one part only."""
        if self._marked and self._markers is _Markers.UNPROVEN and not self._damaged and self._depacketizer.is_key():
            self._markers = _Markers.TRUE

    def _distrust_markers(self) -> None:
        if self._markers is not _Markers.IGNORED:
            log.info("the camera sets marker bits within pictures: a picture ends when the next one begins")
        self._markers, self._marked = _Markers.IGNORED, False

    def _note_gap(self) -> None:
        if self._timestamp is None or self._marked:
            self._gap_before = True
        else:
            self._damaged = True

    def _finish(self) -> list[AccessUnit]:
        coded = None if self._damaged else self._depacketizer.finish()
        self._timestamp, self._marked = None, False
        if coded is None and not self._damaged:
            return []  # only parameter sets, which go in front of the picture that follows
        if self._damaged:
            self._depacketizer.discard()
        # After a gap a picture may refer to one that never came.
        broken = coded is None or (self._gap_before and not coded[1])
        self._gap_before = self._damaged = False
        self._bytes = 0
        if coded is None or broken:
            return [AccessUnit(None, False, self._captured, breaks=True)]
        return [AccessUnit(av.Packet(coded[0]), coded[1], self._captured)]
