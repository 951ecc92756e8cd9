"""The packaged fonts (NOTICES.md): which of them has which character.

| font | scripts |
| --- | --- |
| DejaVu Sans | Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao, Tifinagh, N'Ko; signs and some emoji |
| Noto Sans | Devanagari, Bengali, Gurmukhi, Gujarati, Tamil, Telugu, Kannada, Malayalam, Sinhala |
| Noto Sans | Thai, Khmer, Myanmar, Ethiopic |
| WenQuanYi Micro Hei | Chinese (20,902 characters of Unicode 1.1), Japanese kana, Korean (all 11,172 syllables) |

The Chinese characters have the forms that are usual in China, also in Japanese text.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageFont

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "fonts"
MAX_CODE = 0x110000
_END = 0xFFFF  # the code of the last segment of format 4, which means nothing
_FIRST, _LAST = "DejaVuSans.ttf", "WenQuanYiMicroHei.ttf"


@dataclass(frozen=True, slots=True)
class Font:
    """A packaged font."""

    path: Path

    def has(self, character: str) -> bool:
        """Return whether the font has a glyph for a character."""
        ranges, code = _ranges(self.path), ord(character)
        place = bisect_right(ranges, (code, MAX_CODE)) - 1
        return place >= 0 and code < ranges[place][1]


@cache
def fonts() -> tuple[Font, ...]:
    """Return the packaged fonts in the order in which they are asked for a character."""
    names = sorted(path.name for path in FOLDER.glob("*.ttf"))
    ordered = [_FIRST, *(name for name in names if name not in {_FIRST, _LAST}), _LAST]
    return tuple(Font(FOLDER / name) for name in ordered)


@lru_cache(maxsize=64)  # a face each, whose file is read as far as its glyphs are needed
def face(font: Font, size: int) -> ImageFont.FreeTypeFont:
    """Return a font in a size, pixels per em. Complex scripts are shaped if Pillow has libraqm, as its wheels do."""
    return ImageFont.truetype(font.path, size)


@lru_cache(maxsize=4096)
def font_of(character: str) -> Font | None:
    """Return the first font that has a character; None if none has."""
    return next((font for font in fonts() if font.has(character)), None)


@cache
def _ranges(path: Path) -> list[tuple[int, int]]:
    """Return the code points that a font has, in order: the first of each range, and the one after its last."""
    return sorted(_mapped(path.read_bytes()))


def _mapped(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the table cmap (ISO/IEC 14496-22, 5.2.1): of format 12, else of format 4."""
    count = struct.unpack_from(">H", data, 4)[0]
    tables = (struct.unpack_from(">4sIII", data, 12 + 16 * number) for number in range(count))
    at = next(offset for tag, _, offset, _ in tables if tag == b"cmap")
    subtables = {}
    for number in range(struct.unpack_from(">H", data, at + 2)[0]):
        place = at + struct.unpack_from(">HHI", data, at + 4 + 8 * number)[2]
        subtables[struct.unpack_from(">H", data, place)[0]] = place
    yield from _of_format_12(data, subtables[12]) if 12 in subtables else _of_format_4(data, subtables[4])


def _of_format_12(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    groups = struct.unpack_from(">I", data, at + 12)[0]
    for number in range(groups):
        first, last, _ = struct.unpack_from(">III", data, at + 16 + 12 * number)
        yield first, last + 1


def _of_format_4(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    double = struct.unpack_from(">H", data, at + 6)[0]
    segments = double // 2
    ends = struct.unpack_from(f">{segments}H", data, at + 14)
    starts = struct.unpack_from(f">{segments}H", data, at + 16 + double)
    offsets = struct.unpack_from(f">{segments}H", data, at + 16 + 3 * double)
    for number, (first, last, offset) in enumerate(zip(starts, ends, offsets, strict=True)):
        if first == _END:
            continue
        if not offset:
            yield first, last + 1
            continue
        place = at + 16 + 3 * double + 2 * number + offset
        glyphs = struct.unpack_from(f">{last - first + 1}H", data, place)
        yield from ((code, code + 1) for code, glyph in enumerate(glyphs, start=first) if glyph)
