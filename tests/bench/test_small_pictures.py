"""Pictures that tell whose they are."""

import pytest

from bench.small_pictures import PICTURES, camera_names, coded, is_of, number_of
from consumer.imprint import imprint
from consumer.overlay import Line, Overlay

LABEL = Overlay((Line("tabby, tabby cat", "87% 12.0 s ago"),))
CAMERA = camera_names(1000)[-1]


@pytest.mark.parametrize("number", [0, 1, 513, PICTURES - 1])
def test_a_picture_is_recognised_below_its_label(number: int) -> None:
    """The consumer draws on it, and the number survives."""
    picture = coded()[number]
    at = next(at for at in range(0, PICTURES * 1000, 1000) if number_of(CAMERA, at) == number)

    assert is_of(picture, CAMERA, at)
    assert is_of(imprint(picture, LABEL, quality=80), CAMERA, at)


def test_a_picture_of_another_camera_or_time_is_none_of_this_one() -> None:
    """Neither is one that cannot be read."""
    picture = coded()[number_of(CAMERA, 5_000)]

    assert not is_of(picture, "camera-0000", 5_000)
    assert not is_of(picture, CAMERA, 6_000)
    assert not is_of(b"nothing", CAMERA, 5_000)
