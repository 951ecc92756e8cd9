"""JSON that others wrote, read so that every number in it is finite, and exact in JavaScript if it is whole."""

import json
import math
from typing import Any

MAX_EXACT = 2**53 - 1  # largest whole number that is exact in JavaScript (ECMA-262, Number.MAX_SAFE_INTEGER)


def read_json(text: bytes) -> Any:
    """Return the value that a JSON text holds.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or has a number that is not finite or not exact.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_exact)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


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
