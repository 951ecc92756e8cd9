"""Pictures with their number in them: 16 bits and 4 of a checksum as black and white blocks along the lower edge.

They survive every coding on the way, and lie far from where labels are drawn.
"""

from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

from shared.frames.pixels import Image

BLOCK = 32  # pixels; small pictures have smaller ones, of 8 at least
BITS = 16
MOST = 1 << BITS
_CHECK_BITS = 4
RATE = 25  # frames per second


def picture(number: int, width: int = 640, height: int = 360, block: int = BLOCK) -> Image:
    """Return a picture of soft moving colours that shows a number below 65536; it is at least 20 blocks wide."""
    image = np.roll(_scene(width, height), 8 * number, axis=1)
    for index, bit in enumerate(_bits(number)):
        image[height - block :, index * block : (index + 1) * block] = 255 if bit else 0
    return image


@lru_cache(maxsize=2000)
def read_number(jpeg: bytes, block: int = BLOCK) -> int:
    """Return the number in a picture.

    Raises:
        ValueError: the blocks are neither black nor white, or their checksum is wrong.
    """
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)  # a third of the time
    if image is None:
        raise ValueError("no picture")
    size = block // 8
    edge = (size - 1) // 2  # not looked at: a neighbour's light reaches into it
    blocks = image[image.shape[0] - size + edge : image.shape[0] - edge]
    bits = []
    for index in range(BITS + _CHECK_BITS):
        light = float(blocks[:, index * size + edge : (index + 1) * size - edge].mean())
        if 60 < light < 195:
            raise ValueError(f"block {index} is grey: {light:.0f}")
        bits.append(light > 128)
    number = sum(bit << index for index, bit in enumerate(bits[:BITS]))
    if bits != _bits(number):
        raise ValueError(f"the checksum of {number} is wrong")
    return number


def write_video(path: Path, frames: int, width: int = 640, height: int = 360) -> Path:
    """Write a video of pictures 0 to `frames` - 1, H.264 in Matroska, 25 frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # As cameras code: no B frames, no look-ahead.
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "12"}
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_png(path: Path, number: int, width: int = 640, height: int = 360) -> Path:
    """Write picture `number`, without loss."""
    assert cv2.imwrite(str(path), picture(number, width, height))
    return path


def _bits(number: int) -> list[bool]:
    check = sum(number >> shift & 15 for shift in range(0, BITS, 4)) * 7 + 5 & 15
    return [bool(number >> index & 1) for index in range(BITS)] + [
        bool(check >> index & 1) for index in range(_CHECK_BITS)
    ]


@cache
def _scene(width: int, height: int) -> Image:
    """Return soft colours under a grain that makes a JPEG as large as that of a real scene."""
    across, down = np.linspace(0, 2 * np.pi, width), np.linspace(0, 60, height)[:, None]
    soft = [90 + 60 * np.sin(turn * across) + down for turn in (1, 2, 3)]
    grain = np.random.default_rng(1).integers(0, 24, (height, width, 3), dtype=np.uint8)
    return np.stack(soft, axis=-1).astype(np.uint8) + grain
