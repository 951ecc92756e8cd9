"""Encodes strips, rows of MCUs that take the place of others in a JPEG: with its tables, sampling and markers."""

import io
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import TypeAlias

import numpy as np
from PIL import Image as PillowImage

from shared.frames import jpeg, pixels
from shared.frames.jpeg import Component, Picture
from shared.frames.pixels import Image

EncodeStrip: TypeAlias = Callable[[Image], bytes]
"""Encodes uint8 (height, width, 3), BGR, with a restart marker after each row of MCUs."""

_Form: TypeAlias = tuple[int, tuple[Component, ...], bytes]
_SUBSAMPLINGS = {(1, 1): 0, (2, 1): 1, (2, 2): 2}
"""Pillow's numbers for 4:4:4, 4:2:2 and 4:2:0, by the sampling factors of brightness."""
_TABLE_BYTES = 65  # a DQT entry of 8 bits: its number, and 64 values in zigzag order (B.2.4.1)
_ZIGZAG = sorted(range(64), key=lambda i: (s := i // 8 + i % 8, i // 8 if s % 2 else i % 8))
"""The place in rows of each value in zigzag order (ITU T.81, figure A.6)."""


def strip_encoder(header: Picture) -> EncodeStrip | None:
    """Return what encodes strips that fit into a picture; None if rows cannot be exchanged in it.

    Baseline with a restart marker after each row and the standard Huffman tables is needed; quantisation tables may be
    any, sampling 4:2:0, 4:2:2, 4:4:4 or grey. EXIF data may turn a picture and Adobe's change its colours: None.
    """
    if not header.restarts_every_row or not header.standard_huffman or header.has_exif or header.has_adobe:
        return None
    return _strip_encoder(header.precision, header.components, header.scan, header.quantisation)


@lru_cache(maxsize=64)
def _strip_encoder(
    precision: int, components: tuple[Component, ...], scan: bytes, quantisation: bytes
) -> EncodeStrip | None:
    form, qualities = _ours()
    if (precision, components, scan) == form and quantisation in qualities:
        return partial(pixels.encode, quality=qualities[quantisation])
    tables = _tables(quantisation)
    sampling = _SUBSAMPLINGS.get((components[0].horizontal, components[0].vertical))
    grey = len(components) == 1
    if tables is None or len(components) not in (1, 3) or (sampling is None and not grey):
        return None
    encode = partial(_encode, tables=tables, sampling=0 if sampling is None else sampling, grey=grey)
    tried = jpeg.inspect(encode(np.zeros((16, 16, 3), np.uint8)))
    fits = (tried.precision, tried.components, tried.scan, tried.quantisation) == (
        *(precision, components, scan),
        quantisation,
    )
    return encode if fits else None


def _encode(image: Image, *, tables: list[list[int]], sampling: int, grey: bool) -> bytes:
    height, width = image.shape[:2]
    picture = PillowImage.frombuffer("RGB", (width, height), np.ascontiguousarray(image), "raw", "BGR", 0, 1)
    file = io.BytesIO()
    (picture.convert("L") if grey else picture).save(
        file, "JPEG", qtables=tables, subsampling=sampling, restart_marker_rows=1
    )
    return file.getvalue()


def _tables(quantisation: bytes) -> list[list[int]] | None:
    """Return the quantisation tables in rows, as Pillow takes them; None unless they are tables 0, 1, … of 8 bits."""
    count, rest = divmod(len(quantisation), _TABLE_BYTES)
    entries = [quantisation[i * _TABLE_BYTES : (i + 1) * _TABLE_BYTES] for i in range(count)]
    if rest or not 1 <= count <= 4 or [entry[0] for entry in entries] != list(range(count)):
        return None
    tables = []
    for entry in entries:
        rows = [0] * 64
        for value, place in zip(entry[1:], _ZIGZAG, strict=True):
            rows[place] = value
        tables.append(rows)
    return tables


@cache
def _ours() -> tuple[_Form, dict[bytes, int]]:
    """Return the form that our encoder writes, and by its quantisation tables the quality that gives them."""
    tiny = np.zeros((16, 16, 3), np.uint8)
    headers = {quality: jpeg.inspect(pixels.encode(tiny, quality)) for quality in range(1, 101)}
    return (
        (headers[1].precision, headers[1].components, headers[1].scan),
        {header.quantisation: quality for quality, header in headers.items()},
    )
