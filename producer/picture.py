"""What is made of a picture that a camera gave: one that can be published."""

from dataclasses import dataclass
from typing import TypeAlias

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation

from shared.errors import BadPicture
from shared.frames import jpeg, pixels
from shared.frames.pixels import Image


@dataclass(frozen=True, slots=True)
class CameraJpeg:
    """A JPEG as the camera coded it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes in a frame's place that are no picture."""


Content: TypeAlias = av.VideoFrame | CameraJpeg | Image | Undecodable


@dataclass(frozen=True, slots=True)
class CapturedPicture:
    """What a camera gave for one frame.

    Attributes:
        content: the picture, decoded only as far as it had to be.
        captured_at: when the last byte of the coded picture had been read, microseconds since the epoch.
        at_s: when it is to be shown, in seconds on the source's own schedule.
        overtaken: a newer one is waiting already: it is not worth encoding.
    """

    content: Content
    captured_at: int
    at_s: float
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A picture to be sent: a JPEG, or raw BGR rows."""

    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FrameEncoder:
    """Makes pictures to be published.

    Attributes:
        scale_x, scale_y: of width and height.
        quality: of the JPEG, 1 to 100.
        raw: raw BGR rows instead of a JPEG.
    """

    scale_x: float
    scale_y: float
    quality: int
    raw: bool

    def publish(self, content: Content) -> EncodedFrame:
        """Return what is sent of a picture; a camera's own JPEG stays as it is where that is possible.

        Raises:
            BadPicture: it is none.
        """
        if isinstance(content, Undecodable):
            raise BadPicture("bytes that cannot be decoded")
        if isinstance(content, CameraJpeg):
            if not self.raw and self.scale_x == self.scale_y == 1:
                return _passed_through(content.data)
            content = pixels.decode(content.data)
        image = self._of_frame(content) if isinstance(content, av.VideoFrame) else self._scaled(content)
        height, width = image.shape[:2]
        return EncodedFrame(width, height, image.tobytes() if self.raw else pixels.encode(image, self.quality))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        return max(1, round(width * self.scale_x)), max(1, round(height * self.scale_y))

    def _of_frame(self, frame: av.VideoFrame) -> Image:
        width, height = self._size(frame.width, frame.height)
        # Colours and size in one pass of swscale. Chroma of 4:2:0 is doubled either way, fast or not.
        same = (width, height) == (frame.width, frame.height)
        how = Interpolation.FAST_BILINEAR if same else Interpolation.AREA
        image = frame.to_ndarray(format="bgr24", width=width, height=height, interpolation=how)
        return image.astype(np.uint8, copy=False)  # it is: for the type checker

    def _scaled(self, image: Image) -> Image:
        height, width = image.shape[:2]
        size = self._size(width, height)
        if size == (width, height):
            return image
        how = cv2.INTER_AREA if size[0] <= width and size[1] <= height else cv2.INTER_LINEAR
        return cv2.resize(image, size, interpolation=how).astype(np.uint8, copy=False)


def _passed_through(data: bytes) -> EncodedFrame:
    picture = jpeg.inspect(data)
    return EncodedFrame(picture.width, picture.height, jpeg.with_standard_tables(data))
