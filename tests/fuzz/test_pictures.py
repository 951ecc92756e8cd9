"""Pictures of strangers: each is decoded, or refused as one that is not a picture; sizes are those of its header."""

from contextlib import suppress
from random import Random

import numpy as np
import pytest

from consumer.drawing.layout import layout
from consumer.imprint import imprint
from consumer.overlay import Box, Line, LineState, Overlay
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


def test_labels_and_boxes_of_any_kind_are_drawn() -> None:
    """Any characters, sizes and places: the picture keeps its size, and captions cover no other one."""
    ground = np.full((120, 200, 3), 99, np.uint8)

    def number(random: Random) -> int:
        return random.choice((-(10**18), -1, 0, 7, 64, 199, 10**18, random.randrange(-300, 300)))

    def text(random: Random) -> str:
        top = random.choice((0x80, 0x3000, 0xFFFF, 0x110000))
        return "".join(chr(random.randrange(top)) for _ in range(random.choice((0, 1, 9, 300))))

    def check(random: Random) -> None:
        line = Line(text(random), text(random), random.choice(list(LineState)))
        boxes = tuple(
            Box(
                *(number(random), number(random), number(random), number(random), line),
                points=((number(random), number(random)),),
                outlined=random.random() < 0.8,
            )
            for _ in range(random.choice((1, 3, 400)))
        )
        width, height = random.choice(((200, 120), (16, 16), (1, 90)))
        image = ground[:height, :width].copy()
        for mark in layout(Overlay((line,) * random.choice((0, 1, 30)), boxes), width, height):
            mark.draw(image, 0)
        assert image.shape == (height, width, 3)

    fuzz(check, rounds=400)
