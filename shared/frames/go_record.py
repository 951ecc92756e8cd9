"""The original's record: a frame as raw pixels in JSON.

    {"mat": base64 of raw rows, "channels": 3, "rows": 720, "cols": 1280, "type": 16}

Source: `topicMsg` in goproducer/main.go and goconsumer/message.go of Adaickalavan/machine-learning-deployment;
Go's encoding/json writes []byte as standard base64 with padding. `type` is OpenCV's: depth + 8 × (channels − 1),
depth 0 being uint8.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from shared.errors import BadRecord

_TYPES = {0: 1, 16: 3, 24: 4}  # CV_8UC1, CV_8UC3, CV_8UC4 -> channels
MAX_SIDE = 65_500  # what a JPEG can hold (libjpeg's JPEG_MAX_DIMENSION)


@dataclass(frozen=True, slots=True)
class RawPicture:
    """Raw uint8 pixels, shape (height, width, channels), row by row; channels 1 grey, 3 BGR, 4 BGRA."""

    width: int
    height: int
    channels: int
    pixels: bytes


def write_original(picture: RawPicture) -> bytes:
    """Return the original's JSON for a picture."""
    kind = next(kind for kind, channels in _TYPES.items() if channels == picture.channels)
    head = f'{{"mat":"{base64.b64encode(picture.pixels).decode()}","channels":{picture.channels},'
    return (head + f'"rows":{picture.height},"cols":{picture.width},"type":{kind}}}').encode()


def read_original(value: bytes) -> RawPicture:
    """Return the picture in a record of the original.

    Raises:
        BadRecord: it is not JSON of that form, or the pixels do not fill rows × cols × channels.
    """
    try:
        document = json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise BadRecord("neither a JPEG with headers nor JSON") from exc
    if not isinstance(document, dict):
        raise BadRecord(f"JSON {type(document).__name__} instead of an object")
    sizes = []
    for name in ("rows", "cols", "channels", "type"):
        number = document.get(name)
        if not isinstance(number, int) or isinstance(number, bool):
            raise BadRecord(f"{name} is {type(number).__name__} instead of a whole number")
        sizes.append(number)
    rows, cols, channels, kind = sizes
    if not (0 < rows <= MAX_SIDE and 0 < cols <= MAX_SIDE):
        raise BadRecord(f"a picture of {rows} rows and {cols} columns")
    if _TYPES.get(kind) != channels:
        raise BadRecord(f"type {kind} with {channels} channels; known are 0 with 1, 16 with 3, 24 with 4")
    mat = document.get("mat")
    if not isinstance(mat, str):
        raise BadRecord(f"mat is {type(mat).__name__} instead of base64 text")
    try:
        pixels = base64.b64decode(mat, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadRecord("mat is not base64") from exc
    if len(pixels) != rows * cols * channels:
        raise BadRecord(f"mat has {len(pixels)} bytes instead of {rows}*{cols}*{channels}")
    return RawPicture(cols, rows, channels, pixels)
