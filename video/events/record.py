"""One record of `videopredictions`, checked, because anyone may write to the bus."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from shared.bus import Record
from shared.errors import BadRecord
from shared.names import camera_id
from shared.reports import MAX_NAME, MAX_NUMBER
from video.strict_json import read_json

MAX_BYTES = 64 * 1024  # a hundred boxes take a sixth of it
MAX_FINDINGS = 1000  # of one record
MAX_LABEL = 1000  # characters


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("not printable")
    return name


Number = Annotated[int, Field(strict=True, ge=0, le=MAX_NUMBER)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_printable)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class _Finding:
    label: Annotated[str, Field(max_length=MAX_LABEL)]
    probability: Finite | None = None
    box: Annotated[list[Finite], Field(min_length=4, max_length=4)] | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    """What every record has; keys that are not named here pass unchecked."""

    camera: Annotated[str, AfterValidator(camera_id)]
    model: Name
    seq: Number
    captured_at: Number
    predictions: Annotated[list[_Finding], Field(max_length=MAX_FINDINGS)]


_CHECKED = TypeAdapter(_Checked)


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """A record that makes sense.

    Attributes:
        camera: that the model was asked about.
        model: that answered.
        best: the highest probability among its findings; None if there is none.
        json: the record on one line, in ASCII.
    """

    camera: str
    model: str
    best: float | None
    json: bytes


def read_prediction(record: Record) -> PredictionRecord:
    """Return the prediction in a record of the bus (docs/schemas/prediction.schema.json).

    Raises:
        BadRecord: it is larger than MAX_BYTES, not such a JSON object, or of another camera than its key says.
    """
    value = record.value or b""
    if len(value) > MAX_BYTES:
        raise BadRecord(f"{len(value)} bytes; a prediction has at most {MAX_BYTES}")
    try:
        document: Any = read_json(value)
        checked = _CHECKED.validate_python(document)
        # Written again: on one line whatever it was, so that nothing in it can end an event or begin another.
        text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (ValueError, RecursionError) as exc:  # pydantic's ValidationError is a ValueError
        raise BadRecord("not a prediction") from exc
    if record.key is not None and record.key != checked.camera.encode():
        raise BadRecord("of another camera than its key")
    probabilities = [finding.probability for finding in checked.predictions if finding.probability is not None]
    return PredictionRecord(checked.camera, checked.model, max(probabilities, default=None), text)
