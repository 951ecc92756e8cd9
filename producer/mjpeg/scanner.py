"""Finds the JPEGs in a stream of bytes, whatever is between them.

Content decides: a picture begins with SOI and ends with EOI, found by walking its segments (ITU T.81, annex B).
Boundaries and lengths, which cameras get wrong, only help where a picture lacks its EOI.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from producer.content import CameraJpeg, Undecodable
from producer.mjpeg import part_text

MOST_PICTURE_BYTES = 32 << 20
"""A JPEG of 36 million pixels, the largest that is accepted, has about 20 MB at quality 95."""
MOST_HEAD_BYTES = 1 << 16
"""Text between two pictures that is kept: the head of a part."""
TOLERATED_BYTES = 64
"""A part may be so much shorter than its Content-Length says and still count as complete without its EOI."""

_SOI, _EOI, _BEGIN = b"\xff\xd8", b"\xff\xd9", b"\xff\xd8\xff"
_D8, _D9, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_RESTARTS = range(0xD0, 0xD8)
_BETWEEN_SCANS = frozenset({0xC4, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE})
"""Markers that may follow a scan (figure B.2): DHT, SOS, DQT, DNL, DRI, APPn, COM."""
_IN_SCAN = frozenset({0x00, *range(0xD0, 0xD8)})
"""What follows an FF inside a scan: stuffing or a restart marker (B.1.1.5); anything else but a fill byte ends it."""
_LINE_ENDS = (b"", b"\r\n", b"\n")
_ENDINGS = (_EOI, _EOI + b"\r\n")
_SMALL_BYTES = 4096
_SMALLEST_BYTES = 100  # a JPEG of one grey block, tables included, has more


class TooLarge(Exception):
    """A picture does not end within MOST_PICTURE_BYTES."""


class _Mode(Enum):
    BETWEEN = auto()  # before SOI
    SEGMENTS = auto()  # among segments with a length
    SCAN = auto()  # in entropy-coded data


@dataclass(slots=True)
class Seen:
    """What the scanner has seen, for the line that reports why there is no picture."""

    pictures: int = 0
    undecodable: int = 0
    without_end: int = 0
    other_bytes: int = 0


@dataclass(slots=True)
class JpegScanner:
    """Cuts a stream into JPEGs. Not thread-safe: use from one thread.

    Attributes:
        boundary: of the multipart, as the response's head declares it; empty if it declares none.
        seen: what has been found so far.
    """

    boundary: bytes = b""
    seen: Seen = field(default_factory=Seen)
    _buffer: bytearray = field(default_factory=bytearray)
    _at: int = 0
    _mode: _Mode = _Mode.BETWEEN
    _scan_from: int = 0  # of the first scan; 0: none yet
    _length: int = 0  # of the part, by its head; 0: unknown
    _exact_lengths: bool = False  # the last picture with EOI ended where its Content-Length said
    _last_bytes: int = 0  # of the last picture
    _trusts_length: bool = False  # the last picture without EOI did
    _token: bytes = b""
    _part_at: int | None = None  # of the last part head that declares a picture

    def __post_init__(self) -> None:
        """Remember the boundary without the dashes that some cameras declare with it."""
        token = self.boundary.strip(b"- \t")
        self._token = token if len(token) >= part_text.SHORTEST_TOKEN else b""

    @property
    def inside(self) -> bool:
        """Whether a picture has begun and not ended."""
        return self._mode is not _Mode.BETWEEN

    @property
    def missing(self) -> int:
        """Bytes that are likely to come before the picture ends; 1 if that is not known, or if they are few."""
        missing = self._length - len(self._buffer) - _SMALL_BYTES
        return missing if missing > _SMALL_BYTES and self.inside and self._exact_lengths else 1

    @property
    def beginning(self) -> bytes:
        """The first bytes that have not been assigned to a picture."""
        return bytes(self._buffer[:64])

    def add(self, data: bytes | bytearray) -> Iterator[CameraJpeg | Undecodable]:
        """Add bytes; yield the pictures that they complete, and a mark for parts that are not pictures.

        Args:
            data: what has come; a bytearray is the scanner's from now on.

        Raises:
            TooLarge: a picture does not end.
        """
        if isinstance(data, bytearray) and self._mode is _Mode.BETWEEN and self._buffer in _LINE_ENDS:
            self._skip(len(self._buffer))
            self._buffer, self._at = data, 0  # not copied
        else:
            self._buffer += data
        while (found := self._next()) is not None:
            if isinstance(found, CameraJpeg):
                self.seen.pictures += 1
            else:
                self.seen.undecodable += 1
            yield found
        if len(self._buffer) > MOST_PICTURE_BYTES:
            raise TooLarge

    def finish(self) -> CameraJpeg | None:
        """Return the picture without EOI that the end of the stream completes; None if there is none."""
        ends_whole = self._length or self.seen.pictures == self.seen.without_end
        if self._mode is not _Mode.SCAN or not ends_whole or self._cut_short(len(self._buffer)):
            return None
        self.seen.pictures += 1
        picture = self._cut(len(self._buffer))
        return picture if isinstance(picture, CameraJpeg) else None

    def _next(self) -> CameraJpeg | Undecodable | None:
        while True:
            if self.inside and (picture := self._whole()) is not None:
                return picture
            mode = self._mode
            found: CameraJpeg | Undecodable | None
            match mode:
                case _Mode.BETWEEN:
                    found = self._find_begin()
                case _Mode.SEGMENTS:
                    found = self._walk()
                case _Mode.SCAN:
                    found = self._find_end()
            if found is not None or self._mode is mode:
                return found

    def _find_begin(self) -> Undecodable | None:
        if len(self._buffer) < len(_BEGIN):  # as after most pictures
            return None
        begin = self._buffer.find(_BEGIN, self._at)
        stop = begin if begin >= 0 else len(self._buffer)
        search_from = max(0, self._at - part_text.LONGEST_IMAGE_HEAD)
        while head := part_text.IMAGE_HEAD.search(self._buffer, search_from, stop):
            previous, self._part_at = self._part_at, head.start()
            if previous is not None and previous < head.start():  # there was no picture in the part before
                self._at = head.end()
                self._skip(head.start())
                return Undecodable()
            search_from = head.end()
        if begin < 0:
            self._at = max(0, len(self._buffer) - len(_BEGIN) + 1)
            self._skip(max(0, len(self._buffer) - MOST_HEAD_BYTES))
            return None
        self._read_head(bytes(self._buffer[:begin]))
        self._skip(begin)
        self._mode, self._at, self._scan_from, self._part_at = _Mode.SEGMENTS, len(_SOI), 0, None
        return None

    def _skip(self, count: int) -> None:
        self.seen.other_bytes += count
        del self._buffer[:count]
        self._at = max(0, self._at - count)
        if self._part_at is not None:
            self._part_at = self._part_at - count if self._part_at >= count else None

    def _read_head(self, text: bytes) -> None:
        self._length = part_text.length(text)
        self._token = part_text.token(text) or self._token

    def _whole(self) -> CameraJpeg | None:
        """Return the picture if all of it is there, by a length of the kind that was right the last time."""
        length = self._length
        if not self._exact_lengths or not _SMALLEST_BYTES <= length <= 2 * self._last_bytes + _SMALL_BYTES:
            return None
        # Every byte before it need not be looked at.
        return self._take(length) if self._buffer[length - 2 : length] == _EOI else None

    def _walk(self) -> CameraJpeg | Undecodable | None:
        """Walk from segment to segment, up to the next scan or the end."""
        buffer = self._buffer
        while True:
            while buffer[self._at : self._at + 2] == b"\xff\xff":  # fill bytes (B.1.1.2)
                self._at += 1
            if self._at + 2 > len(buffer):
                return None
            marker = buffer[self._at + 1]
            if buffer[self._at] != 0xFF or not marker:
                return self._broken()
            if marker == _D9 and self._scan_from:
                return self._take(self._at + 2)
            if marker == _D8 and not self._scan_from:  # SOI twice
                self._skip(self._at)
                self._at = len(_SOI)
            elif marker == _TEM or marker in _RESTARTS:
                self._at += 2
            elif marker in {_D8, _D9}:
                return self._broken()
            else:
                if self._at + 4 > len(buffer):
                    return None
                length = buffer[self._at + 2] << 8 | buffer[self._at + 3]
                if length < 2:
                    return self._broken()
                self._at += 2 + length
                if marker == _SOS:
                    self._scan_from = self._scan_from or self._at
                    self._mode = _Mode.SCAN
                    return None

    def _broken(self) -> Undecodable | None:
        """Continue behind bytes that only looked like the beginning of a picture, or of a segment behind a scan."""
        if self._scan_from:
            self._mode, self._at = _Mode.SCAN, self._at + 1
            return None
        self._skip(len(_SOI))
        self._mode, self._at = _Mode.BETWEEN, 0
        return Undecodable()

    def _find_end(self) -> CameraJpeg | Undecodable | None:
        buffer = self._buffer
        if self._exact_lengths and self._scan_from < self._length <= 2 * self._last_bytes + _SMALL_BYTES:
            if len(buffer) < self._length and not buffer.endswith(_ENDINGS):
                return None
            self._exact_lengths = False
        at = self._at
        while (at := buffer.find(b"\xff", at)) >= 0 and at + 1 < len(buffer):
            marker = buffer[at + 1]
            if marker in _IN_SCAN:
                at += 2
            elif marker == _D9:
                self._exact_lengths = at + 2 == self._length
                return self._take(at + 2)
            elif marker == _D8:
                return self._cut(self._end_before(at))
            elif marker in _BETWEEN_SCANS:
                self._at, self._mode = at, _Mode.SEGMENTS
                return None
            else:  # a fill byte, or damaged data, which decoders tolerate as well
                at += 1
        return self._find_end_without_marker(at if at >= 0 else len(buffer))

    def _find_end_without_marker(self, searched: int) -> CameraJpeg | Undecodable | None:
        """Look for the end of a picture without EOI; `searched` bytes contain no marker."""
        end = None
        if self.seen.pictures == self.seen.without_end:  # else the camera's pictures have their EOI
            end = self._end_by_boundary(max(self._scan_from, self._at - len(self._token)), len(self._buffer))
        if end is None and self._trusts_length and self._scan_from < self._length <= len(self._buffer):
            end = self._length
        self._at = max(self._at, searched)
        return None if end is None else self._cut(end)

    def _end_before(self, begin: int) -> int:
        """Return where a picture without EOI ends, given where the next picture begins."""
        text_from = max(self._scan_from, begin - MOST_HEAD_BYTES)
        end = self._end_by_boundary(text_from, begin)
        if end is not None:
            return end
        text = part_text.TEXT.search(self._buffer, text_from, begin)
        return text.start() if text else begin

    def _end_by_boundary(self, begin: int, stop: int) -> int | None:
        at = self._buffer.find(self._token, begin, stop) if self._token else -1
        if at <= self._scan_from or self._buffer[at - 1] not in b"-\n":  # by chance in coded data
            return None
        while self._buffer[at - 1] in b"-\r\n" and at > self._scan_from:
            at -= 1
        return at

    def _cut_short(self, end: int) -> bool:
        """Return whether a picture that ends at `end` without EOI is shorter than its part was to be."""
        return end + TOLERATED_BYTES < self._length

    def _cut(self, end: int) -> CameraJpeg | Undecodable:
        """Take a picture without EOI that ends at `end`."""
        self.seen.without_end += 1
        self._trusts_length = end == self._length
        whole = not self._cut_short(end)
        picture = self._take(end, _EOI)
        return picture if whole else Undecodable()

    def _take(self, end: int, ending: bytes = b"") -> CameraJpeg:
        """Hand over the buffer itself, cut to the picture: what follows it is short as a rule, and is copied."""
        if len(self._buffer) > 2 * end:  # many small pictures at once
            data = self._buffer[:end]
            del self._buffer[:end]
        else:
            data, self._buffer = self._buffer, self._buffer[end:]
            del data[end:]
        data += ending
        self._mode, self._at, self._scan_from, self._length = _Mode.BETWEEN, 0, 0, 0
        self._last_bytes = end
        return CameraJpeg(data)
