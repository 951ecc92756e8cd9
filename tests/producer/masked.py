"""Pictures with masks, and what must not be left of them."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from producer.content import Content
from producer.encoder import FrameEncoder
from producer.mask import covered
from producer.protocol import Polygons
from shared.frames import jpeg
from shared.frames.pixels import Image
from tests.coefficients import coefficients

WIDTH, HEIGHT = 320, 240
WINDOW: Polygons = (((0.55, 0.3), (0.8, 0.35), (0.75, 0.6), (0.5, 0.5)),)
CORNER: Polygons = (((0, 0), (0.3, 0), (0.3, 0.2)),)
SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2, "grey": -1}
# What a camera's own tables look like: no quality of libjpeg gives these.
OWN_TABLES = [[3 + i // 8 + i % 8 for i in range(64)], [5 + 2 * (i // 8) + i % 8 for i in range(64)]]


def scene(seed: int = 1, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Return noise on soft colours: every block has high frequencies."""
    chance = np.random.default_rng(seed)
    colours = chance.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    soft = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC)
    return (soft + chance.normal(0, 20, soft.shape)).clip(0, 255).astype(np.uint8)


def under(masks: Polygons, width: int, height: int) -> NDArray[np.bool_]:
    """Return which pixels have their middle under polygons, as OpenCV fills them eight times as large."""
    filled = np.zeros((height * 8, width * 8), np.uint8)
    for polygon in masks:
        corners = [(round(x * width * 8 - 0.5), round(y * height * 8 - 0.5)) for x, y in polygon]
        cv2.fillPoly(filled, [np.array(corners, np.int32)], 255)
    return filled[4::8, 4::8] > 0


def camera_jpeg(image: Image, sampling: str, **options: object) -> bytes:
    """Return a JPEG as Pillow, that is libjpeg, writes it."""
    file, picture = io.BytesIO(), Pillow.fromarray(image[:, :, ::-1])
    if sampling == "grey":
        picture.convert("L").save(file, "JPEG", **{"quality": 85, **options})
    else:
        picture.save(file, "JPEG", **{"quality": 85, "subsampling": SAMPLINGS[sampling], **options})
    return file.getvalue()


def masked(content: Content, masks: Polygons = WINDOW, *, scale: float = 1, raw: bool = False) -> bytes:
    return bytes(FrameEncoder(scale_x=scale, scale_y=scale, quality=85, raw=raw, masks=masks).encode(content).data)


def assert_covered(data: bytes, masks: Polygons) -> None:
    """Every block that a polygon touches is one constant, in brightness and in colour."""
    header = jpeg.inspect(data)
    touched = covered(masks, header.width, header.height, (header.mcu_width, header.mcu_height), 0.0)
    assert touched.any()
    assert not touched.all()
    for number, blocks in enumerate(coefficients(data)):
        rows, columns = blocks.shape[0] // touched.shape[0], blocks.shape[1] // touched.shape[1]
        below = blocks[touched.repeat(rows, axis=0).repeat(columns, axis=1)]
        assert not below[:, 1:].any(), f"component {number} has something under a mask"
        assert len(set(below[:, 0])) == 1
        if not number:
            assert blocks[~touched.repeat(rows, axis=0).repeat(columns, axis=1)][:, 1:].any()
