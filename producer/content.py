"""What a capture hands over for one frame: the picture as it came, and when it came."""

from dataclasses import dataclass, field
from typing import TypeAlias

import av

from shared.frames.pixels import Image


@dataclass(frozen=True, slots=True)
class CameraJpeg:
    """A JPEG exactly as the camera coded it; whoever receives it owns its bytes."""

    data: bytes | bytearray = field(repr=False)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands for bytes that arrived in place of a frame and are not a picture."""


Content: TypeAlias = av.VideoFrame | CameraJpeg | Image | Undecodable


@dataclass(frozen=True, slots=True)
class CapturedPicture:
    """One frame as the capture got it.

    Attributes:
        content: the picture, decoded only as far as necessary.
        captured_at: when the last byte of the coded picture had been read, microseconds since the epoch.
        due_s: when the picture is due, seconds on the source's own schedule.
        overtaken: a newer picture is already waiting, so this one is not worth encoding.
    """

    content: Content
    captured_at: int
    due_s: float
    overtaken: bool = False
