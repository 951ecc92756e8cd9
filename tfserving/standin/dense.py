"""One parsed JSON value, list or list of lists → one tensor, as json_tensor.cc fills it.

Values are checked one by one only where something is irregular: a list of faces has thousands of numbers.
"""

import base64
import binascii
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import Code, StatusError, invalid_argument
from tfserving.standin.jsontext import is_finite_number, pretty, type_name
from tfserving.standin.signatures import NUMPY_TYPES

Shape = tuple[int, ...]

_MAX_RANK = 32  # numpy's limit is 64, TensorFlow's 254; kernels take 8 at most
_BASE64_KEY = "b64"
# The largest whole number up to which every one is exact, and the largest number: IsLosslessDecimal.
_FLOATS = {
    "float": (2.0**24 - 1, float(np.finfo(np.float32).max)),
    "double": (2.0**53 - 1, float(np.finfo(np.float64).max)),
}
# The range of the JSON numbers accepted for a type: RapidJSON's IsInt, IsInt64, IsUint, IsUint64.
_INTEGERS: dict[str, np.iinfo[Any]] = {
    **dict.fromkeys(("int8", "int16", "int32", "uint8"), np.iinfo(np.int32)),
    "int64": np.iinfo(np.int64),
    "uint32": np.iinfo(np.uint32),
    "uint64": np.iinfo(np.uint64),
}


def is_base64(value: Any) -> bool:
    """Return whether a value represents bytes: an object of just `b64` and a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_BASE64_KEY), str)


def dense(value: Any, dtype: str) -> NDArray[Any]:
    """Turn one value, list or list of lists into a tensor of its shape.

    Args:
        value: a parsed JSON value.
        dtype: TensorFlow's name of the type, such as `float`.

    Raises:
        StatusError: a value is not of the type, or lists differ in length; UNIMPLEMENTED: no JSON for the type.
    """
    tensor = regular(value, dtype)
    return _checked(value, dtype) if tensor is None else tensor


def regular(value: Any, dtype: str) -> NDArray[Any] | None:
    """Do what `dense` does for numbers in lists of equal length; None if something else is in them."""
    shape: list[int] = []
    level = [value]
    while set(map(type, level)) == {list}:
        lengths = set(map(len, level))
        if len(lengths) != 1:
            return None
        shape.append(lengths.pop())
        if len(shape) > _MAX_RANK:
            return None
        level = list(chain.from_iterable(level))
    types = set(map(type, level))
    if dtype in _FLOATS and types <= {float, int} and level:
        try:
            numbers = np.array(level, np.float64)
        except OverflowError:
            return None
        whole, largest = _FLOATS[dtype]
        bound = whole if int in types else largest
        if not np.all(np.abs(numbers) <= bound):
            return None
    elif dtype in _INTEGERS and types == {int}:
        if min(level) < _INTEGERS[dtype].min or max(level) > _INTEGERS[dtype].max:
            return None
        numbers = np.array(level, _INTEGERS[dtype].dtype)
    else:
        return None
    return numbers.astype(NUMPY_TYPES[dtype]).reshape(shape)


def _checked(value: Any, dtype: str) -> NDArray[Any]:
    # GetDenseTensorShape, FillTensorProto
    shape = _shape(value)
    if len(shape) > _MAX_RANK:
        raise invalid_argument(f"Tensors of more than {_MAX_RANK} dimensions are not supported")
    flat: list[Any] = []
    _fill(value, 0, dtype, shape, flat)
    # Numbers beyond the type's range wrap, as in the protocol buffer that they go through there.
    wide = _INTEGERS[dtype].dtype if dtype in _INTEGERS else NUMPY_TYPES[dtype]
    tensor = np.empty(len(flat), wide)
    tensor[:] = flat
    return tensor.astype(NUMPY_TYPES[dtype]).reshape(shape)


def _shape(value: Any) -> Shape:
    if not isinstance(value, list):
        return ()
    return (len(value), *(_shape(value[0]) if value else ()))


def _fill(value: Any, level: int, dtype: str, shape: Shape, flat: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {pretty(value)} found at incorrect level: {level + 1}"
                f" in the JSON DOM. Expected at level: {len(shape)}"
            )
        flat.append(_leaf(value, dtype))
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        _fill(item, level + 1, dtype, shape, flat)


def _leaf(value: Any, dtype: str) -> Any:
    # AddValueToTensor
    if isinstance(value, dict):
        if dtype != "string":
            raise _type_error(value, dtype)
        return _from_base64(value)
    if dtype in _FLOATS:
        return _decimal(value, dtype)
    if dtype in _INTEGERS:
        limits = _INTEGERS[dtype]
        if type(value) is not int or not limits.min <= value <= limits.max:
            raise _type_error(value, dtype)
        return value
    if dtype == "string":
        if not isinstance(value, str):
            raise _type_error(value, dtype)
        return value.encode("utf-8", "surrogateescape")
    if dtype == "bool":
        if not isinstance(value, bool):
            raise _type_error(value, dtype)
        return value
    raise StatusError(Code.UNIMPLEMENTED, f"Conversion of JSON Value: {pretty(value)} to type: {dtype}")


def _type_error(value: Any, dtype: str) -> StatusError:
    return invalid_argument(f"JSON Value: {pretty(value)} Type: {type_name(value)} is not of expected type: {dtype}")


def _decimal(value: Any, dtype: str) -> float:
    if type(value) not in (int, float):
        raise _type_error(value, dtype)
    if not is_finite_number(value):
        return float(value)
    whole, largest = _FLOATS[dtype]
    # Whole numbers that no 64-bit integer holds are decimals to RapidJSON.
    is_whole = type(value) is int and -(2**63) <= value < 2**64
    if abs(value) > (whole if is_whole else largest):
        raise invalid_argument(f"Cannot convert JSON value: {pretty(value)} to {dtype} without loss of precision.")
    return float(value)


def _from_base64(value: dict[str, Any]) -> bytes:
    # JsonDecodeBase64Object
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {pretty(value)} not formatted correctly for base64 data")
    text: str = value[_BASE64_KEY]
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return _lenient_base64(text)


def _lenient_base64(text: str) -> bytes:
    # absl::Base64Unescape allows blanks anywhere and needs no padding.
    packed = "".join(text.split())
    if "=" not in packed:
        packed += "=" * (-len(packed) % 4)
    try:
        return base64.b64decode(packed, validate=True)
    except ValueError:
        raise invalid_argument("Unable to base64 decode") from None
