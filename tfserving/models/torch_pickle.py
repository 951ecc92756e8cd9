"""Read a PyTorch state dict in the legacy format (before torch 1.6) without PyTorch.

The file is: a pickled magic number, a pickled protocol version, a pickled description of the writer's
machine, the pickled mapping of names to tensors, a pickled list of storage keys, then for every key
eight bytes with the number of elements and the raw elements.
Format: `_legacy_save` in torch/serialization.py.

A pickle may call anything it names, so this unpickler knows five names and refuses every other. It trusts
no number in the file either: a tensor must lie within its storage, and may not repeat elements.
"""

import math
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import ExportError

Array = NDArray[Any]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


@dataclass(frozen=True)
class _Storage:
    dtype: np.dtype[Any]
    key: str
    size: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_unused: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


# The replacement of each name that may occur; nothing of torch is ever called.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "DoubleStorage"): np.dtype("<f8"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed in it") from None

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", np.dtype() as dtype, str(key), str(), int(size), None):
                return _Storage(dtype, key, size)
        raise pickle.UnpicklingError(f"cannot read the storage {pid!r}")


def read_state_dict(path: Path) -> dict[str, Array]:
    """Read all tensors of a legacy PyTorch state dict.

    Returns:
        Arrays by parameter name, each with the shape, dtype and element order of the tensor.

    Raises:
        ExportError: the file is missing, truncated, of another format, or names something that is not allowed.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as exc:
        raise ExportError(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
    except Exception as exc:  # a pickle can make the interpreter raise nearly anything
        reason = str(exc) or type(exc).__name__
        raise ExportError(f"{path.name} is not a PyTorch state dict that can be read: {reason}") from exc


def _read(file: BinaryIO) -> dict[str, Array]:
    def unpickle() -> Any:
        return _RestrictedUnpickler(file).load()

    if unpickle() != _MAGIC or unpickle() != _PROTOCOL:
        raise ValueError("not the legacy format (torch before 1.6)")
    if not unpickle().get("little_endian"):
        raise ValueError("written on a big-endian machine")
    tensors: dict[str, _Tensor] = {name: value for name, value in unpickle().items() if isinstance(value, _Tensor)}
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    elements = {}
    for key in unpickle():
        (count,) = struct.unpack("<q", file.read(8))
        storage = storages[key]
        if count != storage.size:
            raise ValueError(f"storage {key} has {count} elements instead of {storage.size}")
        raw = file.read(count * storage.dtype.itemsize)
        elements[key] = np.frombuffer(raw, storage.dtype, count)
    return {name: _view(elements[tensor.storage.key], tensor) for name, tensor in tensors.items()}


def _view(elements: Array, tensor: _Tensor) -> Array:
    # torch may have reordered the dimensions in memory: strides say how, in elements.
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("a tensor's offset, shape or strides are not whole numbers from 0")
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    if not 0 <= last < len(elements) or math.prod(tensor.shape) > len(elements):
        raise ValueError("a tensor reaches beyond its storage")
    strides = [stride * elements.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(elements[tensor.offset :], tensor.shape, strides).copy()
