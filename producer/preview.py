"""Writes one picture of a camera with a grid of fractions, to find polygons for masks.

`python -m producer --preview CAMERA OUT.jpg` needs no broker. What the camera's masks hide is black in it too, as in
every other picture, and each polygon is outlined with its number.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from prometheus_client import CollectorRegistry

from producer.configured import ConfiguredCameras
from producer.process import CaptureProcess
from producer.protocol import CaptureJob, Message, MessageKind, Polygons
from producer.settings import ProducerSettings
from shared.document import document_valid_gauge
from shared.errors import BadPicture, CameraError, CameraLost, SettingsError
from shared.frames import pixels
from shared.frames.pixels import Image
from shared.settings import end_with

OPTION = "--preview"
FAILED = 1  # exit status
QUALITY = 92
LISTEN_S = 0.2
STEPS = 10  # of the grid, from 0 to 1
_LINE, _EDGE, _MASK = (255, 255, 255), (16, 16, 16), (255, 0, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def main(argv: Sequence[str]) -> int:
    """Write the preview of a configured camera; return the exit status."""
    words = [argument for argument in argv if argument != OPTION]
    if len(words) != 2 or any(word.startswith("-") for word in words):
        return end_with("producer", SettingsError([f"{OPTION}: allowed: {OPTION} CAMERA OUT.jpg"]))
    name, path = words[0], Path(words[1])
    try:
        job = _job(name)
    except SettingsError as exc:
        return end_with("producer", exc)
    try:
        image = pixels.decode(first_picture(name, job))
        path.write_bytes(pixels.encode(with_grid(image, job.masks), QUALITY))
    except (CameraError, BadPicture, OSError) as exc:
        sys.stderr.write(f"producer: {name}: {exc.strerror if isinstance(exc, OSError) else exc}\n")
        return FAILED
    height, width = image.shape[:2]
    sys.stdout.write(f"{path}: {name}, {width}x{height}, {len(job.masks)} masks\n")
    return 0


def _job(name: str) -> CaptureJob:
    """Return the job of a configured camera, for JPEGs.

    Raises:
        SettingsError: there is no such camera, or the settings or the document are wrong.
    """
    settings = ProducerSettings.load()
    cameras = ConfiguredCameras(settings, valid=document_valid_gauge("producer", CollectorRegistry())).configs
    if name not in cameras:
        raise SettingsError([f"{OPTION}: got {name!r}; allowed: {', '.join(cameras) or 'no camera is configured'}"])
    return replace(cameras[name].job, raw=False)


def first_picture(name: str, job: CaptureJob) -> bytes:
    """Return the first picture of a camera, a JPEG as it would be published.

    Raises:
        CameraError: the camera sends none, or none that can be masked.
    """
    dropped = ""
    with CaptureProcess(job, camera=name) as process:
        deadline_s = time.monotonic() + job.rhythm().limit_s
        while time.monotonic() < deadline_s:
            message = process.receive(LISTEN_S)
            if message is None:
                continue
            if message.kind is MessageKind.FAILED:
                raise message.error()
            if message.kind is MessageKind.FRAME:
                return message.payload
            dropped = _dropped(message) or dropped
    raise CameraLost(f"no picture within {job.rhythm().limit_s:.0f} s{dropped}")


def _dropped(message: Message) -> str:
    counts = message.counts
    if counts.unmasked:
        return ": its masks cannot be painted"
    return ": what it sends cannot be decoded" if counts.undecodable else ""


def with_grid(image: Image, masks: Polygons) -> Image:
    """Return a picture with a line at each tenth of its width and height, and each polygon outlined and numbered."""
    drawn = image.copy()
    height, width = drawn.shape[:2]
    scale = max(0.35, min(width, height) / 1400)
    for step in range(1, STEPS):
        x, y = round(width * step / STEPS), round(height * step / STEPS)
        for begin, end in (((x, 0), (x, height)), ((0, y), (width, y))):
            _line(drawn, begin, end, _LINE)
        for at in ((x + 2, round(28 * scale)), (2, y - 3)):
            _text(drawn, f"{step / STEPS:.1f}", at, scale, _LINE)
    for number, polygon in enumerate(masks):
        corners = [(round(x * (width - 1)), round(y * (height - 1))) for x, y in polygon]
        for begin, end in zip(corners, [*corners[1:], corners[0]], strict=True):
            _line(drawn, begin, end, _MASK)
        middle = np.mean(corners, axis=0).round().astype(int)
        _text(drawn, str(number), (int(middle[0]), int(middle[1])), scale * 1.5, _MASK)
    return drawn


def _line(image: Image, begin: tuple[int, int], end: tuple[int, int], colour: tuple[int, int, int]) -> None:
    beside = (begin[0] + 1, begin[1] + 1), (end[0] + 1, end[1] + 1)
    cv2.line(image, *beside, _EDGE, 1)
    cv2.line(image, begin, end, colour, 1)


def _text(image: Image, text: str, at: tuple[int, int], scale: float, colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, at, _FONT, scale, _EDGE, 4, cv2.LINE_AA)
    cv2.putText(image, text, at, _FONT, scale, colour, 1, cv2.LINE_AA)
