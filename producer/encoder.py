"""Turns what a camera gave into what is published: a JPEG, or raw pixels."""

from dataclasses import dataclass, field

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from producer import orientation
from producer.content import CameraJpeg, Content, Undecodable
from producer.mask import CELL, RIM, SCALING_MARGIN, VIDEO_MARGIN, paint
from producer.masked_jpeg import masked_rows
from producer.protocol import Polygons
from shared.errors import BadPicture, NotMasked
from shared.frames import jpeg, pixels
from shared.frames.pixels import Image

CMYK = 4  # components


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A picture ready to publish; `data` is a JPEG, or raw BGR rows."""

    width: int
    height: int
    data: bytes | bytearray = field(repr=False)


@dataclass(frozen=True, slots=True)
class FrameEncoder:
    """Encodes the pictures of one camera.

    Attributes:
        scale_x, scale_y: scale of the width and of the height.
        quality: JPEG quality, 1 to 100.
        raw: return raw BGR rows instead of a JPEG.
        masks: polygons to paint over, points in fractions of the published width and height.
    """

    scale_x: float
    scale_y: float
    quality: int
    raw: bool
    masks: Polygons = ()
    # One for all frames, in this thread: PyAV would make another one with threads of its own for each frame.
    _reformatter: VideoReformatter = field(default_factory=VideoReformatter, init=False, repr=False, compare=False)
    _film: orientation.FilmOrientation = field(
        default_factory=orientation.FilmOrientation, init=False, repr=False, compare=False
    )

    def encode(self, content: Content) -> EncodedFrame:
        """Return the frame to publish; a camera's own JPEG is passed through unchanged where possible.

        Raises:
            BadPicture: the content cannot be decoded.
            NotMasked: it can, but the masks cannot be painted on it.
        """
        try:
            return self._encoded(content)
        except BadPicture:
            raise
        except (cv2.error, ValueError) as exc:  # also if memory runs out
            raise BadPicture(f"it cannot be converted: {exc}") from exc

    def _encoded(self, content: Content) -> EncodedFrame:
        if isinstance(content, Undecodable):
            raise BadPicture("the bytes cannot be decoded")
        theirs = content
        if isinstance(content, CameraJpeg):
            if not self.raw and self.scale_x == self.scale_y == 1:
                picture = jpeg.inspect(content.data)
                if _shows_everywhere(picture, content.data):
                    data = content.data
                    if picture.baseline and not picture.has_huffman_tables:
                        data = jpeg.with_standard_tables(bytes(data))
                        picture = jpeg.inspect(data)
                    passed = self._masked_rows(bytes(data), picture) if self.masks else data
                    if passed is not None:
                        return EncodedFrame(picture.width, picture.height, passed)
            margin, rim = self._mixed(bytes(content.data)) if self.masks else (0.0, 0)
            content = pixels.decode(content.data)
        else:
            margin, rim = self._scaled_margin(VIDEO_MARGIN), 0
        image = self._of_frame(content) if isinstance(content, av.VideoFrame) else self._scaled(content)
        if self.masks:
            image = image.copy() if image is theirs else image  # the reader's own stays as it is
            self._paint(image, margin, rim)
        height, width = image.shape[:2]
        return EncodedFrame(width, height, image.tobytes() if self.raw else pixels.encode(image, self.quality))

    def _masked_rows(self, data: bytes, picture: jpeg.Picture) -> bytes | None:
        try:
            return masked_rows(data, picture, self.masks)
        except BadPicture:
            return None  # as a whole it may be decodable
        except Exception as exc:
            raise NotMasked(f"its masks cannot be painted: {exc!r}") from exc

    def _mixed(self, data: bytes) -> tuple[float, int]:
        """Return the margin and the rim for a decoded JPEG, whose every MCU is mixed of what lies in it."""
        picture = jpeg.inspect(data)
        mcu = picture.mcu_width, picture.mcu_height
        aligned = not any(cell % size for cell, size in zip(CELL, mcu, strict=True))
        if aligned and self.scale_x == self.scale_y == 1 and _upright(picture, data):
            return 0.0, RIM
        return self._scaled_margin(max(mcu) + RIM), 0

    def _scaled_margin(self, margin: float) -> float:
        """Return a margin in pixels of the published picture for one in pixels of the camera's."""
        return margin * max(self.scale_x, self.scale_y) + SCALING_MARGIN

    def _paint(self, image: Image, margin: float, rim: int) -> None:
        try:
            paint(image, self.masks, margin=margin, rim=rim)
        except Exception as exc:
            raise NotMasked(f"its masks cannot be painted: {exc!r}") from exc

    def _size(self, width: int, height: int, *, sideways: bool = False) -> tuple[int, int]:
        """Return the size to scale to; `sideways`: width and height change places after that.

        Raises:
            BadPicture: no reader would accept a picture of that size.
        """
        scale_x, scale_y = (self.scale_y, self.scale_x) if sideways else (self.scale_x, self.scale_y)
        size = max(1, round(width * scale_x)), max(1, round(height * scale_y))
        if size[0] * size[1] > jpeg.MAX_PIXELS:
            raise BadPicture(f"scaled to {size[0]}x{size[1]}, more than {jpeg.MAX_PIXELS} pixels")
        return size

    def _of_frame(self, frame: av.VideoFrame) -> Image:
        turn = self._film.of(frame)
        width, height = self._size(frame.width, frame.height, sideways=turn in orientation.SWAPS_SIDES)
        # One pass of swscale converts colours and size. Either interpolation doubles the chroma of 4:2:0.
        same = (width, height) == (frame.width, frame.height)
        how = Interpolation.FAST_BILINEAR if same else Interpolation.AREA
        scaled = self._reformatter.reformat(frame, width, height, "bgr24", interpolation=how, threads=1)
        image = scaled.to_ndarray()
        if scaled is frame:  # it was BGR: these are the decoder's own pixels
            image = image.copy()
        return orientation.turned(image.astype(np.uint8, copy=False), turn)

    def _scaled(self, image: Image) -> Image:
        height, width = image.shape[:2]
        size = self._size(width, height)
        if size == (width, height):
            return image
        how = cv2.INTER_AREA if size[0] <= width and size[1] <= height else cv2.INTER_LINEAR
        return cv2.resize(image, size, interpolation=how).astype(np.uint8, copy=False)


def _shows_everywhere(picture: jpeg.Picture, data: bytes | bytearray) -> bool:
    """Return whether every viewer shows a JPEG alike: it is upright, and no CMYK."""
    return _upright(picture, data) and len(picture.components) != CMYK


def _upright(picture: jpeg.Picture, data: bytes | bytearray) -> bool:
    return not picture.has_exif or orientation.of_jpeg(data) == orientation.UPRIGHT
