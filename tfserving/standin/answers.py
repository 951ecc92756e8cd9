"""Tensors → the JSON of an answer, in row (`predictions`) and column (`outputs`) format.

Source: `MakeJsonFromTensors` in tensorflow_serving/util/json_tensor.cc, RapidJSON's layout included.
"""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import invalid_argument
from tfserving.standin.jsontext import array, decimals, obj, string
from tfserving.standin.signatures import Tensors
from tfserving.standin.tensors import Format


def predict_answer(outputs: Tensors, form: Format) -> bytes:
    """Return the outputs of a model as JSON.

    Raises:
        StatusError: INVALID_ARGUMENT: there are no outputs, a type has no JSON, or sizes differ.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    ordered = dict(sorted(outputs.items()))
    text = _rows(ordered) if form is Format.ROW else _columns(ordered)
    return text.encode("utf-8", "surrogateescape")


def _rows(outputs: Tensors) -> str:
    size = _common_size(outputs)
    if not size:
        return obj({"predictions": "[]"}, 0)
    if len(outputs) == 1:
        ((name, tensor),) = outputs.items()
        items = _written(name, tensor, 2, single_line=True)
        # Items go on one line, but the list is closed on a line of its own.
        return obj({"predictions": "[" + ", ".join(items) + "\n    ]"}, 0)
    columns = {name: _written(name, tensor, 3, single_line=True) for name, tensor in outputs.items()}
    rows = [obj({name: texts[row] for name, texts in columns.items()}, 2) for row in range(size)]
    return obj({"predictions": array(rows, 1, single_line=False)}, 0)


def _common_size(outputs: Tensors) -> int:
    size = -1
    for name, tensor in outputs.items():
        if tensor.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if size >= 0 and size != len(tensor):
            raise invalid_argument(f"Tensor name: {name} has inconsistent batch size: {len(tensor)} expecting: {size}")
        size = len(tensor)
    return size


def _columns(outputs: Tensors) -> str:
    level = 1 if len(outputs) == 1 else 2
    texts = {name: _text(_leaves(name, tensor, level), level, False) for name, tensor in outputs.items()}
    if len(texts) == 1:
        return obj({"outputs": next(iter(texts.values()))}, 0)
    return obj({"outputs": obj(texts, 1)}, 0)


def _written(name: str, tensor: NDArray[Any], level: int, *, single_line: bool) -> list[str]:
    """Write each element along the first dimension."""
    leaves = _leaves(name, tensor, level)
    return [_text(leaf, level, single_line) for leaf in leaves]


def _leaves(name: str, tensor: NDArray[Any], level: int) -> Any:
    """Write the scalars of a tensor: lists of strings, nested as the tensor is."""
    flat = tensor.reshape(-1)
    match tensor.dtype.kind:
        case "f":
            texts = decimals(flat)
        case "i" | "u":
            texts = list(map(str, flat.tolist()))
        case "b":
            texts = ["true" if value else "false" for value in flat.tolist()]
        case "O" | "S":
            as_bytes = name.endswith("_bytes")
            depth = level + tensor.ndim - 1
            texts = [_bytes(value, depth) if as_bytes else _string(value) for value in flat.tolist()]
        case _:
            raise invalid_argument(f"Failed to write JSON value for tensor type: {tensor.dtype.name}")
    nested = np.empty(len(texts), np.object_)
    nested[:] = texts
    return nested.reshape(tensor.shape).tolist()


def _bytes(value: bytes, level: int) -> str:
    return obj({"b64": string(base64.b64encode(value).decode("ascii"))}, level)


def _string(value: bytes | str) -> str:
    return string(value if isinstance(value, str) else value.decode("utf-8", "surrogateescape"))


def _text(leaf: Any, level: int, single_line: bool) -> str:
    if isinstance(leaf, str):
        return leaf
    return array([_text(item, level + 1, single_line) for item in leaf], level, single_line=single_line)
