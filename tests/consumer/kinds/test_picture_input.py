"""What a model takes: metadata first, then the document, and a line where they contradict each other."""

from typing import Any

import numpy as np
import pytest

from consumer.kinds.picture_input import InputDefaults, PictureInput, picture_input
from consumer.pictures.encoded_format import EncodedFormat
from consumer.pictures.pixel_format import PixelFormat
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature
from tests.consumer.kinds.models import picture, signature, spec

SQUARE = ("uint8", (-1, 300, 300, 3))


def taken(tensor: tuple[str, tuple[int, ...]] | None, **asked: Any) -> PictureInput:
    """Return what a model takes."""
    of = Signature() if tensor is None else signature({"images": tensor}, {})
    return picture_input(spec(input=asked), of, InputDefaults())


def contradiction(tensor: tuple[str, tuple[int, ...]] | None, **asked: Any) -> str:
    """Return the one readable line."""
    with pytest.raises(Contradiction) as caught:
        taken(tensor, **asked)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    return str(caught.value)


@pytest.mark.parametrize(
    ("tensor", "size", "layout", "colour"),
    [
        (SQUARE, (300, 300), "nhwc", "rgb"),
        (("float32", (-1, 3, 480, 640)), (640, 480), "nchw", "rgb"),
        (("float32", (1, 48, 64, 1)), (64, 48), "nhwc", "grey"),
        (("float16", (-1, 1, 48, 64)), (64, 48), "nchw", "grey"),
        (("int32", (-1, 3, 7, 3)), (7, 3), "nhwc", "rgb"),
    ],
)
def test_what_the_document_leaves_open_comes_from_the_metadata(
    tensor: Any, size: Any, layout: str, colour: str
) -> None:
    """Name, type, size, layout and colours."""
    source = taken(tensor)

    assert source.name == "images"
    assert isinstance(source.form, PixelFormat)
    assert (source.form.dtype, source.form.size) == (tensor[0], size)
    assert (source.form.layout, source.form.colour) == (layout, colour)
    values, _ = source.tensors([(picture(), None), (picture(), None)])
    assert values["images"].shape == (2, *tensor[1][1:])
    assert values["images"].dtype == tensor[0]


def test_what_the_metadata_leave_open_comes_from_the_document() -> None:
    """TensorFlow's zoo has uint8 [−1, −1, −1, 3]."""
    source = taken(("uint8", (-1, -1, -1, 3)), size=[320, 240], colour="bgr", resize="letterbox")

    assert isinstance(source.form, PixelFormat)
    assert (source.form.size, source.form.colour, source.form.resize) == ((320, 240), "bgr", "letterbox")


def test_a_server_that_describes_nothing_is_asked_as_the_document_says() -> None:
    """Without a word of either, with the picture as it is."""
    assert taken(None) == PictureInput("image_bytes", EncodedFormat())
    source = taken(
        None, encoding="tensor", size=[20, 10], dtype="float32", layout="nchw", colour="grey", mean=1, scale=2
    )
    assert isinstance(source.form, PixelFormat)
    assert source.form.shape == (1, 10, 20)
    assert (source.form.mean, source.form.scale) == ((1,), (2,))


def test_a_size_for_encoded_pictures_is_their_largest() -> None:
    """The server decodes less."""
    values, (placement,) = taken(("bytes", (-1,)), size=[320, 320]).tensors([(picture(), None)])

    assert len(values["images"][0]) < len(picture().jpeg)
    assert placement.to_frame(np.array([[0.0, 0, *placement.input_size]])).tolist() == [[0, 0, 640, 480]]


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        ({"size": [320, 320]}, "pixels [-1, 320, 320, -1]"),
        ({"dtype": "float32"}, "float32 [-1, -1, -1, -1]"),
        ({"colour": "grey"}, "pixels [-1, -1, -1, 1]"),
        ({"layout": "nchw"}, "pixels [-1, -1, -1, -1]"),
        ({"layout": "nchw", "size": [300, 300], "colour": "bgr"}, "pixels [-1, 3, 300, 300]"),
        ({"size": [300, 301], "dtype": "uint8", "colour": "rgb"}, "uint8 [-1, 301, 300, 3]"),
    ],
)
def test_a_contradiction_names_both_shapes(asked: Any, shape: str) -> None:
    """The document's, −1 where it says nothing, and the server's."""
    line = contradiction(SQUARE, **asked)

    assert line == f"the document says {shape}; the server's model takes images uint8 [-1, 300, 300, 3]"


@pytest.mark.parametrize(
    ("tensor", "asked", "words"),
    [
        (SQUARE, {"encoding": "jpeg"}, "input.encoding: jpeg; the server's model takes images uint8 [-1, 300, 300, 3]"),
        (
            ("bytes", (-1,)),
            {"encoding": "tensor"},
            "input.encoding: tensor; the server's model takes images bytes [-1]",
        ),
        (("float32", (-1, 300, 300)), {}, "takes images float32 [-1, 300, 300]; allowed: bytes, or pixels"),
        (("float32", (-1, 300, 300, 4)), {}, "takes images float32 [-1, 300, 300, 4]"),
        (("bool", (-1, 300, 300, 3)), {}, "takes images bool"),
        (("uint8", (-1, -1, -1, 3)), {}, "any size: the document must say input.size"),
        (("uint8", ()), {"colour": "rgb"}, "any size: the document must say input.size"),
        (("uint8", (-1, 4096, 4096, 3)), {}, "allowed: 1 to 4194304 pixels"),
        (("uint8", (-1, 0, 300, 3)), {}, "allowed: 1 to 4194304 pixels"),
        (("uint8", (-1, 2**31 - 1, 2, 3)), {}, "allowed: 1 to 4194304 pixels"),
        (("float32", (-1, 9, 9, 1)), {"mean": [1, 2, 3]}, "the model takes grey"),
        (None, {"encoding": "tensor"}, "the document must say input.size"),
    ],
)
def test_what_cannot_be_asked_is_one_readable_line(tensor: Any, asked: Any, words: str) -> None:
    """It is shown in /readyz, on the page and in the log."""
    assert words in contradiction(tensor, **asked)


def test_a_model_with_several_inputs_is_not_of_pictures() -> None:
    """The line names them."""
    both = signature({"images": SQUARE, "threshold": ("float32", (1,))}, {})

    with pytest.raises(Contradiction, match=r"2 inputs: images uint8 \[-1, 300, 300, 3\], threshold float32 \[1\]"):
        picture_input(spec(), both, InputDefaults())
