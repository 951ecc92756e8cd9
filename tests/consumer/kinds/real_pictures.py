"""Photographs of scikit-image's wheel."""

from functools import cache

import cv2

from shared.packages import data_file
from tests.requirements import need

QUALITY = 95


@cache
def photograph(name: str) -> bytes:
    """Return a photograph as a JPEG."""
    path = data_file("skimage", f"data/{name}")
    need("scikit-image's pictures", present=path is not None, install="make setup")
    image = cv2.imread(str(path))
    assert image is not None
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return coded.tobytes()
