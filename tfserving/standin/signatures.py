"""The signatures of a SavedModel and their tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import invalid_argument

Tensors = dict[str, NDArray[Any]]

DEFAULT_SIGNATURE = "serving_default"
_SMALLEST_PICTURE = bytes.fromhex(  # a PNG of one black pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000a49444154081d63000200000400010d3ba4b90000000049454e44ae426082"
)


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a signature.

    Attributes:
        name: in the graph, such as `serving_default_image_bytes:0`.
        dtype: TensorFlow's name, such as `float`, `int64`, `string`.
        shape: one number per dimension, -1 for any size; None for any rank.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None

    @property
    def any_first_dimension(self) -> bool:
        """Return whether the first dimension is free, so that it can be a batch."""
        return bool(self.shape) and self.shape is not None and self.shape[0] == -1


@dataclass(frozen=True)
class Signature:
    """One way to call a model; `method` is `tensorflow/serving/predict` or a sibling of it."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    method: str

    @property
    def batchable(self) -> bool:
        """Return whether requests may be batched along the first dimension."""
        every = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(info.any_first_dimension for info in every)


# TensorFlow's name of a type (DataTypeString) → numpy's. Strings are arrays of bytes objects.
NUMPY_TYPES: dict[str, Any] = {
    "float": np.float32,
    "double": np.float64,
    "half": np.float16,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "bool": np.bool_,
    "string": np.object_,
}


def check_rank(tensor: NDArray[Any], info: TensorInfo) -> None:
    """Refuse a tensor with another number of dimensions than the signature states.

    Raises:
        StatusError: INVALID_ARGUMENT, with the message of TensorFlow's `Session.run`.
    """
    if info.shape is None or tensor.ndim == len(info.shape):
        return
    asked_for = tuple(None if size == -1 else size for size in info.shape)
    raise invalid_argument(
        f"Cannot feed value of shape {tensor.shape} for Tensor {info.name}, which has shape {asked_for}"
    )


def placeholders(signature: Signature) -> Tensors:
    """Return some input for a call that warms a model up: zeros, and a picture of one pixel for strings."""
    return {name: _placeholder(info) for name, info in signature.inputs.items()}


def _placeholder(info: TensorInfo) -> NDArray[Any]:
    shape = [1 if size < 0 else size for size in info.shape or ()]
    if info.dtype == "string":
        return np.full(shape, _SMALLEST_PICTURE, np.object_)
    return np.zeros(shape, NUMPY_TYPES[info.dtype])
