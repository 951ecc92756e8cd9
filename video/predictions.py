"""What was drawn on a frame: the header `predictions`, checked, because anyone may write to the bus."""

import json
import math
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

MAX_BYTES = 16 * 1024
MAX_PREDICTIONS = 100
MAX_EXACT = 2**53 - 1  # largest whole number that is exact in JavaScript (ECMA-262, Number.MAX_SAFE_INTEGER)
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
        predictions = json.loads(header or b"[]", parse_constant=_refuse, parse_float=_finite, parse_int=_exact)
    except (ValueError, RecursionError):
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


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:32]} is not finite")
    return number


def _exact(text: str) -> int:
    number = int(text) if len(text) <= 17 else MAX_EXACT + 1
    if abs(number) > MAX_EXACT:
        raise ValueError(f"{text[:32]} is not exact in JavaScript")
    return number
