"""JSON as TensorFlow Serving reads and writes it: RapidJSON's messages, numbers and layout.

TensorFlow Serving parses with RapidJSON; python-rapidjson is the same parser, so messages and offsets are its own.

Sources: tensorflow_serving/util/json_tensor.cc (`ParseJson`, `JsonValueToString`, `WriteDecimal`) and
RapidJSON's reader.h, error/en.h and prettywriter.h.
"""

import json
import math
import re
from typing import Any

import numpy as np
import rapidjson
from numpy.typing import NDArray

from tfserving.errors import Code, StatusError, invalid_argument

MAX_VALUES = 4_000_000
"""Most values in a body: 0.3 s of parsing. A picture of 1000x1000 as numbers has 3 million."""
MAX_CONTAINERS = 1_000_000
"""Most lists and objects in a body: 0.3 s of parsing, and 60 MB of memory."""
MAX_SHOWN = 64_000
"""Longest quotation of a request in an error message, in characters; TensorFlow Serving quotes all of it."""

_BOM = b"\xef\xbb\xbf"
_INDENT = "    "
_SHORT_DIGITS = 6  # absl::StrCat
_FULL_DIGITS = {2: 9, 4: 9, 8: 17}  # max_digits10 by size; half precision is written as float
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_NUMBERS = rapidjson.NM_NATIVE | rapidjson.NM_NAN  # whole numbers beyond 64 bits become decimals, as there
_MISTAKE = re.compile(r"Parse error at offset (\d+): (.*)\.", re.DOTALL)
_QUOTED_BRACKET = re.compile(r"'([]}])'")  # python-rapidjson's RapidJSON is newer than TensorFlow Serving's
_ONLY_ASCII = bytes(byte if byte < 0x80 else ord("?") for byte in range(256))


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse the body of a request, which has to be a JSON object; `NaN` and `Infinity` are numbers.

    Raises:
        StatusError: INVALID_ARGUMENT with RapidJSON's message and the offset in bytes; RESOURCE_EXHAUSTED if
            parsing would take seconds, during which no other request is answered.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    _check_size(body)
    try:
        value = _parsed(body.removeprefix(_BOM))
    except RecursionError:
        raise invalid_argument("JSON Parse error: Terminate parsing due to Handler error. at offset: 0") from None
    except rapidjson.JSONDecodeError as exc:
        message, offset = _mistake(exc)
        offset += len(_BOM) if body.startswith(_BOM) else 0
        raise invalid_argument(f"JSON Parse error: {message}. at offset: {offset}") from None
    if not isinstance(value, dict):
        raise invalid_argument(f"JSON Value: {pretty(value)} Is not object")
    return value


def _check_size(body: bytes) -> None:
    # The parser holds the interpreter's lock. Counting takes a thousandth of the time of parsing.
    containers = body.count(b"[") + body.count(b"{")
    if containers > MAX_CONTAINERS or containers + body.count(b",") > MAX_VALUES:
        raise StatusError(
            Code.RESOURCE_EXHAUSTED,
            f"The JSON has more than {MAX_VALUES} values or {MAX_CONTAINERS} lists and objects",
        )


def _parsed(body: bytes) -> Any:
    try:
        return rapidjson.loads(body, number_mode=_NUMBERS)
    except UnicodeDecodeError:
        # TensorFlow Serving does not validate the encoding of strings; Python's strings need an encoding.
        rapidjson.loads(body.translate(_ONLY_ASCII), number_mode=_NUMBERS)
        return json.loads(body.decode("utf-8", "surrogateescape"))


def _mistake(exc: rapidjson.JSONDecodeError) -> tuple[str, int]:
    found = _MISTAKE.fullmatch(str(exc))
    if found is None:
        return str(exc), 0
    return _QUOTED_BRACKET.sub(r"\1", found[2]), int(found[1])


def pretty(value: Any) -> str:
    """Write a parsed value for an error message; a longer one than `MAX_SHOWN` is cut."""
    if isinstance(value, float):
        single = np.float32(value) if abs(value) <= _LARGEST_FLOAT else np.float64(value)
        return decimals(np.array([single]))[0]
    if isinstance(value, str):
        value = value[:MAX_SHOWN]
    pieces: list[str] = []
    length = 0
    for piece in json.JSONEncoder(indent=_INDENT, ensure_ascii=False).iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > MAX_SHOWN:
            return "".join(pieces)[:MAX_SHOWN] + "..."
    return "".join(pieces)


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
    """Write floating-point numbers: with six digits if that is exact, else with as many as the type can need.

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
    """Lay out an array of items that are already text; `level` is the depth of the array itself."""
    if not items:
        return "[]"
    if single_line:
        return "[" + ", ".join(items) + "]"
    inner, outer = "\n" + _INDENT * (level + 1), "\n" + _INDENT * level
    return "[" + inner + ("," + inner).join(items) + outer + "]"


def obj(members: dict[str, str], level: int) -> str:
    """Lay out an object of values that are already text; `level` is the depth of the object itself."""
    if not members:
        return "{}"
    inner, outer = "\n" + _INDENT * (level + 1), "\n" + _INDENT * level
    return "{" + ",".join(f"{inner}{string(key)}: {text}" for key, text in members.items()) + outer + "}"


def error_body(message: str) -> bytes:
    """Write the body of an error (`MakeJsonFromStatus`)."""
    return obj({"error": string(message)}, 0).encode("utf-8", "surrogateescape")


def is_finite_number(value: Any) -> bool:
    """Return whether a parsed value is a number other than NaN and the infinities."""
    return type(value) is int or (type(value) is float and math.isfinite(value))
