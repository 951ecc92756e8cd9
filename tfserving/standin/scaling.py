"""Decode and scale encoded pictures as the graphs of `tfserving.models` do, for an engine that cannot.

TensorFlow decodes JPEGs by libjpeg-turbo with the fast inverse transform, which differs from the exact one by up to
six of 255. The scaling is that of its ResizeBilinear (tensorflow/core/kernels/image/resize_bilinear_op.cc), whose
numbers are not rounded.
"""

import io
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tfserving.errors import StatusError, invalid_argument
from tfserving.layout import Scaling

_FORMATS = ("JPEG", "PNG", "GIF", "BMP")  # those of `tf.io.decode_image`
_JPEG = b"\xff\xd8\xff"
_Floats = NDArray[np.float32]


def square_of(encoded: bytes, *, size: int, scaling: Scaling) -> tuple[_Floats, tuple[float, float]]:
    """Return a picture as the network's square, and the fraction of height and width that it fills.

    Args:
        encoded: a JPEG, PNG, BMP, or GIF, of which the first picture is taken.
        size: of the square, in pixels.
        scaling: how the picture is made to fit.

    Returns:
        float32 [size, size, 3], RGB, 0 to 255; (height, width), 0 to 1.

    Raises:
        StatusError: INVALID_ARGUMENT: it is not a picture, or a damaged one.
    """
    picture = _decoded(encoded)
    if scaling is not Scaling.LETTERBOX:
        half_pixel = scaling is Scaling.STRETCHED
        return _scaled(picture, (size, size), half_pixel=half_pixel), (1.0, 1.0)
    height_width = np.array(picture.shape, np.float32)
    rounded = np.round(height_width * (np.float32(size) / height_width.max())).astype(int)
    height, width = (int(one) for one in np.clip(rounded, 1, size))
    square = np.zeros((size, size, 3), np.float32)
    square[:height, :width] = _scaled(picture, (height, width), half_pixel=True)
    return square, (height / size, width / size)


def _decoded(encoded: bytes) -> NDArray[np.uint32]:
    """Return the pixels, [height, width], each with its red, green and blue in bytes 0 to 2."""
    if encoded.startswith(_JPEG):
        with suppress(ValueError):
            return _decoded_jpeg(encoded)
        # Such as one for print (CMYK), of which Pillow makes RGB.
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as picture:
            packed = picture.convert("RGB").tobytes("raw", "RGBX")
            width, height = picture.size
    except UnidentifiedImageError:
        raise _no_picture() from None
    except Exception as exc:  # a damaged file makes Pillow's readers raise nearly anything
        raise _damaged(encoded, exc) from exc
    return np.frombuffer(packed, np.uint32).reshape(height, width)


def _decoded_jpeg(encoded: bytes) -> NDArray[np.uint32]:
    import simplejpeg

    try:
        pixels = simplejpeg.decode_jpeg(encoded, "RGBX", fastdct=True)
    except ValueError as exc:
        if "remature end" in str(exc):
            raise _damaged(encoded, exc) from exc
        # Like TensorFlow, take what the library recovers from.
        pixels = simplejpeg.decode_jpeg(encoded, "RGBX", fastdct=True, strict=False)
    packed: NDArray[np.uint32] = pixels.view(np.uint32)[..., 0]
    return packed


def _damaged(encoded: bytes, exc: Exception) -> StatusError:
    return invalid_argument(f"Invalid picture data, data size {len(encoded)}: {exc}")


def _no_picture() -> StatusError:
    # DecodeImageV2Op in tensorflow/core/kernels/image/decode_image_op.cc
    return invalid_argument("Unknown image file format. One of JPEG, PNG, GIF, BMP required.")


def _scaled(picture: NDArray[np.uint32], size: tuple[int, int], *, half_pixel: bool) -> _Floats:
    """Return the picture scaled to (height, width), float32 [height, width, 3]."""
    top, bottom, down = _neighbours(picture.shape[0], size[0], half_pixel=half_pixel)
    left, right, across = _neighbours(picture.shape[1], size[1], half_pixel=half_pixel)
    down, across = down[:, None, None], across[:, None]
    rows = [_between(_colours(picture, at, left), _colours(picture, at, right), across) for at in (top, bottom)]
    return np.ascontiguousarray(_between(rows[0], rows[1], down)[..., :3])


def _neighbours(length: int, wanted: int, *, half_pixel: bool) -> tuple[NDArray[np.intp], NDArray[np.intp], _Floats]:
    """Return for each wanted position the pixels before and after it, and how far it is from the one before."""
    at = np.arange(wanted, dtype=np.float32)
    scale = np.float32(length) / np.float32(wanted)
    at = (at + np.float32(0.5)) * scale - np.float32(0.5) if half_pixel else at * scale
    before = np.floor(at)
    lower = np.maximum(before, 0).astype(np.intp)
    upper = np.minimum(np.ceil(at) if half_pixel else before + 1, length - 1).astype(np.intp)
    return lower, upper, at - before


def _colours(picture: NDArray[np.uint32], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> _Floats:
    # One gather of whole pixels is three times as fast as one of their bytes.
    found = picture[rows[:, None], columns]
    return found.view(np.uint8).reshape(*found.shape, 4).astype(np.float32)


def _between(one: _Floats, other: _Floats, part: _Floats) -> _Floats:
    other -= one
    other *= part
    other += one
    return other
