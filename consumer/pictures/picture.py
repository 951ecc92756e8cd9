"""The picture of a frame, as models see it: decoded only when a model asks, and never larger than it needs."""

import threading
from functools import cached_property

import cv2

from consumer.prediction import Box
from shared.frames import jpeg, pixels
from shared.frames.pixels import Image


class Picture:
    """A picture that nothing has been drawn on. Thread-safe: the models that see one frame share it.

    What is decoded is kept as long as the picture, by scale: a model that asks second finds it. The result for a model
    never depends on what another one asked for before.
    """

    def __init__(self, jpeg: bytes, header: "jpeg.Picture | None" = None) -> None:
        """Keep the JPEG as it came from the bus, and its header if it has been read; nothing else is read yet."""
        self.jpeg = jpeg
        if header is not None:
            self.header = header
        self._lock = threading.Lock()
        self._decoded: dict[int, Image] = {}

    @cached_property
    def header(self) -> jpeg.Picture:
        """What the header of the JPEG says.

        Raises:
            BadPicture: it is not a JPEG within the limits of shared/frames/jpeg.py.
        """
        return jpeg.inspect(self.jpeg)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the published frame, which is upright.

        Raises:
            BadPicture: the picture cannot be decoded.
        """
        if self.header.has_exif:  # which may ask for a turn
            height, width = self.pixels().shape[:2]
            return width, height
        return self.header.width, self.header.height

    def pixels(self, *, reduced: int = 1) -> Image:
        """Return the pixels, uint8 [height, width, 3], BGR; not to be written to.

        Args:
            reduced: 1, 2, 4 or 8: libjpeg decodes to this fraction of width and height, rounded up, in less time.

        Raises:
            BadPicture: the picture cannot be decoded.
        """
        with self._lock:
            if reduced not in self._decoded:
                image = pixels.decode(self.jpeg, reduced=reduced)
                image.flags.writeable = False
                self._decoded[reduced] = image
            return self._decoded[reduced]

    def part(self, box: Box | None, *, least: tuple[int, int]) -> Image:
        """Return a part of the picture, decoded at the smallest scale that still has enough pixels of it.

        Args:
            box: the part, within the picture; None: all of it.
            least: width and height in pixels that the part should have, unless the picture has fewer.

        Returns:
            uint8 [height, width, 3], BGR; not to be written to.

        Raises:
            BadPicture: the picture cannot be decoded.
        """
        x, y, width, height = box or (0, 0, *self.size)
        reduced = next((n for n in (8, 4, 2) if width >= n * least[0] and height >= n * least[1]), 1)
        image = self.pixels(reduced=reduced)
        if box is None:
            return image
        return image[y // reduced : -(-(y + height) // reduced), x // reduced : -(-(x + width) // reduced)]


def scaled(image: Image, size: tuple[int, int], *, smooth: bool = True) -> Image:
    """Return a picture scaled to a width and height.

    Args:
        image: uint8 [height, width, 3] or [height, width].
        size: width and height, pixels.
        smooth: whether each pixel of a smaller picture is the mean of all pixels that it covers; otherwise bilinear
            between the nearest four, as the original does.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    smaller = size[0] <= width and size[1] <= height
    method = cv2.INTER_AREA if smaller and smooth else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=method)  # type: ignore[return-value]
