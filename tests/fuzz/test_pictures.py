"""Pictures of strangers: each is decoded, or refused as one that is not a picture; sizes are those of its header."""

from contextlib import suppress
from random import Random

import pytest

from consumer.imprint import imprint
from consumer.overlay import Line, Overlay
from shared.errors import BadPicture
from shared.frames import jpeg, pixels
from tests.fuzz import odd
from tests.fuzz.runner import any_of, fuzz
from video import notice
from video.picture import scaled, size_at

pytestmark = pytest.mark.fuzz

PICTURES = odd.pictures()
OVERLAY = Overlay((Line("tabby", "87%"),), ())


def test_a_header_is_read_or_refused() -> None:
    def check(random: Random) -> None:
        data = any_of(random, PICTURES)
        with suppress(BadPicture):
            header = jpeg.inspect(data)
            assert 0 < header.width * header.height <= jpeg.MAX_PIXELS

    fuzz(check, rounds=5000)


def test_a_picture_is_decoded_or_refused() -> None:
    """In each place that decodes: producer and consumer with OpenCV, video with Pillow."""

    def check(random: Random) -> None:
        data = any_of(random, PICTURES)
        with suppress(BadPicture):
            height, width, _ = pixels.decode(data).shape
            header = jpeg.inspect(data)
            assert (width, height) == (header.width, header.height)
        with suppress(BadPicture):
            imprint(data, OVERLAY, quality=80)
        with suppress(BadPicture):
            scaled(data, random.choice((1, 2, 4, 8)))
        picture, width, height = notice.on_frame(data, "CAMERA DOWN", "front")
        assert jpeg.inspect(picture).width == width

    fuzz(check, rounds=600)


def test_what_is_drawn_on_is_still_a_picture() -> None:
    def check(random: Random) -> None:
        data = any_of(random, PICTURES)
        try:
            before = jpeg.inspect(data)
            drawn = imprint(data, OVERLAY, quality=random.choice((1, 80, 100)))
        except BadPicture:
            return
        after = jpeg.inspect(drawn)
        assert size_at(after.width, after.height, 1) == (before.width, before.height)

    fuzz(check, rounds=1000)
