"""ONVIF's extension of RTP/JPEG: heads of the JPEG in the extension of the first packet.

ONVIF Streaming Specification, section 5.1.5 (JPEG over RTP): pictures of 2048 pixels and more in a direction, which
RFC 2435 has no room for, and tables of the camera's own.
"""

import re
from dataclasses import dataclass, field

_REPLAY = 0xABAC  # extension of recorded streams: three words, and another extension may follow
_JPEG_KINDS = (0xFFD8, 0xFFFF)
_REPLAY_BYTES = 4 + 12
_SEGMENT = re.compile(rb"\xff+([\xc0-\xfe])(..)", re.DOTALL)
_SOF0, _SOF1, _DHT, _DQT, _DRI = 0xC0, 0xC1, 0xC4, 0xDB, 0xDD
_FRAME_BYTES = 8  # of a frame's head, in front of its components


@dataclass(slots=True)
class JpegSegments:
    """Segments of a JPEG that replace those made from the packet's head; empty where there are none."""

    frame: bytes = b""
    huffman: bytes = b""
    restart_interval: bytes = b""
    quantisation: list[bytes] = field(default_factory=list)


def extension_segments(extension: bytes) -> JpegSegments:
    """Return the segments in the header extension of a packet; ignore other extensions and what makes no sense."""
    found = JpegSegments()
    if int.from_bytes(extension[:2], "big") == _REPLAY:
        extension = extension[_REPLAY_BYTES:]
    if int.from_bytes(extension[:2], "big") not in _JPEG_KINDS:
        return found
    at = 4
    while segment := _SEGMENT.match(extension, at):
        marker, size = segment[1][0], int.from_bytes(segment[2], "big")
        begin = segment.start(1) - 1
        at = segment.end() - 2 + size
        if size < 2 or at > len(extension):
            break
        data = extension[begin:at]
        if marker in (_SOF0, _SOF1) and len(data) > _FRAME_BYTES and len(data) == 10 + 3 * data[9]:
            found.frame = data
        elif marker == _DHT:
            found.huffman += data
        elif marker == _DQT:
            found.quantisation.append(data)
        elif marker == _DRI:
            found.restart_interval = data
    return found
