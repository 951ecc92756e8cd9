from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.video.stage import jpeg
from video.notice import card, on_frame, span


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (12.9, "12 s"), (60, "1 min 0 s"), (125, "2 min 5 s"), (7380, "2 h 3 min")]
)
def test_times_are_written_as_people_say_them(seconds: float, text: str | bytes) -> None:
    """Times are written in whole seconds, then minutes, then hours."""
    assert span(seconds) == text


def brightness(image: Image.Image, x: int, y: int) -> int:
    """Return a pixel of a grey picture."""
    value = image.getpixel((x, y))
    assert isinstance(value, int)
    return value


def picture(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data)).convert("L")


def test_a_notice_darkens_the_frame_and_keeps_it_recognisable() -> None:
    """Above and below the band the frame is visible, much darker."""
    before = picture(jpeg(640, 360, "white"))

    data, width, height = on_frame(jpeg(640, 360, "white"), "CAMERA DOWN 12 s")

    after = picture(data)
    assert (width, height) == after.size == (640, 360)
    assert brightness(before, 20, 20) > 250
    assert 70 < brightness(after, 20, 20) < 130


def test_the_time_can_be_seen_to_count() -> None:
    """Two moments give two pictures, which differ in the band only."""
    first, second = (picture(on_frame(jpeg(640, 360), f"CAMERA DOWN {n} s")[0]) for n in (3, 8))

    box = ImageChops.difference(first, second).point(lambda value: 255 * (value > 60)).getbbox()
    assert box is not None
    _, top, _, bottom = box
    assert 100 < top < bottom < 260


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (160, 90), (3840, 2160), (90, 600)])
def test_the_text_fits_into_any_size(size: tuple[int, int]) -> None:
    """Nothing is cut off at the left or right, down to sizes where nothing could be read anyway."""
    data, _, _ = on_frame(jpeg(*size), "CONSUMER DOWN 2 min 5 s", "a-camera-with-quite-a-long-name: no frame for 2 min")

    assert picture(data).size == size


def test_a_frame_that_cannot_be_decoded_gives_a_card() -> None:
    """The notice is what matters."""
    data, width, height = on_frame(b"\xff\xd8nothing", "CAMERA DOWN 12 s")

    assert (data, width, height) == card("CAMERA DOWN 12 s")
    assert ImageStat.Stat(picture(data)).extrema[0][1] > 200, "there should be white letters"
