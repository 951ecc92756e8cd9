"""The header `predictions` of a frame on `videodisplay`: what its captions say, as JSON (docs/reference.md)."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from consumer.caption import Caption
from shared.frames.frame import MAX_PREDICTIONS_BYTES

Json: TypeAlias = dict[str, Any]

MOST_FINDINGS = 5  # of a whole picture; the record has all

_encode = json.JSONEncoder(separators=(",", ":")).encode
_ROOM_FOR_COUNT = len(',"left_out":1000')


def as_header(captions: Sequence[Caption], *, most_bytes: int = MAX_PREDICTIONS_BYTES) -> bytes:
    """Return a JSON list with an object per model, in ASCII.

    A longer header would be ignored by its readers, so what does not fit is left out: the least probable boxes of all
    models first (an object then says how many: `left_out`), and the last models only if there are hundreds.

    Args:
        captions: of the frame, a model each.
        most_bytes: length of the header.
    """
    documents = [_head(caption) for caption in captions]
    boxes = [_boxes(caption) for caption in captions]
    whole = _dump([head | {"boxes": found} for head, found in zip(documents, boxes, strict=True)])
    if len(whole) <= most_bytes:
        return whole
    while documents and _room(documents, most_bytes) < 0:
        documents.pop()
    _add_best(documents, boxes[: len(documents)], _room(documents, most_bytes))
    return _dump(documents)


def _room(documents: Sequence[Json], most_bytes: int) -> int:
    """Return the bytes left for boxes."""
    return most_bytes - len(_dump(documents)) - _ROOM_FOR_COUNT * len(documents)


def _add_best(documents: Sequence[Json], boxes: Sequence[list[Json]], room: int) -> None:
    """Add the most probable boxes of all models, as many as there is room for."""
    found = [(index, box) for index, of_model in enumerate(boxes) for box in of_model]
    found.sort(key=lambda one: one[1]["probability"] or 0.0, reverse=True)
    for place, (index, box) in enumerate(found):
        room -= len(_dump(box)) + 1  # and a comma
        if room < 0:
            for left_out, _ in found[place:]:
                documents[left_out]["left_out"] = documents[left_out].get("left_out", 0) + 1
            return
        documents[index]["boxes"].append(box)


def _head(one: Caption) -> Json:
    """Return what there is to say of a model but for its boxes."""
    prediction = one.prediction
    findings = prediction.findings if prediction else ()
    best = findings[0] if findings else None
    return {
        "model": one.model,
        "state": one.state,
        "label": best.label if best else None,
        "probability": best.probability if best else None,
        "class": best.class_ if best else None,
        "findings": [finding.as_json() for finding in findings if finding.box is None][:MOST_FINDINGS],
        "boxes": [],
        "run": prediction.run if prediction else None,
        "seq": prediction.seq if prediction else None,
        "captured_at": prediction.captured_at if prediction else None,
        "age_ms": None if one.age_s is None else round(one.age_s * 1e3, 1),
        "since": one.since,
        "version": one.version,
    }


def _boxes(one: Caption) -> list[Json]:
    findings = one.prediction.findings if one.prediction else ()
    return [
        {"box": list(finding.box), "label": finding.label, "probability": finding.probability}
        | ({"points": [list(point) for point in finding.points]} if finding.points else {})
        for finding in findings
        if finding.box is not None
    ]


def _dump(document: object) -> bytes:
    return _encode(document).encode()
