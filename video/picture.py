"""Scales JPEGs and encodes raw pixels, with Pillow; each call takes milliseconds, so it belongs in a thread."""

from io import BytesIO

from PIL import Image

from shared.errors import BadPicture, BadRecord
from shared.frames.go_record import RawPicture

SCALES = (1, 2, 4, 8)  # libjpeg decodes directly to 1/scale of the size
QUALITY = 80
_RAW_MODES = {1: ("L", "L"), 3: ("RGB", "BGR"), 4: ("RGB", "BGRX")}  # channels -> Pillow's mode, order of the raw bytes


def nearest_scale(width: int, wanted: int | None) -> int:
    """Return the scale whose width is nearest to the wanted one; of two equally near ones, the larger picture's.

    >>> nearest_scale(1280, 320), nearest_scale(1280, 500), nearest_scale(1280, None), nearest_scale(1280, 1)
    (4, 2, 1, 8)
    """
    if wanted is None:
        return 1
    return min(SCALES, key=lambda scale: (abs(-(-width // scale) - wanted), scale))


def size_at(width: int, height: int, scale: int) -> tuple[int, int]:
    """Return width and height of a picture at 1/scale in pixels, rounded as libjpeg rounds them."""
    return -(-width // scale), -(-height // scale)


def decoded(jpeg: bytes, scale: int = 1) -> Image.Image:
    """Decode a JPEG at 1/scale of its size, skipping the work for the rest.

    Raises:
        BadPicture: it cannot be decoded.
    """
    try:
        image = Image.open(BytesIO(jpeg), formats=("JPEG",))
        image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise BadPicture(f"it cannot be decoded: {exc}") from exc
    return image if image.mode in {"L", "RGB"} else image.convert("RGB")


def encoded(image: Image.Image) -> bytes:
    """Return a JPEG encoded as frames on the bus are: baseline, 4:2:0, a restart marker after each row of MCUs."""
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY, subsampling="4:2:0", restart_marker_rows=1)
    return out.getvalue()


def scaled(jpeg: bytes, scale: int) -> bytes:
    """Return a JPEG at 1/scale of its size, or as it is if it cannot be decoded."""
    try:
        return encoded(decoded(jpeg, scale))
    except BadPicture:
        return jpeg  # the viewer's decoder may cope, and the page scales it


def encode_raw(picture: RawPicture) -> bytes:
    """Return a JPEG of the raw pixels in a record of the original.

    Raises:
        BadRecord: Pillow cannot encode them.
    """
    mode, raw = _RAW_MODES[picture.channels]
    try:
        return encoded(Image.frombytes(mode, (picture.width, picture.height), picture.pixels, "raw", raw))
    except (OSError, ValueError) as exc:
        raise BadRecord(f"a picture of {picture.width}x{picture.height} cannot be encoded: {exc}") from exc
