"""The inputs and outputs of a model: arrays by name, and what a server says of their types and shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray

Tensors: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by name, the batch dimension first; encoded pictures are an array of `object` that holds `bytes`."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model.

    Attributes:
        name: as the server calls it.
        dtype: numpy's name of the type, such as `uint8` or `float32`; `bytes` for strings.
        shape: the batch dimension first; -1 where any size is allowed.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        """Return the form in messages: `images uint8 [-1, 300, 300, 3]`."""
        return f"{self.name} {self.dtype} {list(self.shape)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives; both empty if its server does not say."""

    inputs: Mapping[str, TensorSpec] = field(default_factory=dict)
    outputs: Mapping[str, TensorSpec] = field(default_factory=dict)
