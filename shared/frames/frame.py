"""A frame, and how it travels on the bus (docs/reference.md): one JPEG, with headers that describe it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.errors import BadPicture, BadRecord
from shared.frames import jpeg
from shared.frames.go_record import RawPicture, read_original
from shared.frames.jpeg import Picture
from shared.names import camera_id
from shared.reports import MAX_NUMBER

CONTENT_TYPE = "image/jpeg"
DEFAULT_CAMERA = "camera"
Headers: TypeAlias = list[tuple[str, bytes]]
EncodeRaw: TypeAlias = Callable[[RawPicture], bytes]

MAX_PREDICTIONS_BYTES = 16 * 1024  # a longer header is left out; the frame is shown without it
_CAPTURED = ("run", "seq", "captured-at")


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: id, a DNS label.
        run: start of the producer, microseconds since the epoch.
        seq: counts up per camera and run.
        captured_at: when the last byte of the coded picture had been read, microseconds since the epoch.
        width, height: pixels.
        jpeg: the picture.
        imprinted_at: when the consumer drew on it, microseconds since the epoch; None if it has not been drawn on.
        predictions: JSON of what was drawn, at most MAX_PREDICTIONS_BYTES, not checked; empty if there is none.
        header: of the picture, if it has been read already: to read it again takes as long as to draw a label.
        numbering: (run, seq) of the stage that wrote the record, if not the producer (shared/frames/gaps.py).
    """

    camera: str
    run: int
    seq: int
    captured_at: int
    width: int
    height: int
    jpeg: bytes = field(repr=False)
    imprinted_at: int | None = None
    predictions: bytes = field(default=b"", repr=False)
    numbering: tuple[int, int] | None = None
    header: Picture | None = field(default=None, repr=False, compare=False)


def to_headers(frame: Frame) -> Headers:
    """Return the headers of the frame's record; numbers in ASCII."""
    headers: Headers = [
        ("content-type", CONTENT_TYPE.encode()),
        ("camera", frame.camera.encode()),
        ("run", b"%d" % frame.run),
        ("seq", b"%d" % frame.seq),
        ("captured-at", b"%d" % frame.captured_at),
        ("width", b"%d" % frame.width),
        ("height", b"%d" % frame.height),
    ]
    if frame.imprinted_at is not None:
        headers.append(("imprinted-at", b"%d" % frame.imprinted_at))
        headers.append(("predictions", frame.predictions))
    if frame.numbering is not None:
        headers.append(("imprinted-run", b"%d" % frame.numbering[0]))
        headers.append(("imprinted-seq", b"%d" % frame.numbering[1]))
    return headers


def camera_of(key: bytes | None, headers: Mapping[str, bytes]) -> str:
    """Return the camera that a record belongs to: its header, else its key, else `camera`."""
    for candidate in (headers.get("camera"), key):
        if candidate:
            try:
                return camera_id(candidate.decode("ascii"))
            except (UnicodeDecodeError, ValueError):
                continue
    return DEFAULT_CAMERA


def has_headers(headers: Mapping[str, bytes]) -> bool:
    """Return whether a record claims to be in our own form."""
    return "content-type" in headers or "captured-at" in headers


def read_frame(key: bytes | None, value: bytes | None, headers: Mapping[str, bytes]) -> Frame:
    """Return the frame in a record of our own form.

    Raises:
        BadRecord: a header is missing or out of range, or the value is not a JPEG within the limits of
            shared/frames/jpeg.py.
    """
    content_type = headers.get("content-type", b"")
    if content_type != CONTENT_TYPE.encode():
        raise BadRecord(f"content-type {content_type[:64]!r} instead of {CONTENT_TYPE}")
    if not value:
        raise BadRecord("empty value")
    run, seq, captured_at = (_number(headers, name) for name in _CAPTURED)
    try:
        picture = jpeg.inspect(value)
    except BadPicture as exc:
        raise BadRecord(str(exc)) from exc
    if "camera" in headers and camera_of(None, headers).encode() != headers["camera"]:
        raise BadRecord(f"header camera is {headers['camera'][:64]!r} instead of a DNS label")
    predictions = headers.get("predictions", b"")
    imprinted = "imprinted-at" in headers
    numbered = "imprinted-run" in headers and "imprinted-seq" in headers
    return Frame(
        camera=camera_of(key, headers),
        run=run,
        seq=seq,
        captured_at=captured_at,
        width=picture.width,  # of the picture itself: the headers are for readers that do not look inside
        height=picture.height,
        jpeg=value,
        imprinted_at=_number(headers, "imprinted-at") if imprinted else None,
        predictions=predictions if len(predictions) <= MAX_PREDICTIONS_BYTES else b"",
        numbering=(_number(headers, "imprinted-run"), _number(headers, "imprinted-seq")) if numbered else None,
        header=picture,
    )


def read_bare_frame(
    key: bytes | None, value: bytes | None, *, run: int, seq: int, captured_at: int, encode: EncodeRaw
) -> Frame:
    """Return the frame in a record without headers: a JPEG, or the original's JSON.

    It says nothing of run, number and time; the caller does.

    Args:
        key: of the record: the camera's id, else the camera is DEFAULT_CAMERA.
        value: of the record.
        run: of the frame, microseconds since the epoch.
        seq: of the frame.
        captured_at: of the frame, microseconds since the epoch.
        encode: makes a JPEG of raw pixels.

    Raises:
        BadRecord: the value is neither, or `encode` cannot make a JPEG of the pixels.
    """
    if not value:
        raise BadRecord("empty value")
    try:
        if value[:2] == jpeg.SOI:
            coded, picture = value, jpeg.inspect(value)
            width, height = picture.width, picture.height
        else:
            raw = read_original(value)
            coded, width, height = encode(raw), raw.width, raw.height
    except BadPicture as exc:
        raise BadRecord(str(exc)) from exc
    return Frame(
        camera=camera_of(key, {}),
        run=run,
        seq=seq,
        captured_at=captured_at,
        width=width,
        height=height,
        jpeg=coded,
    )


def _number(headers: Mapping[str, bytes], name: str) -> int:
    text = headers.get(name)
    if text is None:
        raise BadRecord(f"header {name} is missing")
    if not (text.isdigit() and len(text) <= 16 and int(text) <= MAX_NUMBER):
        raise BadRecord(f"header {name} is {text[:32]!r} instead of a number up to {MAX_NUMBER}")
    return int(text)
