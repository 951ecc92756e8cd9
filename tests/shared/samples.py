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


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def header_only(width: int, height: int, *, scans: int = 1, samplings: tuple[int, ...] = (0x22, 0x11, 0x11)) -> bytes:
    """Return a JPEG of many pixels and few bytes."""
    components = b"".join(bytes((number, sampling, 0)) for number, sampling in enumerate(samplings))
    frame = bytes((8, *height.to_bytes(2, "big"), *width.to_bytes(2, "big"), len(samplings))) + components
    scan = segment(0xDA, bytes((1, 0, 0, 0, 0x3F, 0)))
    return b"\xff\xd8" + segment(0xC2, frame) + scan * scans + b"\xff\xd9"
