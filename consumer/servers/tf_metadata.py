"""The signature in a SavedModel's metadata (GET /v1/models/NAME/metadata, the JSON form of SignatureDefMap)."""

from typing import Any

from consumer.tensors import Signature, TensorSpec

SIGNATURE = "serving_default"
MOST_TENSORS = 100
MOST_DIMENSIONS = 10
LONGEST_NAME = 100
LARGEST_DIMENSION = 2**31 - 1
_DTYPES = {  # tensorflow/core/framework/types.proto
    "DT_BFLOAT16": "bfloat16",
    "DT_BOOL": "bool",
    "DT_DOUBLE": "float64",
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_INT8": "int8",
    "DT_STRING": "bytes",
    "DT_UINT16": "uint16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_UINT8": "uint8",
}


def read_signature(document: dict[str, Any]) -> Signature:
    """Return the signature `serving_default`; an empty one if the document has none that can be read.

    A tensor of unknown rank has the shape ().
    """
    try:
        signature = document["metadata"]["signature_def"]["signature_def"][SIGNATURE]
        return Signature(_tensors(signature.get("inputs", {})), _tensors(signature.get("outputs", {})))
    except (KeyError, TypeError, ValueError, AttributeError):
        return Signature()


def _tensors(documents: dict[str, Any]) -> dict[str, TensorSpec]:
    if len(documents) > MOST_TENSORS:
        raise ValueError("too many tensors")
    return {name: _tensor(name, document) for name, document in documents.items()}


def _tensor(name: str, document: dict[str, Any]) -> TensorSpec:
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError("not a name")
    shape = document["tensor_shape"]
    sizes = () if shape.get("unknown_rank") else tuple(_size(dim["size"]) for dim in shape.get("dim", ()))
    if len(sizes) > MOST_DIMENSIONS:
        raise ValueError("too many dimensions")
    return TensorSpec(name, _DTYPES.get(document["dtype"], "unknown"), sizes)


def _size(value: Any) -> int:
    size = int(value)
    if size > LARGEST_DIMENSION:
        raise ValueError("too large a dimension")
    return max(-1, size)
