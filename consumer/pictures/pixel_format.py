"""A part of a frame as the numbers of a model's input."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from consumer.pictures.picture import Picture, scaled
from consumer.pictures.placement import Placement, letterboxed, stretched
from consumer.prediction import Box
from shared.frames.pixels import Image

Layout: TypeAlias = Literal["nhwc", "nchw"]
Colour: TypeAlias = Literal["rgb", "bgr", "grey"]
Resize: TypeAlias = Literal["letterbox", "stretch"]

BAR = 114  # grey of a letterbox's bars, the value that YOLO models are trained with
_CONVERSIONS = {"rgb": cv2.COLOR_BGR2RGB, "grey": cv2.COLOR_BGR2GRAY}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a model wants pixels.

    Attributes:
        size: width and height, pixels.
        dtype: numpy's name of the type. Integers are the pixels as they are, 0 to 255; mean and scale are for floats.
        layout: `nhwc`: colour last; `nchw`: colour before height and width.
        colour: order of the colours, or grey.
        resize: `letterbox`: keeps the proportions between bars of grey; `stretch`: fills the whole input.
        mean, scale: a float is (x − mean) / scale, x being 0 to 255; one number, or one per colour in that order.
        smooth: as of `scaled`. A part that is not smooth is scaled from the picture in its full size.
    """

    size: tuple[int, int]
    dtype: str = "uint8"
    layout: Layout = "nhwc"
    colour: Colour = "rgb"
    resize: Resize = "stretch"
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (255.0,)
    smooth: bool = True

    @property
    def channels(self) -> int:
        """Numbers for each pixel."""
        return 1 if self.colour == "grey" else 3

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row: [h, w, c], or [c, h, w] for `nchw`."""
        width, height = self.size
        return (height, width, self.channels) if self.layout == "nhwc" else (self.channels, height, width)

    def row(self, picture: Picture, box: Box | None) -> tuple[NDArray[Any], Placement]:
        """Return a part of a picture as one row of the model's input, and where it lies in there.

        Args:
            picture: the frame's.
            box: the part, within the picture; None: all of it.

        Raises:
            BadPicture: the picture cannot be decoded.
        """
        part = box or (0, 0, *picture.size)
        placement = (letterboxed if self.resize == "letterbox" else stretched)(part, self.size)
        least = placement.content if self.smooth else part[2:]
        return self._numbers(self._placed(picture.part(box, least=least), placement)), placement

    def _placed(self, part: Image, placement: Placement) -> NDArray[np.uint8]:
        image: Any = part if self.colour == "bgr" else cv2.cvtColor(part, _CONVERSIONS[self.colour])
        image = scaled(image, placement.content, smooth=self.smooth)
        if placement.content != self.size:
            top, left = placement.top, placement.left
            image = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_CONSTANT, value=(BAR, BAR, BAR))
        return image.reshape(self.size[1], self.size[0], self.channels)  # type: ignore[no-any-return]

    def _numbers(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        dtype = np.dtype(self.dtype)
        numbers: NDArray[Any] = image
        if dtype.kind == "f":
            mean, scale = np.asarray(self.mean, np.float32), np.asarray(self.scale, np.float32)
            numbers = (image.astype(np.float32) - mean) / scale
        if self.layout == "nchw":
            numbers = numbers.transpose(2, 0, 1)
        return np.ascontiguousarray(numbers, dtype)
