"""Frames for tests: small, and different from each other only in what is said about them."""

from functools import cache

import numpy as np

from shared.clock import now_us
from shared.frames import pixels
from shared.frames.frame import Frame


@cache
def picture(width: int = 32, height: int = 16) -> bytes:
    """Return a grey JPEG."""
    return pixels.encode(np.full((height, width, 3), 128, np.uint8), 80)


def frame(
    seq: int,
    *,
    camera: str = "front",
    run: int = 1_700_000_000_000_000,
    captured_at: int | None = None,
    imprinted_at: int | None = None,
    numbering: tuple[int, int] | None = None,
) -> Frame:
    return Frame(
        camera=camera,
        run=run,
        seq=seq,
        captured_at=now_us() if captured_at is None else captured_at,
        width=32,
        height=16,
        jpeg=picture(),
        imprinted_at=imprinted_at,
        predictions=b"" if imprinted_at is None else b'{"imagenet_1": null}',
        numbering=numbering,
    )
