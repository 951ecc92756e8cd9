"""Measure what privacy masks cost a frame, on each way a picture takes through the producer.

    python -m bench.bench_mask [--seconds 2] [--size 1280x720]

With and without masks alternate in one run, round by round, so that a busy machine slows both; CPU time is user +
system of this process, and the figure is the difference of the median rounds.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import av
import cv2

from bench.bench_imprint import scene
from producer.content import CameraJpeg, Content
from producer.encoder import FrameEncoder
from producer.protocol import Polygons
from shared.frames import pixels

FRAMES_PER_ROUND = 10
QUALITY = 80


def main() -> None:
    """Print CPU time per frame without and with masks."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=2.0, help="for each line (default: 2)")
    arguments.add_argument("--size", default="1280x720", help="of the picture (default: 1280x720)")
    options = arguments.parse_args()
    width, height = map(int, options.size.split("x"))
    cv2.setNumThreads(1)
    print(f"{width}x{height}, OpenCV {cv2.__version__}; ms CPU per frame")
    print(f"{'':58}{'without':>9}{'with':>8}{'masks':>8}")
    for name, content, masks in cases(width, height):
        without, covered = measure(content, masks, options.seconds)
        print(f"{name:58}{without:9.2f}{covered:8.2f}{covered - without:8.2f}")


def cases(width: int, height: int) -> Iterator[tuple[str, Content, Polygons]]:
    """Yield a name, what the camera sent, and the masks."""
    image = scene(width, height)
    bar: Polygons = (rectangle(0.3, 0.02, 0.7, 0.05),)  # a clock or a name on the picture
    window: Polygons = (((0.55, 0.3), (0.8, 0.31), (0.79, 0.4), (0.5, 0.39)),)
    half: Polygons = (rectangle(0.0, 0.0, 0.5, 0.5),)
    video = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
    rows = pixels.encode(image, QUALITY)
    plain = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()
    top: Polygons = (rectangle(0.0, 0.0, 1.0, 0.4),)
    named = (("a bar", bar), ("a window", window), ("a quarter of the picture", half), ("the upper two fifths", top))
    for name, masks in named:
        yield f"video, {name}", video, masks
        yield f"JPEG with a restart marker after each row, {name}", CameraJpeg(rows), masks
    yield "JPEG without, a window (against passing it through)", CameraJpeg(plain), window


def rectangle(left: float, top: float, right: float, bottom: float) -> tuple[tuple[float, float], ...]:
    """Return the corners of a rectangle."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def measure(content: Content, masks: Polygons, seconds: float) -> tuple[float, float]:
    """Return milliseconds of CPU per frame: without masks, with masks."""
    encoders = [FrameEncoder(1, 1, QUALITY, raw=False, masks=one) for one in ((), masks)]
    spent: tuple[list[float], list[float]] = ([], [])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for encoder, times in zip(encoders, spent, strict=True):
            begin = time.process_time()
            for _ in range(FRAMES_PER_ROUND):
                encoder.encode(content)
            times.append((time.process_time() - begin) * 1000 / FRAMES_PER_ROUND)
    return statistics.median(spent[0]), statistics.median(spent[1])


if __name__ == "__main__":
    main()
