"""A picture of a given size, for what does not look at it."""

from functools import cache
from io import BytesIO

from PIL import Image, ImageFilter

WIDTH, HEIGHT = 1280, 720


@cache
def picture(kilobytes: int) -> bytes:
    """Return a JPEG of 1280×720 and exactly so many thousand bytes, or the least that it takes."""
    noise = Image.effect_noise((WIDTH, HEIGHT), 60).filter(ImageFilter.GaussianBlur(2)).convert("RGB")
    for quality in range(95, 5, -5):
        coded = BytesIO()
        noise.save(coded, "JPEG", quality=quality)
        if coded.tell() <= kilobytes * 1000:
            break
    return coded.getvalue() + bytes(max(0, kilobytes * 1000 - coded.tell()))
