"""The messages on `/ws`: what a browser may send, and the header of a frame sent to it.

Browser to server, text JSON: `watch` (which cameras, how wide, how often), `ack` (a frame was shown), `ping`. Server to
browser: `hello`, `status` once a second and on every change, `pong` as text; frames as binary: 4 bytes big-endian
length of the header, the header in JSON, the JPEG. Times are microseconds since the epoch.
"""

import json
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from shared import clock
from shared.frames.frame import Frame
from video.picture import size_at
from video.slot import DisplayedPicture

Json: TypeAlias = dict[str, Any]

MAX_MESSAGE_BYTES = 64 * 1024  # of a browser
MAX_WATCHED_CAMERAS = 1000
MAX_WIDTH = 1_000_000  # pixels
MIN_FPS, MAX_FPS = 0.01, 1000  # frames a second
MAX_PING_CHARACTERS = 100  # of the value that a pong sends back


class BadMessage(Exception):
    """A browser's message is not one of the protocol; the text says why, for the close frame."""


@dataclass(frozen=True, slots=True)
class Ack:
    """A frame was shown."""

    camera: str
    run: object
    seq: object


@dataclass(frozen=True, slots=True)
class Wish:
    """How a viewer wants a camera.

    Attributes:
        width: pixels; None: full size.
        fps: at most this many frames a second; None: every frame.
    """

    width: int | None = None
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """The cameras to show.

    Attributes:
        cameras: wishes by camera; None: all cameras, also later ones.
        wish: for all cameras.
    """

    cameras: dict[str, Wish] | None
    wish: Wish = Wish()


@dataclass(frozen=True, slots=True)
class Ping:
    """A question for our clock; `t` is sent back."""

    t: float | str | None


def read_message(text: str | None) -> Ack | Watch | Ping:
    """Return a browser's message.

    Raises:
        BadMessage: it is not one of the protocol.
    """
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError) as exc:
        raise BadMessage("not JSON") from exc
    if not isinstance(message, dict):
        raise BadMessage("not an object")
    match message.get("type"):
        case "ack":
            return Ack(str(message.get("camera")), message.get("run"), message.get("seq"))
        case "watch":
            return _read_watch(message)
        case "ping":
            return Ping(_echo(message.get("t")))
        case _:
            raise BadMessage("unknown type")


def frame_header(
    frame: Frame, picture: DisplayedPicture, scale: int, *, notice: str | None, repeated: bool, predictions: bool = True
) -> bytes:
    """Return the header of a frame on `/ws` with its length in front.

    Args:
        frame: that is shown.
        picture: that is sent.
        scale: the picture is sent at 1/scale of its size.
        notice: whom a notice blames, if there is one.
        repeated: the viewer has been sent this frame before.
        predictions: whether the viewer may read them.
    """
    width, height = size_at(picture.width, picture.height, scale)
    fields = {
        "camera": frame.camera,
        "run": frame.run,
        "seq": frame.seq,
        "captured_at": frame.captured_at,
        "imprinted_at": frame.imprinted_at,
        "sent_at": clock.now_us(),
        "width": width,
        "height": height,
        "clock": "unknown" if picture.clock_suspect else "ok",
        "repeated": repeated,
        "notice": notice,
    }
    found = picture.predictions_json() if predictions else "[]"
    header = f'{json.dumps(fields, allow_nan=False)[:-1]}, "predictions": {found}}}'.encode()
    return len(header).to_bytes(4, "big") + header


def _read_watch(message: Json) -> Watch:
    cameras = message.get("cameras")
    if cameras == "all":
        return Watch(None, _wish(message))
    if not isinstance(cameras, dict):
        raise BadMessage("cameras is neither an object nor all")
    if len(cameras) > MAX_WATCHED_CAMERAS:
        raise BadMessage(f"more than {MAX_WATCHED_CAMERAS} cameras")
    return Watch({camera: _wish(options) for camera, options in cameras.items()})


def _wish(options: object) -> Wish:
    """Return a wish; a width or a rate that makes no sense is as none."""
    if not isinstance(options, dict):
        return Wish()
    width, fps = _amount(options.get("width"), MAX_WIDTH), _amount(options.get("fps"), MAX_FPS)
    return Wish(None if width is None else max(1, int(width)), None if fps is None else max(MIN_FPS, fps))


def _amount(value: object, limit: int) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < limit
    return float(value) if number else None  # type: ignore[arg-type]


def _echo(value: object) -> float | str | None:
    if isinstance(value, str):
        return value[:MAX_PING_CHARACTERS]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and abs(value) < 2**53 else None
