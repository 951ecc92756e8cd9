"""Small pictures with a number in them that tells whose they are: for measurements of many cameras."""

from collections.abc import Sequence

from shared.frames import pixels
from tests.end_to_end import numbered

WIDTH, HEIGHT = 160, 120
QUALITY = 80
PICTURES = 1024  # different ones; each camera shows all of them in turn
BLOCK = 8  # pixels: the least, and 20 of them are as wide as the picture


def camera_names(cameras: int) -> list[str]:
    """Return the ids of so many cameras."""
    return [f"camera-{number:04}" for number in range(cameras)]


def coded() -> Sequence[bytes]:
    """Return all pictures by their number, encoded as a producer encodes them."""
    return [pixels.encode(numbered.picture(number, WIDTH, HEIGHT, BLOCK), QUALITY) for number in range(PICTURES)]


def number_of(camera: str, captured_at: int) -> int:
    """Return the number in the picture that a camera captures at a time, microseconds since the epoch."""
    return (int(camera.rpartition("-")[2]) + captured_at // 1000) % PICTURES


def is_of(jpeg: bytes, camera: str, captured_at: int) -> bool:
    """Return whether a picture is the one that this camera captured at this time."""
    try:
        return numbered.read_number.__wrapped__(jpeg, BLOCK) == number_of(camera, captured_at)
    except ValueError:
        return False
