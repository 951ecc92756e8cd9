"""JPEG to pixels and back, with OpenCV."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.errors import BadPicture
from shared.frames import jpeg, jpeg_rows
from shared.frames.go_record import RawPicture

Image = NDArray[np.uint8]
"""uint8 array, shape (height, width, 3), BGR."""

_MAX_SIDE = 65_500  # JPEG_MAX_DIMENSION of libjpeg
_MCU = 16  # pixels, at 4:2:0
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}


def encode(image: NDArray[Any], quality: int) -> bytes:
    """Encode a picture as frames on the bus are: baseline, 4:2:0, a restart marker after each row of MCUs.

    Args:
        image: uint8 array, shape (height, width, 3), BGR. Grey, (height, width) or (height, width, 1), and
            BGRA, (height, width, 4), are accepted too; alpha is ignored.
        quality: 1 to 100, as libjpeg means it.

    Raises:
        ValueError: Another shape or type, or a quality out of range; the message has what came.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"a JPEG quality is 1 to 100, not {quality}")
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
        *(cv2.IMWRITE_JPEG_RST_INTERVAL, -(-image.shape[1] // _MCU) if image.ndim > 1 else 0),
        *(cv2.IMWRITE_JPEG_OPTIMIZE, 0),  # keeps the standard Huffman tables
    ]
    done, coded = cv2.imencode(".jpg", _bgr(image), options)
    if not done:
        raise ValueError(f"a picture of shape {image.shape} could not be encoded")
    return coded.tobytes()


def encode_raw(picture: RawPicture, *, quality: int) -> bytes:
    """Encode the raw pixels of the original's record, as `encode` does."""
    shape = (picture.height, picture.width, picture.channels)
    return encode(np.frombuffer(picture.pixels, np.uint8).reshape(shape), quality)


def decode(data: bytes | bytearray, *, reduced: int = 1) -> Image:
    """Decode a JPEG as a viewer would see it, turned upright if its EXIF data ask for that.

    A picture with wrong bits inside decodes to one with wrong pixels, and libjpeg says so on standard error
    (it offers no other notification); one with bytes or rows missing is refused where that is cheap to see.

    Args:
        data: the JPEG.
        reduced: 1, 2, 4 or 8: decode to this fraction of width and height, rounded up, which takes less time.

    Returns:
        uint8 array, shape (height, width, 3), BGR.

    Raises:
        BadPicture: It cannot be decoded; the message says why.
    """
    picture = jpeg.inspect(data)
    if picture.precision != 8:
        raise BadPicture(f"{picture.precision} bits per sample; only 8 can be shown")
    if picture.single_scan:
        _check_complete(data, picture)
    return decode_inspected(data, reduced=reduced)


def decode_inspected(data: bytes | bytearray, *, reduced: int = 1) -> Image:
    """Decode a JPEG as `decode` does, without looking at its header first.

    For rows of MCUs that were taken out of a picture whose header and markers have been checked: what `decode` checks
    takes a tenth of the time of decoding three rows.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[reduced])
    except cv2.error as exc:
        raise BadPicture(f"it cannot be decoded: {exc.err}") from exc
    if image is None:
        raise BadPicture("it cannot be decoded")
    return image  # type: ignore[return-value]  # OpenCV's stub leaves the type of the elements open


def _check_complete(data: bytes | bytearray, picture: jpeg.Picture) -> None:
    """Raise BadPicture if restart markers are missing."""
    if not picture.restart_interval:
        return
    mcus = picture.mcus_per_row * picture.mcu_rows
    expected = (mcus - 1) // picture.restart_interval
    found = jpeg_rows.restart_markers(data, picture, expected)
    if found < expected:
        raise BadPicture(f"rows are missing: {found} restart markers instead of {expected}")


def _bgr(image: NDArray[Any]) -> Image:
    """Return `image` with three channels; raise ValueError if its shape or type is not a picture's."""
    channels = image.shape[2] if image.ndim == 3 else 1 if image.ndim == 2 else 0
    fits = all(1 <= side <= _MAX_SIDE for side in image.shape[:2])
    if image.dtype != np.uint8 or channels not in (1, 3, 4) or not fits:
        raise ValueError(
            f"a picture is uint8 of shape (height, width, 3), sides 1 to {_MAX_SIDE}, "
            f"not {image.dtype} of shape {image.shape}"
        )
    if channels == 3:
        return image
    return cv2.cvtColor(image, _TO_BGR[channels])  # type: ignore[return-value]
