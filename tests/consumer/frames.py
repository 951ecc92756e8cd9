"""Frames for tests of the consumer."""

from functools import cache
from typing import Any

import numpy as np

from consumer.prediction import Finding, Prediction
from shared.frames.frame import Frame
from shared.frames.pixels import encode

RUN = 1_700_000_000_000_000
BEGAN = 1_800_000_000_000_000  # microseconds since the epoch
EVERY = 40_000  # microseconds between two frames
CAT = Finding(285, "Egyptian cat", 0.785)


@cache
def jpeg(width: int = 320, height: int = 192, shade: int = 128) -> bytes:
    """Return a plain picture."""
    return encode(np.full((height, width, 3), shade, np.uint8), 80)


def frame(camera: str = "front", seq: int = 1, **changes: Any) -> Frame:
    """Return a frame captured 40 ms after the one with the number before."""
    values = {"captured_at": BEGAN + seq * EVERY, "jpeg": jpeg(), **changes}
    return Frame(camera, RUN, seq, width=320, height=192, **values)


def prediction(of: Frame, *findings: Finding, model: str = "imagenet_1", **changes: Any) -> Prediction:
    """Return what a model said about a frame."""
    values = {"version": "1", "requested_at": of.captured_at + 10, "answered_at": of.captured_at + 20, **changes}
    return Prediction(
        model=model,
        camera=of.camera,
        run=of.run,
        seq=of.seq,
        captured_at=of.captured_at,
        findings=findings or (CAT,),
        **values,
    )
