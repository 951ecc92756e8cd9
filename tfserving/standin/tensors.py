"""The tensors of a parsed request, in row (`instances`) and column (`inputs`) format.

Every rule and message is that of tensorflow_serving/util/json_tensor.cc; each function here names its original.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import StatusError, invalid_argument
from tfserving.standin.dense import Shape, dense, is_base64, regular
from tfserving.standin.jsontext import pretty
from tfserving.standin.signatures import TensorInfo, Tensors

Infos = dict[str, TensorInfo]


class Format(Enum):
    """How the tensors of a request, and those of its answer, are written."""

    ROW = "instances"
    COLUMN = "inputs"


@dataclass(frozen=True)
class PredictRequest:
    """The tensors of a `:predict` request by input name."""

    format: Format
    inputs: Tensors


def signature_name(document: dict[str, Any]) -> str:
    """Return the signature's name in a request; empty if it has none (`FillSignature`)."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {pretty(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return name


def predict_request(document: dict[str, Any], infos: Infos) -> PredictRequest:
    """Turn a request into tensors (`FillPredictRequestFromJson`).

    Args:
        document: the body.
        infos: the signature's inputs, at least one.

    Raises:
        StatusError: the request does not fit the signature or the format.
    """
    if "instances" not in document:
        if "inputs" not in document:
            raise invalid_argument("Missing 'inputs' or 'instances' key")
        return PredictRequest(Format.COLUMN, _from_inputs(document["inputs"], infos))
    if "inputs" in document:
        raise _format_error(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    instances = document["instances"]
    if not isinstance(instances, list):
        raise _format_error(document, "Excepting 'instances' to be an list/array")
    if not instances:
        raise _format_error(document, "No values in 'instances' array")
    return PredictRequest(Format.ROW, _from_instances(instances, infos))


def _format_error(document: Any, complaint: str) -> StatusError:
    return invalid_argument(f"JSON Value: {pretty(document)} {complaint}")


def _from_instances(instances: list[Any], infos: Infos) -> Tensors:
    # FillTensorMapFromInstancesList
    if not isinstance(instances[0], dict) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    if not _is_named(instances[0]):
        name, info = next(iter(infos.items()))
        whole = regular(instances, info.dtype)
        if whole is not None:
            return {name: whole}
    return _one_by_one(instances, infos)


def _one_by_one(instances: list[Any], infos: Infos) -> Tensors:
    named = _is_named(instances[0])
    names = sorted(infos)
    columns: dict[str, _Column] = {}
    for count, element in enumerate(instances):
        if named and not _is_named(element):
            raise invalid_argument(f"Expecting object but got list at item {count} of input list")
        if not named and _is_named(element):
            raise invalid_argument(f"Expecting value/list but got object at item {count} of input list")
        members = element if named else {names[0]: element}
        for name, item in members.items():
            try:
                _add_item(columns, name, item, infos)
            except StatusError as exc:
                key = f" key: {name}" if named else ""
                raise invalid_argument(
                    f"Failed to process element: {count}{key} of 'instances' list. Error: {exc}"
                ) from None
        if set(members) != set(names):
            raise invalid_argument(
                f"Failed to process element: {count} of 'instances' list. "
                f"JSON object: {pretty(element)} keys must be equal to: {','.join(names)}"
            )
    return {name: column.stacked() for name, column in columns.items()}


@dataclass
class _Column:
    size: int
    shape: Shape
    items: list[NDArray[Any]]

    def stacked(self) -> NDArray[Any]:
        flat = np.concatenate(self.items)
        return flat.reshape((len(self.items), *self.shape))


def _add_item(columns: dict[str, _Column], name: str, item: Any, infos: Infos) -> None:
    # AddInstanceItem
    if name not in infos:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    tensor = dense(item, infos[name].dtype)
    if name not in columns:
        columns[name] = _Column(tensor.size, tensor.shape, [])
    column = columns[name]
    if column.size != tensor.size:
        raise invalid_argument(f"Expecting tensor size: {column.size} but got: {tensor.size}")
    if column.shape != tensor.shape:
        raise invalid_argument(f"Expecting shape {_text(column.shape)} but got: {_text(tensor.shape)}")
    column.items.append(tensor.reshape(-1))


def _text(shape: Shape) -> str:
    return "[" + ",".join(map(str, shape)) + "]"


def _from_inputs(value: Any, infos: Infos) -> Tensors:
    # FillTensorMapFromInputsMap
    if not _is_named(value):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        name, info = next(iter(infos.items()))
        return {name: dense(value, info.dtype)}
    tensors = {}
    for name, info in infos.items():
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        tensors[name] = dense(value[name], info.dtype)
    return tensors


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)
