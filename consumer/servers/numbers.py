"""Arrays out of JSON: what a server sends as nested lists, of any depth, is checked before it becomes an array."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.servers.errors import ServingNonsense

MOST_DIMENSIONS = 8
_TYPES: tuple[tuple[frozenset[type], str], ...] = (
    (frozenset({bool}), "bool"),
    (frozenset({int}), "int64"),
    (frozenset({int, float}), "float64"),
    (frozenset({float}), "float64"),
)


def array(values: Any, what: str) -> NDArray[Any]:
    """Return the array in nested lists: bool, int64, float64, or `object` if it holds texts.

    numpy itself would take texts for numbers, and make room for the longest of them at every place.

    Args:
        values: a list, or lists of lists.
        what: name of the tensor, for messages.

    Raises:
        ServingNonsense: the lists are ragged, nested too deeply, or hold something else.
    """
    if not isinstance(values, list):
        raise ServingNonsense(f"{what} is not a list")
    shape: list[int] = []
    flat: Sequence[Any] = values
    while True:
        shape.append(len(flat) if not shape else len(flat) // max(1, _product(shape)))
        if not flat or not isinstance(flat[0], list):
            break
        if len(shape) == MOST_DIMENSIONS:
            raise ServingNonsense(f"{what} has more than {MOST_DIMENSIONS} dimensions")
        length = len(flat[0])
        if not all(type(part) is list and len(part) == length for part in flat):
            raise ServingNonsense(f"{what} is ragged")
        if not length:
            shape.append(0)
            flat = []
            break
        flat = list(chain.from_iterable(flat))
    return _typed(flat, what).reshape(shape)


def _product(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _typed(flat: Sequence[Any], what: str) -> NDArray[Any]:
    kinds = frozenset(map(type, flat))
    if kinds == {str}:
        texts = np.empty(len(flat), object)
        texts[:] = flat
        return texts
    for accepted, dtype in _TYPES:
        if kinds == accepted or not kinds:
            try:
                return np.array(flat, dtype)
            except OverflowError as exc:
                raise ServingNonsense(f"{what} has a number that is too large") from exc
    raise ServingNonsense(f"{what} holds something other than numbers, or a mixture")
