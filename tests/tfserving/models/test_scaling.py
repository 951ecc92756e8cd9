"""Pictures are decoded and scaled as TensorFlow does it."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.tfserving.serving import picture
from tfserving.errors import StatusError
from tfserving.layout import Scaling
from tfserving.models import ssd
from tfserving.models.detections import letterbox
from tfserving.models.pictures import decode_pictures
from tfserving.standin.scaling import square_of

SIZE = 300


def jpeg(**options: Any) -> bytes:
    """Return a photograph as a JPEG."""
    return encoded("JPEG", "RGB", **options)


def encoded(form: str, mode: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture("chelsea"))).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


PICTURES = {
    "jpeg": jpeg(quality=85),
    "progressive": jpeg(quality=60, progressive=True, subsampling=0),
    "grey": encoded("JPEG", "L"),
    "png": encoded("PNG", "RGBA"),
    "bmp": encoded("BMP", "RGB"),
    "gif": encoded("GIF", "P"),
    "with rubbish behind": jpeg(quality=85) + b"rubbish",
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_square_is_that_of_the_graph(tf: Any, name: str) -> None:
    """Whichever way the picture is made to fit; to a thousandth of a grey level."""
    data = PICTURES[name]
    expected = {
        Scaling.STRETCHED: (decode_pictures(tf.constant([data]), size=SIZE)[0], (1, 1)),
        Scaling.STRETCHED_2018: ssd.stretched(tf.constant(data)),
        Scaling.LETTERBOX: letterbox(SIZE)(tf.constant(data)),
    }

    for scaling, (square, filled) in expected.items():
        found, part = square_of(data, size=SIZE, scaling=scaling)
        assert np.abs(found - np.asarray(square)).max() < 1e-3, scaling
        assert part == pytest.approx(np.asarray(filled).tolist()), scaling


def test_a_small_picture_is_enlarged(tf: Any) -> None:
    """One of a single pixel too, which is what warms a model up."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), (10, 20, 30)).save(buffer, "PNG")

    square, _ = square_of(buffer.getvalue(), size=4, scaling=Scaling.STRETCHED)

    assert square.tolist() == [[[10, 20, 30]] * 4] * 4


@pytest.mark.parametrize("data", [b"", b"rubbish", jpeg()[:2000], b"\xff\xd8\xff\xe0", PICTURES["png"][:500]])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Truncated ones too, as by TensorFlow."""
    with pytest.raises(StatusError, match="INVALID_ARGUMENT: "):
        square_of(data, size=4, scaling=Scaling.STRETCHED)
