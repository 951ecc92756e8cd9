"""The orientation of a picture, from its EXIF data or its film, and how to rotate it."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type

from shared.frames.pixels import Image

UPRIGHT = 1
"""Orientations are numbered as in EXIF (CIPA DC-008, tag 0x0112)."""
SWAPS_SIDES = frozenset({5, 6, 7, 8})

_TURNS: Mapping[int, Callable[[Image], cv2.typing.MatLike]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.rotate(cv2.transpose(image), cv2.ROTATE_180),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
# By the signs of a, b, c and d of a display matrix (ISO/IEC 14496-12, 6.2.2), which maps (x, y) to (ax + cy, bx + dy).
_MATRICES = {
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
_SOI_BYTES, _APP1, _SOS = 2, 0xE1, 0xDA
_EXIF = b"Exif\0\0"
_ORIENTATION_TAG, _SHORT, _ENTRY_BYTES = 0x0112, 3, 12


def turned(image: Image, orientation: int) -> Image:
    """Return the picture ready to show: uint8, shape (height, width, 3), BGR."""
    turn = _TURNS.get(orientation)
    return image if turn is None else np.ascontiguousarray(turn(image), np.uint8)


@dataclass(slots=True)
class FilmOrientation:
    """The orientation that a film gives its frames, which seldom changes.

    The matrix is read again only when the rotation changes: PyAV keeps a frame whose side data have been read until the
    garbage collector comes, and a few frames of 4K fill a capture's memory.
    """

    _rotation: int | None = None
    _orientation: int = UPRIGHT

    def of(self, frame: av.VideoFrame) -> int:
        """Return the orientation of a frame."""
        if frame.rotation != self._rotation:
            self._rotation, self._orientation = frame.rotation, _of_frame(frame)
        return self._orientation


def _of_frame(frame: av.VideoFrame) -> int:
    data = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]  # its stub knows names only
    if data is None or data.buffer_size < 20:
        return UPRIGHT
    a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
    signs = tuple(_sign(value, max(map(abs, (a, b, c, d)))) for value in (a, b, c, d))
    return _MATRICES.get((signs[0], signs[1], signs[2], signs[3]), UPRIGHT)


def _sign(value: int, largest: int) -> int:
    """Return the sign of a value; 0 for one that is small beside the largest: a film's own scale does not matter."""
    return 0 if abs(value) * 2 < largest else (value > 0) - (value < 0)


def of_jpeg(data: bytes | bytearray) -> int:
    """Return the orientation in a JPEG's EXIF data."""
    at = _SOI_BYTES
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOS:
        end = at + 2 + (data[at + 2] << 8 | data[at + 3])
        if data[at + 1] == _APP1 and data[at + 4 : at + 10] == _EXIF:
            return _of_tiff(bytes(data[at + 10 : end]))
        at = max(end, at + 2)
    return UPRIGHT


def _of_tiff(tiff: bytes) -> int:
    """Return the orientation in the first directory of a TIFF (revision 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for entry in range(at + 2, min(at + 2 + count * _ENTRY_BYTES, len(tiff) - _ENTRY_BYTES + 1), _ENTRY_BYTES):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if (tag, kind) == (_ORIENTATION_TAG, _SHORT):
            return value if value in _TURNS else UPRIGHT
    return UPRIGHT
