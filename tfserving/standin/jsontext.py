"""JSON as TensorFlow Serving reads and writes it: RapidJSON's messages, numbers and layout.

Sources: tensorflow_serving/util/json_tensor.cc (`ParseJson`, `JsonValueToString`, `WriteDecimal`) and
RapidJSON's reader.h, error/en.h and prettywriter.h.
"""

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import invalid_argument
from tfserving.standin.rapidjson import find_mistake

_INDENT = "    "
_SHORT_DIGITS = 6  # absl::StrCat
_FULL_DIGITS = {2: 9, 4: 9, 8: 17}  # max_digits10 by size; half precision is written as float
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse the body of a request, which has to be a JSON object; `NaN` and `Infinity` are numbers.

    Raises:
        StatusError: INVALID_ARGUMENT with RapidJSON's message and the offset in bytes.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    # RapidJSON does not look at the encoding within strings; neither may we.
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    try:
        value = json.loads(text)
    except RecursionError:
        raise invalid_argument("JSON Parse error: Terminate parsing due to Handler error. at offset: 0") from None
    except json.JSONDecodeError as exc:
        message, offset = find_mistake(body) or (exc.msg, exc.pos)
        raise invalid_argument(f"JSON Parse error: {message}. at offset: {offset}") from None
    if not isinstance(value, dict):
        raise invalid_argument(f"JSON Value: {pretty(value)} Is not object")
    return value


def pretty(value: Any) -> str:
    """Write a parsed value for an error message."""
    if isinstance(value, float):
        single = np.float32(value) if abs(value) <= _LARGEST_FLOAT else np.float64(value)
        return decimals(np.array([single]))[0]
    return json.dumps(value, indent=_INDENT, ensure_ascii=False)


def type_name(value: Any) -> str:
    """Name a parsed value's type as RapidJSON's `GetType` does."""
    match value:
        case None:
            return "Null"
        case bool():
            return str(value)
        case dict():
            return "Object"
        case list():
            return "Array"
        case str():
            return "String"
    return "Number"


def decimals(numbers: NDArray[Any]) -> list[str]:
    """Write floating-point numbers: six digits if they say it all, else as many as the type can need.

    Args:
        numbers: one dimension, float16, float32 or float64.
    """
    values = tuple(numbers.tolist())
    short = (f"%.{_SHORT_DIGITS}g " * len(values) % values).split()
    full = (f"%.{_FULL_DIGITS[numbers.itemsize]}g " * len(values) % values).split()
    as_float = numbers.astype(np.float32) if numbers.itemsize == 2 else numbers
    exact = np.fromiter(map(float, short), np.float64, len(short)).astype(as_float.dtype) == as_float
    chosen = [s if same else f for s, f, same in zip(short, full, exact.tolist(), strict=True)]
    return [_with_point(text) for text in chosen]


def _with_point(text: str) -> str:
    if "." in text or "e" in text:
        return text
    if text[-1] in "nf":  # nan, inf, -inf
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, "NaN")
    return text + ".0"


def string(text: str) -> str:
    """Write a string."""
    return json.dumps(text, ensure_ascii=False)


def array(items: list[str], level: int, *, single_line: bool) -> str:
    """Lay out an array whose items are written; `level` is how deep the array itself is."""
    if not items:
        return "[]"
    if single_line:
        return "[" + ", ".join(items) + "]"
    inner, outer = "\n" + _INDENT * (level + 1), "\n" + _INDENT * level
    return "[" + inner + ("," + inner).join(items) + outer + "]"


def obj(members: dict[str, str], level: int) -> str:
    """Lay out an object whose values are written; `level` is how deep the object itself is."""
    if not members:
        return "{}"
    inner, outer = "\n" + _INDENT * (level + 1), "\n" + _INDENT * level
    return "{" + ",".join(f"{inner}{string(key)}: {text}" for key, text in members.items()) + outer + "}"


def error_body(message: str) -> bytes:
    """Write the body of an answer that is not OK (`MakeJsonFromStatus`)."""
    return obj({"error": string(message)}, 0).encode("utf-8", "surrogateescape")


def is_finite_number(value: Any) -> bool:
    """Tell whether a parsed value is a number other than NaN and the infinities."""
    return type(value) is int or (type(value) is float and math.isfinite(value))
