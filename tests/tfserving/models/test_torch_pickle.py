"""A PyTorch state dict is read without calling anything in it or trusting its numbers."""

import io
import os
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfserving.errors import ExportError
from tfserving.models.torch_pickle import read_state_dict

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage:
    """Replaces torch's class when a file is written: only its name is written."""

    __module__ = "torch"


class Stored:
    """A tensor as torch pickles it: a call of `_rebuild_tensor_v2` with a storage outside of the pickle."""

    def __init__(self, key: str, size: int, offset: Any, shape: Any, strides: Any) -> None:
        self.storage = ("storage", FloatStorage, key, "cpu", size, None)
        self.rest: tuple[Any, ...] = (offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> Any:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (Elsewhere(self.storage), *self.rest)


class Elsewhere:
    def __init__(self, pid: tuple[Any, ...]) -> None:
        self.pid = pid


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, Elsewhere) else None


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provide modules with torch's names, so that a pickle can refer to their contents."""

    def _rebuild_tensor_v2() -> None:
        """Never called."""

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = FloatStorage  # type: ignore[attr-defined]
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def written(tensors: Any, storages: dict[str, list[float]], *, magic: int = MAGIC) -> bytes:
    out = io.BytesIO()
    for part in (magic, 1001, {"protocol_version": 1001, "little_endian": True}, tensors, list(storages)):
        Pickler(out, protocol=2).dump(part)
    for numbers in storages.values():
        out.write(struct.pack("<q", len(numbers)) + np.array(numbers, "<f4").tobytes())
    return out.getvalue()


def read(tmp_path: Path, content: bytes) -> dict[str, Any]:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    return read_state_dict(path)


@pytest.mark.usefixtures("torch_names")
def test_tensors_come_with_their_shape_and_order(tmp_path: Path) -> None:
    """Strides and offset count: for a transposed tensor, and for one that shares a storage."""
    tensors = OrderedDict(
        plain=Stored("1", 6, 0, (2, 3), (3, 1)),
        transposed=Stored("1", 6, 0, (3, 2), (1, 3)),
        part=Stored("1", 6, 4, (2,), (1,)),
        scalar=Stored("2", 1, 0, (), ()),
    )

    found = read(tmp_path, written(tensors, {"1": [0, 1, 2, 3, 4, 5], "2": [7]}))

    assert found["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["transposed"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["part"].tolist() == [4, 5]
    assert found["scalar"].shape == ()
    assert found["plain"].dtype == np.float32


class Trap:
    def __reduce__(self) -> Any:
        return os.mkdir, ("trapped",)


def test_a_pickle_that_names_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of weights cannot run a command."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ExportError, match=r"mkdir is not allowed"):
        read(tmp_path, written({"weight": Trap()}, {}))

    assert not (tmp_path / "trapped").exists()


@pytest.mark.usefixtures("torch_names")
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (2, 2), (2, 1)),
        (2, (1,), (1,)),
        (-2, (3,), (1,)),
        (-490, (492,), (1,)),
        (1, (2,), (-1,)),
        (0, (1 << 15, 1 << 15), (0, 0)),
        (0, (3,), (0,)),
        (0, (-1,), (1,)),
        (0, (2.0,), (1,)),
        (0, ("2",), (1,)),
        (None, (2,), (1,)),
        (0, (2,), (1, 1)),
        (0, None, (1,)),
        (0, (1 << 62, 1 << 62), (1, 1)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(tmp_path: Path, offset: Any, shape: Any, strides: Any) -> None:
    """Numbers from a file must not reach into other memory, nor make gigabytes out of two elements."""
    with pytest.raises(ExportError, match=r"weights\.pth is not a PyTorch state dict"):
        read(tmp_path, written({"w": Stored("1", 2, offset, shape, strides)}, {"1": [0, 1]}))


@pytest.mark.usefixtures("torch_names")
@pytest.mark.parametrize("size", [1 << 40, 1 << 62, -1])
def test_a_storage_larger_than_the_file_is_refused(tmp_path: Path, size: int) -> None:
    """The file claims more elements than it has."""
    content = written({"w": Stored("1", size, 0, (2,), (1,))}, {"1": [0, 1]})
    claimed = content[: -2 * 4 - 8] + struct.pack("<q", size) + content[-2 * 4 :]

    with pytest.raises(ExportError, match=r"weights\.pth is not a PyTorch state dict"):
        read(tmp_path, claimed)


@pytest.mark.usefixtures("torch_names")
def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """A download may have been interrupted."""
    whole = written({"w": Stored("1", 4, 0, (4,), (1,))}, {"1": [0, 1, 2, 3]})

    with pytest.raises(ExportError, match=r"weights\.pth is not a PyTorch state dict"):
        read(tmp_path, whole[:-4])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", pickle.dumps(1)])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file, torch's newer zip format, another pickle."""
    with pytest.raises(ExportError, match=r"weights\.pth is not"):
        read(tmp_path, content)


def test_a_missing_file_is_an_export_error(tmp_path: Path) -> None:
    """The message has the system's reason."""
    with pytest.raises(ExportError, match="No such file"):
        read_state_dict(tmp_path / "none.pth")
