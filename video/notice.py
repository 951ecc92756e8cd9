"""Draws notices: what is written on a picture that is not live."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from shared.errors import BadPicture
from video.picture import decoded, encoded

CARD_SIZE = (640, 360)  # pixels; shown when there is no frame to draw on
_BRIGHTNESS = 0.38  # of a frame behind a notice, share of its own
_CARD = (18, 22, 28)
_BAND = (12, 14, 18)
_TITLE = (255, 255, 255)
_DETAIL = (178, 186, 196)
_ACCENTS = {"NO CAMERA YET": (88, 166, 255)}
_ALARM = (255, 92, 80)


def span(seconds: float) -> str:
    """Return a duration in readable form.

    >>> span(12.7), span(125), span(3790)
    ('12 s', '2 min 5 s', '1 h 3 min')
    """
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def on_frame(jpeg: bytes, title: str, detail: str = "") -> tuple[bytes, int, int]:
    """Return a darkened frame with a notice across its middle, and its width and height in pixels.

    A frame that cannot be decoded is replaced by a card.
    """
    try:
        image = decoded(jpeg).convert("RGB").point(lambda value: value * _BRIGHTNESS)
    except BadPicture:
        return card(title, detail)
    return _with_band(image, title, detail)


@lru_cache(maxsize=4)
def card(title: str, detail: str = "") -> tuple[bytes, int, int]:
    """Return a picture that shows only a notice, and its width and height in pixels."""
    return _with_band(Image.new("RGB", CARD_SIZE, _CARD), title, detail)


def _with_band(image: Image.Image, title: str, detail: str) -> tuple[bytes, int, int]:
    """Draw a band with the title and, smaller, the detail across the middle, in place; return as `card` does."""
    width, height = image.size
    draw = ImageDraw.Draw(image, "RGB")
    size = max(7.0, min(width / 16, height / 6))
    title_font = _fitting(title, size, width * 0.92)
    detail_font = _fitting(detail, size * 0.42, width * 0.92)
    half = size * (1.25 if detail else 0.95)
    middle = height / 2
    draw.rectangle((0, middle - half, width, middle + half), fill=_BAND)
    accent = next((colour for text, colour in _ACCENTS.items() if title.startswith(text)), _ALARM)
    draw.rectangle((0, middle - half, max(2, size * 0.16), middle + half), fill=accent)
    up = size * 0.32 if detail else 0
    draw.text((width / 2, middle - up), title, font=title_font, fill=_TITLE, anchor="mm")
    if detail:
        draw.text((width / 2, middle + size * 0.62), detail, font=detail_font, fill=_DETAIL, anchor="mm")
    return encoded(image), width, height


def _fitting(text: str, size: float, room: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font in the given size, or smaller if the text is wider than `room` pixels."""
    font = _font(round(size, 1))
    length = font.getlength(text)
    return font if length <= room else _font(round(max(4.0, size * room / length), 1))


@lru_cache(maxsize=32)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
