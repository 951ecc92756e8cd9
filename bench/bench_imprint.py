"""Compare drawing on the rows of MCUs under the captions with drawing on the whole picture.

    python -m bench.bench_imprint [--seconds 2] [--size 1280x720]

Both ways alternate in one run, round by round, so that a busy machine slows both; CPU time is user + system
of this process, and the figure is that of the median round.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from consumer.imprint import imprint, imprint_whole
from consumer.overlay import Box, Line, LineState, Overlay
from shared.frames import pixels

QUALITY = 80
FRAMES_PER_ROUND = 10


def main() -> None:
    """Print CPU time per frame of both ways, and their ratio, for some overlays."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=2.0, help="for each line (default: 2)")
    arguments.add_argument("--size", default="1280x720", help="of the picture (default: 1280x720)")
    options = arguments.parse_args()
    width, height = map(int, options.size.split("x"))
    cv2.setNumThreads(1)
    picture = pixels.encode(scene(width, height), QUALITY)
    print(f"{width}x{height}, {len(picture) / 1000:.0f} KB, OpenCV {cv2.__version__}; ms CPU per frame")
    print(f"{'':32}{'rows only':>10}{'whole':>8}{'ratio':>8}")
    for name, overlays in cases(width, height):
        quick, whole = measure(picture, overlays, options.seconds)
        print(f"{name:32}{quick:10.2f}{whole:8.2f}{whole / quick:7.1f}x")


def scene(width: int, height: int) -> pixels.Image:
    """Return soft shapes with a camera's noise: about 137 KB at 1280x720, like real video."""
    random = np.random.default_rng(7)
    coarse = random.integers(0, 256, (max(2, height // 40), max(2, width // 40), 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (smooth + random.normal(0, 5.5, smooth.shape)).clip(0, 255).astype(np.uint8)


def cases(width: int, height: int) -> Iterator[tuple[str, Callable[[int], Overlay]]]:
    """Yield a name and what is drawn on frame n."""
    two = (Line("Egyptian cat", "87%"), Line("tabby, tabby cat", "31%", LineState.STALE))
    face = Box(width // 2, height // 3, width // 8, width // 8, Line("happy", "92%"))
    faces = tuple(Box(width // 9 + i * width // 4, height // 4, width // 8, height // 2, face.line) for i in range(3))
    yield "one line", lambda _: Overlay(two[:1])
    yield "two lines", lambda _: Overlay(two)
    yield (
        "two lines, new at every frame",
        lambda n: Overlay((Line("Egyptian cat", f"{n % 100}%"), Line("tabby, tabby cat", f"{n / 10} s old"))),
    )
    yield "two lines, a face", lambda _: Overlay(two, (face,))
    yield "two lines, three large faces", lambda _: Overlay(two, faces)
    middle = Box(width * 3 // 8, height * 7 // 16, width // 4, height // 8, Line("car", "71%"))
    tall = Box(width // 2, height // 4, width // 8, height // 2, Line("person", "93%"))
    yield "a flat box in the middle", lambda _: Overlay(boxes=(middle,))
    yield "a tall box in the middle", lambda _: Overlay(boxes=(tall,))
    old = replace(tall, line=replace(tall.line, state=LineState.STALE))
    yield "a tall box in the middle, stale", lambda _: Overlay(boxes=(old,))
    yield (
        "a tall box that moves",
        lambda n: Overlay(boxes=(replace(tall, x=n % width, line=Line("person", f"{n % 100}%")),)),
    )
    for count in (20, 300):
        yield f"{count} boxes", partial(crowd, 0, width, height, count)
        yield f"{count} boxes, new at every frame", partial(crowd, None, width, height, count)


def crowd(seed: int | None, width: int, height: int, count: int, number: int) -> Overlay:
    """Return boxes of all sizes anywhere, the same ones for the same seed, or without one for the same number."""
    choose = random.Random(number if seed is None else seed)
    labels = ("person", "car", "bicycle", "traffic light", "dog")
    return Overlay(
        boxes=tuple(
            Box(
                choose.randrange(width),
                choose.randrange(height),
                choose.randrange(width // 40, width // 5),
                choose.randrange(height // 40, height // 3),
                Line(choose.choice(labels), f"{choose.randrange(50, 100)}%"),
            )
            for _ in range(count)
        )
    )


def measure(picture: bytes, overlays: Callable[[int], Overlay], seconds: float) -> tuple[float, float]:
    """Return milliseconds of CPU per frame: rows only, whole picture."""
    rounds: tuple[list[float], list[float]] = ([], [])
    frame, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for way, spent in zip((imprint, imprint_whole), rounds, strict=True):
            drawn = [overlays(number) for number in range(frame, frame + FRAMES_PER_ROUND)]
            begin = time.process_time()
            for overlay in drawn:
                way(picture, overlay, quality=QUALITY)
            spent.append((time.process_time() - begin) * 1000 / FRAMES_PER_ROUND)
            frame += FRAMES_PER_ROUND  # neither way finds captions in the cache that the other one drew
    return statistics.median(rounds[0]), statistics.median(rounds[1])


if __name__ == "__main__":
    main()
