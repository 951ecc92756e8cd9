"""What a model takes, by its server's metadata and, where they leave it open, by the models document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from consumer.model_spec import LONGEST_SIDE, InputSpec, ModelSpec
from consumer.pictures.encoded_format import EncodedFormat
from consumer.pictures.picture import Picture
from consumer.pictures.pixel_format import Colour, Layout, PixelFormat, Resize
from consumer.pictures.placement import Placement
from consumer.prediction import Box
from consumer.servers.errors import Contradiction
from consumer.tensors import Signature, Tensors, TensorSpec

MOST_PIXELS = 2048 * 2048
"""Pixels of a model's input; as floats in three colours they take 50 MB for each picture of a batch."""
_DTYPES = frozenset({"uint8", "int16", "int32", "int64", "float16", "float32", "float64"})


@dataclass(frozen=True, slots=True)
class InputDefaults:
    """What a kind assumes where neither the metadata nor the document say it; attributes as of `InputSpec`.

    Without a `resize`, pixels are stretched, since they have to fill the input; a JPEG keeps its proportions.
    """

    name: str = "image_bytes"
    encoding: Literal["jpeg", "tensor"] = "jpeg"
    size: tuple[int, int] | None = None
    dtype: str = "uint8"
    colour: Colour = "rgb"
    resize: Resize | None = None
    smooth: bool = True


@dataclass(frozen=True, slots=True)
class PictureInput:
    """The only input of a model.

    Attributes:
        name: as the server calls it.
        form: how it takes pictures: as pixels, or encoded.
    """

    name: str
    form: PixelFormat | EncodedFormat

    def tensors(self, parts: Sequence[tuple[Picture, Box | None]]) -> tuple[Tensors, list[Placement]]:
        """Return a row for each part of a picture, and where the part lies in it.

        Args:
            parts: a picture and a box within it; None: all of it.

        Raises:
            BadPicture: a picture cannot be decoded.
        """
        if isinstance(self.form, EncodedFormat):
            encoded = [self.form.row(picture, box) for picture, box in parts]
            return {self.name: _objects([jpeg for jpeg, _ in encoded])}, [placement for _, placement in encoded]
        rows = [self.form.row(picture, box) for picture, box in parts]
        return {self.name: np.stack([numbers for numbers, _ in rows])}, [placement for _, placement in rows]


def picture_input(spec: ModelSpec, signature: Signature, defaults: InputDefaults) -> PictureInput:
    """Return what a model takes.

    Args:
        spec: the model in the document.
        signature: the server's; empty if it does not say.
        defaults: the kind's.

    Raises:
        Contradiction: document and metadata do not fit each other, or leave something open.
    """
    asked = spec.input
    if not signature.inputs:
        return _undescribed(asked, defaults)
    if len(signature.inputs) != 1:
        found = ", ".join(map(str, list(signature.inputs.values())[:5]))
        raise Contradiction(f"the server's model takes {len(signature.inputs)} inputs: {found}; allowed: one picture")
    (tensor,) = signature.inputs.values()
    encoding = "jpeg" if tensor.dtype == "bytes" else "tensor"
    if asked.encoding not in (None, encoding):
        raise Contradiction(f"the document says input.encoding: {asked.encoding}; the server's model takes {tensor}")
    if encoding == "jpeg":
        return _encoded(tensor.name, asked, defaults)
    return PictureInput(tensor.name, _described(tensor, asked, defaults))


def _undescribed(asked: InputSpec, defaults: InputDefaults) -> PictureInput:
    if (asked.encoding or defaults.encoding) == "jpeg":
        return _encoded(defaults.name, asked, defaults)
    size = asked.size or defaults.size
    if size is None:
        raise Contradiction("the server does not describe the model: the document must say input.size")
    colour = asked.colour or defaults.colour
    return PictureInput(
        defaults.name,
        _format(asked, defaults, size, asked.dtype or defaults.dtype, asked.layout or "nhwc", colour),
    )


def _encoded(name: str, asked: InputSpec, defaults: InputDefaults) -> PictureInput:
    return PictureInput(name, EncodedFormat(asked.size, asked.resize or defaults.resize))


def _described(tensor: TensorSpec, asked: InputSpec, defaults: InputDefaults) -> PixelFormat:
    shape = tensor.shape or (-1, -1, -1, -1)  # of unknown rank: all of it is open
    if tensor.dtype not in _DTYPES or len(shape) != 4:
        raise Contradiction(
            f"the server's model takes {tensor}; allowed: bytes, or pixels as [n, h, w, c] or [n, c, h, w]"
        )
    layout = asked.layout or _layout(shape)
    height, width, channels = shape[1:] if layout == "nhwc" else (*shape[2:], shape[1])
    colour: Colour = asked.colour or ("grey" if channels == 1 else "rgb" if channels == 3 else defaults.colour)
    asked_channels = {None: -1, "grey": 1}.get(asked.colour, 3)
    asked_width, asked_height = asked.size or (-1, -1)
    pairs = ((asked_height, height), (asked_width, width), (asked_channels, channels))
    unusable = channels not in (-1, 1, 3) or asked.dtype not in (None, tensor.dtype)
    if unusable or any(-1 not in pair and pair[0] != pair[1] for pair in pairs):
        raise Contradiction(f"the document says {_as_shape(asked, layout)}; the server's model takes {tensor}")
    size = (max(width, asked_width), max(height, asked_height))
    if -1 in size:
        size = defaults.size or size
    if -1 in size:
        raise Contradiction(f"the server's model takes {tensor}, any size: the document must say input.size")
    if max(size) > LONGEST_SIDE or size[0] * size[1] > MOST_PIXELS or min(size) < 1:
        raise Contradiction(f"the server's model takes {tensor}; allowed: 1 to {MOST_PIXELS} pixels")
    return _format(asked, defaults, size, tensor.dtype, layout, colour)


def _format(
    asked: InputSpec, defaults: InputDefaults, size: tuple[int, int], dtype: str, layout: Layout, colour: Colour
) -> PixelFormat:
    mean, scale = asked.mean or (0.0,), asked.scale or (255.0,)
    if colour == "grey" and max(len(mean), len(scale)) > 1:
        raise Contradiction(
            "the document says three numbers in input.mean or input.scale; the model takes grey pictures"
        )
    return PixelFormat(
        size,
        dtype,
        layout=layout,
        colour=colour,
        resize=asked.resize or defaults.resize or "stretch",
        mean=mean,
        scale=scale,
        smooth=defaults.smooth,
    )


def _layout(shape: Sequence[int]) -> Layout:
    return "nchw" if shape[1] in (1, 3) and shape[3] not in (1, 3) else "nhwc"


def _as_shape(asked: InputSpec, layout: Layout) -> str:
    """Return what the document says of the input, as a shape; −1 where it says nothing."""
    width, height = asked.size or (-1, -1)
    channels = {None: -1, "grey": 1}.get(asked.colour, 3)
    sizes = [-1, height, width, channels] if layout == "nhwc" else [-1, channels, height, width]
    return f"{asked.dtype or 'pixels'} {sizes}"


def _objects(values: Sequence[bytes]) -> NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
