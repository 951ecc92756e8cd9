from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from producer import device
from producer.content import CameraJpeg, Content, Undecodable
from shared.errors import CameraLost
from shared.frames import pixels
from shared.frames.pixels import Image
from tests.producer.cameras import image
from tests.producer.watched import watched

DEVICES = sorted(map(str, Path("/dev").glob("video[0-9]*")))
MJPG = cv2.VideoWriter.fourcc(*"MJPG")


class Webcam:
    """A device with three pictures; without one on the machine, this is as near as it gets."""

    def __init__(self, pictures: Iterable[Image | None], *, mjpeg: bool) -> None:
        self.pictures = list(pictures)
        self.properties: dict[int, float] = {cv2.CAP_PROP_FOURCC: 0}
        self.mjpeg = mjpeg

    def set(self, property_id: int, value: float, /) -> bool:
        if property_id == cv2.CAP_PROP_FOURCC and not self.mjpeg:
            return False
        self.properties[property_id] = value
        return True

    def get(self, property_id: int, /) -> float:
        return self.properties.get(property_id, 0)

    def grab(self) -> bool:
        return bool(self.pictures)

    def retrieve(self) -> tuple[bool, Image | None]:
        picture = self.pictures.pop(0)
        return picture is not None, picture


def contents(webcam: Webcam) -> list[Content]:
    pictures = device.grabbed(webcam)
    taken = [next(pictures) for _ in webcam.pictures.copy()]
    with pytest.raises(CameraLost):  # it has no more
        next(pictures)
    assert all(picture.captured_at > 0 for picture in taken)
    return [picture.content for picture in taken]


def test_a_device_s_own_jpeg_is_taken_as_it_is() -> None:
    """Where the device has MJPEG, OpenCV is told not to decode it, and its bytes are passed on."""
    data = pixels.encode(image(), 80)
    webcam = Webcam([np.frombuffer(data, np.uint8).reshape(1, -1)] * 3, mjpeg=True)

    assert contents(webcam) == [CameraJpeg(data)] * 3
    assert webcam.get(cv2.CAP_PROP_CONVERT_RGB) == 0


def test_other_devices_give_pixels() -> None:
    """Where it has none, OpenCV's pixels are taken; what cannot be retrieved is garbage."""
    first, second = contents(Webcam([image(), None], mjpeg=False))

    assert isinstance(first, np.ndarray)
    assert np.array_equal(first, image())
    assert second == Undecodable()


@pytest.mark.skipif(not DEVICES, reason="no V4L device on this machine: plug a camera in")
def test_a_real_device_gives_pictures() -> None:
    """Where there is a device, its pictures come, each newer than the one before."""
    with watched(DEVICES[0]) as camera:
        frames = camera.gives(5)

        assert all(pixels.decode(frame.payload).size for frame in frames)
        stamps = [frame.captured_at for frame in frames]
        assert stamps == sorted(set(stamps))


def test_a_device_that_is_not_there_is_lost() -> None:
    """A device that cannot be opened is a lost camera, not a crash."""
    with pytest.raises(CameraLost, match="no such device"):
        next(device.pictures("/dev/video-none"))
