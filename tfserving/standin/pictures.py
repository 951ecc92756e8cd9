"""A budget for encoded pictures in a request, checked before TensorFlow decodes them.

A picture of 0.1 MB can ask for gigabytes of pixels, or for minutes of work: a progressive JPEG is decoded once
per scan. libjpeg-turbo leaves such limits to the application (its report LJT-01-003). TensorFlow Serving has none;
the stand-in has those of the services (shared/frames/jpeg.py), because one machine decodes for all cameras.
"""

import struct
from collections.abc import Iterable

from shared.frames.jpeg import MAX_PIXEL_SCANS, MAX_PIXELS, MAX_SCANS
from tfserving.errors import invalid_argument

_SCAN = b"\xff\xda"
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length (ITU T.81, table B.1)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_SOS = 0xDA


def check_pictures(values: Iterable[object]) -> None:
    """Refuse encoded pictures of a request that are too expensive to decode; other strings pass.

    Raises:
        StatusError: INVALID_ARGUMENT, with the size of the picture that exceeds a limit by itself or with the others.
    """
    total = 0
    for value in values:
        if not isinstance(value, bytes):
            continue
        width, height = size_of(value)
        scans = value.count(_SCAN) if value.startswith(b"\xff\xd8") else 1
        pixels = width * height
        total += pixels * scans
        if pixels > MAX_PIXELS or scans > MAX_SCANS or total > MAX_PIXEL_SCANS:
            raise invalid_argument(
                f"A picture of {width}x{height} with {scans} scans is too expensive to decode: at most {MAX_PIXELS} "
                f"pixels and {MAX_SCANS} scans, and {MAX_PIXEL_SCANS} pixels times scans in a request"
            )


def size_of(data: bytes) -> tuple[int, int]:
    """Return the width and height in pixels that an encoded picture states; (0, 0) if it is none.

    Knows the formats of `tf.io.decode_image`: JPEG, PNG, GIF (times its frames, which it all decodes) and BMP.
    """
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])  # IHDR comes first (RFC 2083, 4.1.1)
        return width, height
    if data.startswith(b"GIF8") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        # Each frame begins with an image descriptor, usually after a graphic control extension.
        return width, height * max(1, data.count(b"\x21\xf9\x04"))
    if data.startswith(b"BM") and len(data) >= 26:
        width, height = struct.unpack("<ii", data[18:26])
        return abs(width), abs(height)
    return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    largest = (0, 0)
    position = 2
    while position + 9 <= len(data):
        if data[position] != 0xFF:  # a decoder skips bytes that belong to no segment
            position = data.find(b"\xff", position)
            if position < 0:
                break
            continue
        marker = data[position + 1]
        if marker == _SOS:
            break
        if marker in _BARE or marker in (0x00, 0xFF):
            position += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            largest = max(largest, (width, height), key=lambda size: size[0] * size[1])
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return largest
