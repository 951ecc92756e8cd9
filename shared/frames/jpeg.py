"""The header of a JPEG, read without decoding the picture.

Standard library only, since it also runs where there is neither numpy nor OpenCV. Formats are those of ITU T.81, whose
section numbers are given below. An MCU is the smallest coded unit, 16 x 16 pixels at 4:2:0.

A small file can ask a decoder for a lot: 323 KB hold a picture that takes minutes (libjpeg-turbo, LJT-01-003, leaves
the limit to the application). So `inspect` also refuses what costs more than a budget, before anything is decoded.
"""

import re
from dataclasses import dataclass
from itertools import islice

from shared.errors import BadPicture

MAX_PIXELS = 36_000_000
"""Size of the largest picture: 8K has 33 million pixels. Decoded it takes 108 MB."""
MAX_COEFFICIENTS = 54_000_000
"""Coefficients of a picture with several scans, all of which a decoder keeps, 2 bytes each: MAX_PIXELS at 4:2:0."""
MAX_SCANS = 100
"""An ordinary progressive picture has 6 to 10."""
MAX_PIXEL_SCANS = 1 << 28
"""Pixels x scans, each of which a decoder visits: 4K with 32 scans, 8K with 8."""
MAX_SEGMENTS = 1000
"""Segments of a header; the largest colour profile takes 255."""
MAX_TABLE_BYTES = 1 << 16
"""Quantisation and Huffman tables of a header; all that are allowed at a time take 2 KB."""

SOI = b"\xff\xd8"
_NEXT_SCAN = re.compile(rb"\xff\xda")  # found in a third of the time of bytes.count
_FILL = re.compile(rb"\xff+(?=\xff)\xff")  # fill bytes before a marker (B.1.1.2)
EOI = b"\xff\xd9"

_SOF0, _DHT, _SOS, _DQT, _DRI, _APP1, _APP14 = 0xC0, 0xC4, 0xDA, 0xDB, 0xDD, 0xE1, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0..SOF15; the three others in this range are DHT, JPG and DAC (table B.1)."""
_BARE = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a length, which have no place before the first scan."""


@dataclass(frozen=True, slots=True)
class Component:
    """One colour component of a frame header (B.2.2)."""

    id: int
    horizontal: int
    vertical: int
    quantisation_table: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What the header of a JPEG says.

    Sizes are in pixels, offsets in bytes from the start. `quantisation` and `huffman` are the contents of
    the DQT and DHT segments, joined in the order of the file, `scan` is that of the first scan header. EXIF data
    may ask a viewer to turn the picture, Adobe's to read its components as other colours than YCbCr.
    """

    width: int
    height: int
    precision: int
    baseline: bool
    components: tuple[Component, ...]
    mcu_width: int
    mcu_height: int
    restart_interval: int
    quantisation: bytes
    huffman: bytes
    has_exif: bool
    has_adobe: bool
    scan: bytes
    height_offset: int
    scan_header_offset: int
    scan_offset: int
    end: int

    @property
    def mcus_per_row(self) -> int:
        """The number of MCUs side by side."""
        return -(-self.width // self.mcu_width)

    @property
    def mcu_rows(self) -> int:
        """The number of rows of MCUs."""
        return -(-self.height // self.mcu_height)

    @property
    def has_huffman_tables(self) -> bool:
        """Whether the tables are there at all; some cameras leave out the standard ones."""
        return bool(self.huffman)

    @property
    def standard_huffman(self) -> bool:
        """Whether the tables are exactly those of annex K.3, in one of the usual orders."""
        return self.huffman in _STANDARD_ORDERS

    @property
    def single_scan(self) -> bool:
        """Whether all components are coded together in one scan with all their coefficients."""
        together = self.scan[:1] == bytes((len(self.components),))
        return self.baseline and together and self.scan[-3:-1] == b"\x00\x3f"

    @property
    def restarts_every_row(self) -> bool:
        """Whether each row of MCUs can be decoded without the others, so that `split_rows` can cut there."""
        return self.single_scan and self.restart_interval == self.mcus_per_row


def inspect(data: bytes | bytearray) -> Picture:
    """Read the header of a JPEG, up to its first scan, and count the scans.

    Takes microseconds, and less than a millisecond per megabyte whatever the bytes are.

    Raises:
        BadPicture: it is not a JPEG, is cut off, has no or a second frame header, a size of nothing, no end-of-image
            marker, or costs more than one of the limits of this module allows.
    """
    if data[:2] != SOI:
        raise BadPicture(f"not a JPEG: it begins with {bytes(data[:2])!r}")

    frame = -1
    baseline = has_exif = has_adobe = False
    restart_interval = 0
    quantisation = huffman = b""
    position, size = 2, len(data)
    for _ in range(MAX_SEGMENTS):
        filled = _FILL.match(data, position)
        position = filled.end() - 1 if filled else position
        if position + 4 > size:
            raise BadPicture(f"the header is cut off after {size} bytes")
        marker = data[position + 1]
        if data[position] != 0xFF or marker in _BARE or not marker:
            raise BadPicture(f"no segment where one should be, at byte {position}")
        begin = position + 4
        end = position + 2 + (data[position + 2] << 8 | data[position + 3])
        if end < begin or end > size:
            raise BadPicture(f"segment {marker:#04x} at byte {position} has a length beyond the end, or none")
        if marker == _DQT:
            quantisation += data[begin:end]
        elif marker == _DHT:
            huffman += data[begin:end]
        elif marker == _DRI:
            restart_interval = int.from_bytes(data[begin:end], "big")
        elif marker in _FRAMES:
            if frame >= 0:
                raise BadPicture("two frame headers (SOF)")
            frame, baseline = begin, marker == _SOF0
        elif marker == _APP1:
            has_exif = has_exif or data[begin : begin + 4] == b"Exif"
        elif marker == _APP14:
            has_adobe = has_adobe or data[begin : begin + 5] == b"Adobe"
        elif marker == _SOS:
            break
        if len(quantisation) + len(huffman) > MAX_TABLE_BYTES:
            raise BadPicture(f"more than {MAX_TABLE_BYTES} bytes of tables")
        position = end
    else:
        raise BadPicture(f"more than {MAX_SEGMENTS} segments before the first scan")
    if frame < 0:
        raise BadPicture("no frame header (SOF) before the first scan")

    precision, height, width, components = _frame(data, frame)
    # Bytes after the end of the image are allowed: some cameras fill a buffer of fixed size with zeros.
    last = size if data.endswith(EOI) else data.rfind(EOI, end) + 2
    if last < end + 2:
        raise BadPicture("no end-of-image marker: the picture is cut off")
    # In coded data FF is followed by 00 or a restart marker (B.1.1.5), so that every FF DA begins a scan.
    scans = 1 + sum(1 for _ in islice(_NEXT_SCAN.finditer(data, end, last), MAX_SCANS))
    _check_budget(width * height, components, scans=scans)
    return Picture(
        width=width,
        height=height,
        precision=precision,
        baseline=baseline,
        components=components,
        mcu_width=8 * max(c.horizontal for c in components),
        mcu_height=8 * max(c.vertical for c in components),
        restart_interval=restart_interval,
        quantisation=quantisation,
        huffman=huffman,
        has_exif=has_exif,
        has_adobe=has_adobe,
        scan=bytes(data[begin:end]),
        height_offset=frame + 1,
        scan_header_offset=position,
        scan_offset=end,
        end=last,
    )


def _check_budget(pixels: int, components: tuple[Component, ...], *, scans: int) -> None:
    if scans > MAX_SCANS or pixels * scans > MAX_PIXEL_SCANS:
        raise BadPicture(f"{scans} scans of {pixels} pixels; allowed: {MAX_SCANS}, and {MAX_PIXEL_SCANS} altogether")
    largest = max(c.horizontal for c in components) * max(c.vertical for c in components)
    coefficients = pixels * sum(c.horizontal * c.vertical for c in components) // largest
    if scans > 1 and coefficients > MAX_COEFFICIENTS:
        raise BadPicture(f"{coefficients} coefficients in {scans} scans; allowed: {MAX_COEFFICIENTS}")


def _frame(data: bytes | bytearray, at: int) -> tuple[int, int, int, tuple[Component, ...]]:
    """Return precision, height, width and components of the frame header (B.2.2) with its content at `at`."""
    length = data[at - 2] << 8 | data[at - 1]
    count = data[at + 5] if length >= 8 else 0
    if not 1 <= count <= 4 or length != 8 + 3 * count:
        raise BadPicture(f"a frame header of {length} bytes with {count} components")
    height, width = data[at + 1] << 8 | data[at + 2], data[at + 3] << 8 | data[at + 4]
    if not width or not height:
        raise BadPicture(f"a size of {width}x{height}")
    if width * height > MAX_PIXELS:
        raise BadPicture(f"a size of {width}x{height}, more than {MAX_PIXELS} pixels")
    components = tuple(
        Component(data[i], data[i + 1] >> 4, data[i + 1] & 15, data[i + 2])
        for i in range(at + 6, at + 6 + 3 * count, 3)
    )
    if not all(1 <= c.horizontal <= 4 and 1 <= c.vertical <= 4 for c in components):
        raise BadPicture("a sampling factor that is not 1 to 4")
    return data[at], height, width, components


def with_standard_tables(data: bytes) -> bytes:
    """Return `data` with the standard Huffman tables if it has none; otherwise `data` itself.

    Cameras (UVC, AVI, RTP) leave them out of their JPEGs and browsers then show nothing. Only baseline
    pictures are completed: for progressive ones the standard tables would be wrong.

    Raises:
        BadPicture: As `inspect`.
    """
    picture = inspect(data)
    if picture.has_huffman_tables or not picture.baseline:
        return data
    at = picture.scan_header_offset
    return b"".join((data[:at], STANDARD_TABLES, data[at:]))


def _standard_tables() -> list[bytes]:
    """Return the tables of annex K.3 as DHT contents: DC, AC of luminance, DC, AC of chrominance."""
    dc_values = bytes(range(12))
    luminance_ac = (
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728"
        "292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a83848586878889"
        "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2"
        "e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    )
    chrominance_ac = (
        "0001020311040521310612415107617113223281081442"
        "91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a5354555657"
        "58595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3"
        "b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
    )
    return [
        b"\x00" + bytes.fromhex("00010501010101010100000000000000") + dc_values,
        b"\x10" + bytes.fromhex("0002010303020403050504040000017d" + luminance_ac),
        b"\x01" + bytes.fromhex("00030101010101010101010000000000") + dc_values,
        b"\x11" + bytes.fromhex("00020102040403040705040400010277" + chrominance_ac),
    ]


_TABLES = _standard_tables()
# libjpeg writes a pair per component, FFmpeg and most cameras both DC tables first.
# A grey picture needs the first two only.
_STANDARD_ORDERS = frozenset(b"".join(_TABLES[i] for i in order) for order in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 1)))

STANDARD_TABLES = b"\xff\xc4" + (2 + sum(map(len, _TABLES))).to_bytes(2, "big") + b"".join(_TABLES)
"""A DHT segment with the four typical tables of ITU T.81, annex K.3."""
