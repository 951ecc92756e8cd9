"""What was drawn on a frame: the header `predictions`, checked, because anyone may write to the bus."""

from typing import Any, TypeAlias

from video.strict_json import read_json

Json: TypeAlias = dict[str, Any]

MAX_BYTES = 16 * 1024
MAX_PREDICTIONS = 100
_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "state": (str,),
    "label": (str, type(None)),
    "probability": (int, float, type(None)),
    "boxes": (list,),
}


def read_predictions(header: bytes) -> list[Json]:
    """Return the predictions in a header; those of another shape are left out, and all of them if it is not JSON.

    A prediction is an object; `model` and `state` are text, `label` text or null, `probability` a number or null,
    `boxes` a list, each where present; every number in it is finite, and exact in JavaScript if it is whole.
    """
    if len(header) > MAX_BYTES:
        return []
    try:
        predictions = read_json(header or b"[]")
    except ValueError:
        return []
    if not isinstance(predictions, list):
        return []
    return [prediction for prediction in predictions[:MAX_PREDICTIONS] if _has_shape(prediction)]


def _has_shape(prediction: object) -> bool:
    return isinstance(prediction, dict) and all(
        isinstance(prediction[name], types) and not isinstance(prediction[name], bool)
        for name, types in _TYPES.items()
        if name in prediction
    )
