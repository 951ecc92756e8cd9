"""Captures V4L devices with OpenCV, as the camera's own JPEG where the device offers one."""

import sys
from collections.abc import Generator, Iterator
from typing import Any, Protocol

import cv2
import numpy as np

from producer.content import CameraJpeg, CapturedPicture, Content, Undecodable
from producer.protocol import state_fact
from shared.clock import now_us
from shared.errors import CameraLost
from shared.frames.pixels import Image

_MJPG = cv2.VideoWriter.fourcc(*"MJPG")
_API = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY


class Grabber(Protocol):
    """The part of `cv2.VideoCapture` that this module uses."""

    def grab(self) -> bool:
        """Wait for the next picture."""

    def retrieve(self) -> tuple[bool, Any]:
        """Return whether the grabbed picture could be read, and the picture."""

    def set(self, property_id: int, value: float, /) -> bool:
        """Set a property."""

    def get(self, property_id: int, /) -> float:
        """Return a property."""


def pictures(device: str) -> Generator[CapturedPicture]:
    """Yield the pictures of a device as they arrive, until it fails.

    Args:
        device: index or path.

    Raises:
        CameraLost: the device cannot be opened, or delivers no more pictures.
    """
    capture = cv2.VideoCapture(int(device) if device.isdigit() else device, _API)
    if not capture.isOpened():
        raise CameraLost("no such device, or it is in use")
    yield from grabbed(capture)


def grabbed(capture: Grabber) -> Iterator[CapturedPicture]:
    """Yield the pictures of an opened device.

    Raises:
        CameraLost: the device delivers no more pictures.
    """
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a picture that waits in the driver gets old
    capture.set(cv2.CAP_PROP_FOURCC, _MJPG)  # raw pictures at 720p25 exceed USB 2
    own_jpeg = int(capture.get(cv2.CAP_PROP_FOURCC)) == _MJPG and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    if not own_jpeg:
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
    state_fact("reader", "V4L")
    state_fact("codec", "mjpeg" if own_jpeg else "raw")
    while capture.grab():
        captured_at = now_us()
        done, image = capture.retrieve()
        yield CapturedPicture(_content(image) if done else Undecodable(), captured_at, due_s=captured_at / 1e6)
    raise CameraLost("the device gives no more pictures")


def _content(image: Image) -> Content:
    """Return pixels, or the JPEG that OpenCV returns as an array of one row when conversion is off."""
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    data = np.ascontiguousarray(image).tobytes()
    return CameraJpeg(data) if data[:2] == b"\xff\xd8" else Undecodable()
