"""Asks one model about one picture: `python -m consumer --try NAME PICTURE [OUT.jpg]` (docs/models.md).

It reads the settings of the consumer, and needs no Kafka. The models whose boxes the model looks at are asked first.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from prometheus_client import CollectorRegistry

from consumer.asking import inference_of
from consumer.caption import Caption, CaptionState, as_overlay
from consumer.configured_models import ConfiguredModels
from consumer.crops import regions
from consumer.imprint import imprint
from consumer.inference import Answered, Inference
from consumer.labels import LabelsUnavailable
from consumer.model_set import Model
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding, Prediction
from consumer.settings import ConsumerSettings
from consumer.tensors import Tensors
from shared.clock import now_us
from shared.document import document_valid_gauge
from shared.errors import BadPicture, ServingError, SettingsError, SuiteError
from shared.frames import jpeg
from shared.frames.frame import Frame
from shared.frames.pixels import encode
from shared.settings import MISTAKEN, end_with

OPTION = "--try"
USAGE = f"python -m consumer {OPTION} NAME PICTURE [OUT.jpg]"
LARGEST_PICTURE = 50_000_000  # bytes
QUALITY = 95  # of a picture that is not a JPEG, and of what is drawn
FAILED = 1  # exit status


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model that was asked, what it said, and what is shown of it."""

    model: Model
    inference: Inference
    answered: Answered
    again_s: float
    shown: Prediction


def main(argv: Sequence[str]) -> int:
    """Ask the model; return the exit status: 0, 1 if the picture or the model fails, 2 if the command is wrong."""
    if not 2 <= len(argv) <= 3 or any(argument.startswith("-") for argument in argv):
        sys.stderr.write(f"usage: {USAGE}\n")
        return MISTAKEN
    name, picture, *out = argv
    try:
        settings = ConsumerSettings.load()
        configured = ConfiguredModels(settings, valid=document_valid_gauge("consumer", CollectorRegistry()))
    except SettingsError as exc:
        return end_with("consumer", exc)
    models = {model.spec.name: model for model in configured.models}
    if name not in models:
        allowed = ", ".join(models) or "none is configured"
        return end_with("consumer", SettingsError([f"{OPTION}: got the model {name!r}; allowed: {allowed}"]))
    try:
        frame = read_picture(Path(picture))
        asked = _ask(name, models, frame, timeout_s=settings.model_timeout_s)
        sys.stdout.write("\n".join(_lines(asked[-1], frame)) + "\n")
        if out:
            Path(out[0]).write_bytes(_drawn(frame, asked))
            sys.stdout.write(f"written   {out[0]}\n")
    except (SuiteError, OSError) as exc:
        said = f"{exc.filename}: {exc.strerror}" if isinstance(exc, OSError) and exc.strerror else str(exc)
        sys.stderr.write(f"consumer: {said}\n")
        return FAILED
    return 0


def read_picture(path: Path) -> Frame:
    """Return the picture in a file as a frame; one that is not a JPEG is coded as one.

    Raises:
        OSError: the file cannot be read.
        BadPicture: it is not a picture, or too large.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST_PICTURE + 1)
    if len(data) > LARGEST_PICTURE:
        raise BadPicture(f"{path}: larger than {LARGEST_PICTURE} bytes")
    if data[:2] != jpeg.SOI:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise BadPicture(f"{path}: not a picture that OpenCV can read")
        data = encode(image, QUALITY)
    try:
        header = jpeg.inspect(data)
    except BadPicture as exc:
        raise BadPicture(f"{path}: {exc}") from exc
    now = now_us()
    return Frame("try", now, 1, now, header.width, header.height, data)


def _ask(name: str, models: dict[str, Model], frame: Frame, *, timeout_s: float) -> list[_Asked]:
    """Ask a model, after the one whose boxes it looks at."""
    model, before, boxes = models[name], list[_Asked](), None
    if model.spec.crops is not None:
        before = _ask(model.spec.crops.of, models, frame, timeout_s=timeout_s)
        boxes = regions(before[-1].shown, model.spec.crops, frame)
        if not boxes:
            raise ServingError(f"{model.spec.crops.of} finds nothing in the picture that {name} could look at")
    inference = inference_of(model, timeout_s=timeout_s)
    try:
        inference.prepare()
        answered, again = (_answer(inference, frame, boxes, timeout_s) for _ in range(2))
    except (ServingError, LabelsUnavailable) as exc:
        raise ServingError(f"{name}: {exc}") from exc
    finally:
        inference.close()
    lowest = model.spec.lowest
    findings = answered.findings[0] or ()
    shown = Prediction(
        model=name,
        version=None,
        camera=frame.camera,
        run=frame.run,
        seq=frame.seq,
        captured_at=frame.captured_at,
        requested_at=answered.requested_at,
        answered_at=answered.answered_at,
        findings=tuple(one for one in findings if one.probability is None or one.probability >= lowest),
        kind=model.spec.kind,
        shadow=model.spec.shadow,
    )
    return [*before, _Asked(model, inference, answered, again.seconds, shown)]


def _answer(inference: Inference, frame: Frame, boxes: tuple[Box, ...] | None, timeout_s: float) -> Answered:
    return inference.ask([Picture(frame.jpeg)], [boxes], timeout_s=timeout_s)


def _lines(asked: _Asked, frame: Frame) -> Iterator[str]:
    """Yield what is printed about a model that was asked."""
    spec, answered = asked.model.spec, asked.answered
    yield f"model     {spec.name}: {spec.kind}, {spec.protocol}"
    yield f"picture   {frame.width}x{frame.height}, {len(frame.jpeg)} bytes of JPEG"
    for title, tensors in (("takes", asked.inference.signature.inputs), ("gives", asked.inference.signature.outputs)):
        yield f"{title:10}{'; '.join(map(str, tensors.values())) or 'the server does not say'}"
    if answered.request is None or answered.outputs is None:
        yield "request   none: there is nothing in the picture to ask about"
        return
    yield f"request   {_shapes(answered.request.inputs)}"
    yield f"time      {answered.seconds * 1e3:.1f} ms, the second time {asked.again_s * 1e3:.1f} ms"
    yield f"answer    {_shapes(answered.outputs)}"
    found = answered.findings[0] or ()
    yield f"findings  {len(found)}, of which {len(asked.shown.findings)} are shown (threshold {spec.lowest:g})"
    for finding in found:
        yield f"  {_finding(finding)}"


def _shapes(tensors: Tensors) -> str:
    return "; ".join(
        f"{name} {'bytes' if values.dtype == object else values.dtype} {list(values.shape)}"
        for name, values in tensors.items()
    )


def _finding(finding: Finding) -> str:
    probability = "    -" if finding.probability is None else f"{finding.probability:.3f}"
    box = "" if finding.box is None else "  box x {} y {}, {}x{}".format(*finding.box)
    return f"{probability}  {finding.label} (class {finding.class_}){box}"


def _drawn(frame: Frame, asked: Sequence[_Asked]) -> bytes:
    """Return the picture with what the consumer would draw, of a shadow model too: it was asked for."""
    captions = [Caption(one.model.spec.name, CaptionState.OK, one.shown, 0.0, None, None) for one in asked]
    return imprint(frame.jpeg, as_overlay(captions, now_us()), quality=QUALITY)
