"""Finds faces as the original does: OpenCV's Haar cascade."""

from pathlib import Path

import cv2

from consumer.pictures.picture import Picture
from consumer.prediction import Box

CASCADE = "haarcascade_frontalface_default.xml"
SCALE, NEIGHBOURS, SMALLEST = 1.3, 5, (48, 48)  # the original's; pixels of the frame


class FaceFinder:
    """The cascade, loaded once. Not thread-safe: use from one thread."""

    def __init__(self) -> None:
        """Load the cascade that OpenCV brings."""
        self._cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / CASCADE))

    def faces(self, picture: Picture) -> tuple[Box, ...]:
        """Return the faces in a picture, in the cascade's order.

        Raises:
            BadPicture: the picture cannot be decoded.
        """
        grey = cv2.cvtColor(picture.pixels(), cv2.COLOR_BGR2GRAY)
        found = self._cascade.detectMultiScale(grey, SCALE, NEIGHBOURS, minSize=SMALLEST)
        return tuple((int(x), int(y), int(width), int(height)) for x, y, width, height in found)
