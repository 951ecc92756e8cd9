"""A picture with four colours, and the same with EXIF data."""

import numpy as np

from shared.frames.pixels import Image

COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))
"""Upper left, upper right, lower left, lower right; BGR."""


def quarters(width: int, height: int) -> Image:
    """Return a picture whose quarters have the `COLOURS`."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2], image[: height // 2, width // 2 :] = COLOURS[:2]
    image[height // 2 :, : width // 2], image[height // 2 :, width // 2 :] = COLOURS[2:]
    return image


def turned(data: bytes, orientation: int) -> bytes:
    """Return a JPEG with EXIF data that ask a viewer to turn it (1 to 8)."""
    entry = (0x0112).to_bytes(2, "big") + (3).to_bytes(2, "big") + (1).to_bytes(4, "big")
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + orientation.to_bytes(2, "big") + b"\x00\x00" + bytes(4)
    exif = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
