"""A part of a frame as a JPEG, for models that decode pictures themselves."""

from dataclasses import dataclass

from consumer.pictures.picture import Picture
from consumer.pictures.pixel_format import PixelFormat, Resize
from consumer.pictures.placement import Placement, stretched
from consumer.prediction import Box
from shared.frames import pixels

QUALITY = 95  # what it adds in noise is below what a camera added


@dataclass(frozen=True, slots=True)
class EncodedFormat:
    """How large a model wants its JPEG.

    Attributes:
        size: width and height, pixels; None: as large as the part is.
        resize: `letterbox`: keeps the proportions between bars of grey; `stretch`: fills the whole size; None: keeps
            the proportions within the size, without bars and never enlarged.
    """

    size: tuple[int, int] | None = None
    resize: Resize | None = None

    def row(self, picture: Picture, box: Box | None) -> tuple[bytes, Placement]:
        """Return a part of a picture, and where it lies in the JPEG; the frame's own bytes where they are asked for.

        Args:
            picture: the frame's.
            box: the part, within the picture; None: all of it.

        Raises:
            BadPicture: the picture cannot be decoded.
        """
        part = box or (0, 0, *picture.size)
        size = self._size(part[2:])
        # A model server does not look at EXIF data: it would see the picture lying.
        if box is None and size == picture.size and not picture.header.has_exif:
            return picture.jpeg, stretched(part, size)
        image, placement = PixelFormat(size, colour="bgr", resize=self.resize or "stretch").row(picture, box)
        return pixels.encode(image, QUALITY), placement

    def _size(self, part: tuple[int, int]) -> tuple[int, int]:
        if self.size is None:
            return part
        if self.resize is not None:
            return self.size
        share = min(1.0, self.size[0] / part[0], self.size[1] / part[1])
        return max(1, round(part[0] * share)), max(1, round(part[1] * share))
