"""The original's record: a frame as raw pixels in JSON.

    {"mat": base64 of raw rows, "channels": 3, "rows": 720, "cols": 1280, "type": 16}

Source: `topicMsg` in goproducer/main.go and goconsumer/message.go of Adaickalavan/machine-learning-deployment;
Go's encoding/json writes []byte as standard base64 with padding. `type` is OpenCV's: depth + 8 × (channels − 1),
depth 0 being uint8.

Such a record may be large: up to 192 MB for MAX_PIXELS of four channels. So the pixels are never parsed as JSON. They
are cut out first, and what remains is small or the record is refused. Reading takes the memory of the pixels once more,
and a few milliseconds per megabyte.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from shared.errors import BadRecord
from shared.frames.jpeg import MAX_PIXELS

MAX_SIDE = 65_500  # what a JPEG can hold (libjpeg's JPEG_MAX_DIMENSION)
MAX_REST_BYTES = 16 * 1024  # everything but the pixels; the original's fields take 60
_CHANNELS = {0: 1, 16: 3, 24: 4}  # by type: CV_8UC1, CV_8UC3, CV_8UC4
_MAT = re.compile(rb'"mat"\s*:\s*"')


@dataclass(frozen=True, slots=True)
class RawPicture:
    """Raw uint8 pixels, shape (height, width, channels), row by row; channels 1 grey, 3 BGR, 4 BGRA."""

    width: int
    height: int
    channels: int
    pixels: bytes


def write_original(picture: RawPicture) -> bytes:
    """Return the original's JSON for a picture."""
    kind = next(kind for kind, channels in _CHANNELS.items() if channels == picture.channels)
    head = f'{{"mat":"{base64.b64encode(picture.pixels).decode()}","channels":{picture.channels},'
    return (head + f'"rows":{picture.height},"cols":{picture.width},"type":{kind}}}').encode()


def read_original(value: bytes) -> RawPicture:
    """Return the picture in a record of the original.

    Raises:
        BadRecord: it is not JSON of that form, the pixels do not fill rows × cols × channels, or there are more than
            MAX_PIXELS.
    """
    mat = _MAT.search(value)
    begin = mat.end() if mat else len(value)
    end = value.find(b'"', begin) if mat else len(value)  # base64 holds no quotation marks
    if end < 0:
        raise BadRecord("mat is cut off")
    if len(value) - (end - begin) > MAX_REST_BYTES:
        raise BadRecord(f"more than {MAX_REST_BYTES} bytes beside the pixels")
    document = _json(value[:begin] + value[end:])
    if not isinstance(document.get("mat"), str):
        raise BadRecord(f"mat is {type(document.get('mat')).__name__} instead of base64 text")
    rows, cols, channels = _shape(document)
    return RawPicture(cols, rows, channels, _pixels(memoryview(value)[begin:end], rows * cols * channels))


def _json(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise BadRecord("neither a JPEG nor JSON") from exc
    if not isinstance(document, dict):
        raise BadRecord(f"JSON {type(document).__name__} instead of an object")
    return document


def _shape(document: dict[str, Any]) -> tuple[int, int, int]:
    """Return rows, columns and channels."""
    numbers = []
    for name in ("rows", "cols", "channels", "type"):
        number = document.get(name)
        if not isinstance(number, int) or isinstance(number, bool):
            raise BadRecord(f"{name} is {type(number).__name__} instead of a whole number")
        if not 0 <= number <= MAX_SIDE:
            raise BadRecord(f"{name} is out of range")
        numbers.append(number)
    rows, cols, channels, kind = numbers
    if not 0 < rows * cols <= MAX_PIXELS:
        raise BadRecord(f"a picture of {rows} rows and {cols} columns; allowed: 1 to {MAX_PIXELS} pixels")
    if _CHANNELS.get(kind) != channels:
        raise BadRecord(f"type {kind} with {channels} channels; known are 0 with 1, 16 with 3, 24 with 4")
    return rows, cols, channels


def _pixels(mat: memoryview, expected: int) -> bytes:
    if len(mat) != -(-expected // 3) * 4:
        raise BadRecord(f"mat has {len(mat)} characters, which are not {expected} bytes")
    try:
        pixels = binascii.a2b_base64(mat, strict_mode=True)
    except (binascii.Error, ValueError) as exc:
        raise BadRecord("mat is not base64") from exc
    if len(pixels) != expected:
        raise BadRecord(f"mat has {len(pixels)} bytes instead of {expected}")
    return pixels
