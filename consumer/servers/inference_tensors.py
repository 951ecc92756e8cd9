"""Tensors in requests and answers of the Open Inference Protocol v2, as JSON and by its binary extension.

The protocol: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md;
the extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
"""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.servers import numbers
from consumer.servers.errors import ServingNonsense
from consumer.servers.http import Answer, json_object
from consumer.tensors import TensorSpec

HEADER_LENGTH = "Inference-Header-Content-Length"
MOST_TENSORS = 100
DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "bytes",
}
DATATYPES = {dtype: datatype for datatype, dtype in DTYPES.items()}
_LENGTH_BYTES = 4  # before each element of BYTES, little endian


def request_body(request_id: str, inputs: dict[str, NDArray[Any]], *, binary: bool) -> tuple[bytes, dict[str, str]]:
    """Return the body of a request and its headers.

    Args:
        request_id: which some servers require.
        inputs: as the model's metadata name and shape them; encoded pictures are an array of `object`.
        binary: whether tensors are sent, and asked for, as bytes. In JSON an encoded picture is base64 text of the
            content type `base64`, as MLServer reads it.
    """
    tensors: list[dict[str, Any]] = []
    parts: list[bytes] = []
    for name, values in inputs.items():
        encoded = values.dtype == object
        document: dict[str, Any] = {
            "name": name,
            "shape": list(values.shape),
            "datatype": DATATYPES["bytes" if encoded else values.dtype.name],
        }
        flat = values.reshape(-1)
        if binary:
            parts.append(b"".join(map(_framed, flat)) if encoded else _little_endian(flat).tobytes())
            document["parameters"] = {"binary_data_size": len(parts[-1])}
        elif encoded:
            document["parameters"] = {"content_type": "base64"}
            document["data"] = [base64.b64encode(one).decode() for one in flat]
        else:
            document["data"] = flat.tolist()
        tensors.append(document)
    content: dict[str, Any] = {"id": request_id, "inputs": tensors}
    if not binary:
        return json.dumps(content, separators=(",", ":")).encode(), {}
    content["parameters"] = {"binary_data_output": True}
    header = json.dumps(content, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}
    return b"".join((header, *parts)), headers


def read_outputs(answer: Answer) -> dict[str, NDArray[Any]]:
    """Return the outputs in an answer, in whichever of the two forms it is.

    Raises:
        ServingNonsense: it is not what the protocol describes.
    """
    document, rest = _header(answer)
    outputs = document.get("outputs")
    if not isinstance(outputs, list) or len(outputs) > MOST_TENSORS:
        raise ServingNonsense("the answer has no list of outputs")
    arrays: dict[str, NDArray[Any]] = {}
    for output in outputs:
        if not isinstance(output, dict) or not isinstance(name := output.get("name"), str):
            raise ServingNonsense("an output has no name")
        what = f"output {name[:100]}"
        shape = _shape(output.get("shape"), what)
        parameters = output.get("parameters")
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if size is None:
            arrays[name] = _from_json(output.get("data"), shape, what)
            continue
        if type(size) is not int or not 0 <= size <= len(rest):
            raise ServingNonsense(f"{what} has {str(size)[:20]} bytes, and {len(rest)} are left")
        arrays[name] = _from_bytes(rest[:size], str(output.get("datatype")), shape, what)
        rest = rest[size:]
    return arrays


def as_described(values: NDArray[Any], spec: TensorSpec | None, rows: int) -> NDArray[Any]:
    """Return an output in the form that the metadata describe.

    MLServer sends [n, 1] for [n], and a model that answers about one row may leave out the batch dimension.
    """
    if spec is None or values.ndim == len(spec.shape):
        return values
    if values.ndim == len(spec.shape) + 1 and values.shape[-1] == 1:
        return values[..., 0]
    if values.ndim == len(spec.shape) - 1 and rows == 1 and spec.shape[:1] in ((-1,), (1,)):
        return values[None]
    return values


def _header(answer: Answer) -> tuple[dict[str, Any], memoryview]:
    length = answer.headers.get(HEADER_LENGTH.lower())
    if length is None:
        return answer.json(), memoryview(b"")
    if not (length.isascii() and length.isdecimal() and int(length[:12]) <= len(answer.body)):
        raise ServingNonsense(f"{HEADER_LENGTH} is {length[:20]!r} of {len(answer.body)} bytes")
    end = int(length[:12])
    return json_object(answer.body[:end]), memoryview(answer.body)[end:]


def _shape(value: Any, what: str) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > numbers.MOST_DIMENSIONS:
        raise ServingNonsense(f"{what} has no shape")
    if not all(type(size) is int and 0 <= size < 2**31 for size in value):
        raise ServingNonsense(f"{what} has the shape {str(value)[:60]}")
    return tuple(value)


def _from_json(data: Any, shape: Sequence[int], what: str) -> NDArray[Any]:
    values = numbers.array(data, what)  # flat, as the protocol asks for, or nested, as it allows
    if values.size != math.prod(shape):
        raise ServingNonsense(f"{what} has {values.size} values for the shape {list(shape)}")
    return values.reshape(shape)


def _from_bytes(data: memoryview, datatype: str, shape: Sequence[int], what: str) -> NDArray[Any]:
    dtype = DTYPES.get(datatype)
    count = math.prod(shape)
    if dtype is None:
        raise ServingNonsense(f"{what} has the datatype {datatype[:20]}; known: {', '.join(DTYPES)}")
    if dtype == "bytes":
        return _texts(data, count, what).reshape(shape)
    width = np.dtype(dtype).itemsize
    if len(data) != count * width:
        raise ServingNonsense(f"{what} has {len(data)} bytes for the shape {list(shape)} of {datatype}")
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)


def _texts(data: memoryview, count: int, what: str) -> NDArray[Any]:
    texts: list[bytes] = []
    position = 0
    while position + _LENGTH_BYTES <= len(data) and len(texts) < count:
        begin = position + _LENGTH_BYTES
        position = begin + int.from_bytes(data[position:begin], "little")
        texts.append(bytes(data[begin:position]))
    if len(texts) != count or position != len(data):
        raise ServingNonsense(f"{what} does not hold {count} texts")
    values = np.empty(count, object)
    values[:] = texts
    return values


def _framed(one: bytes) -> bytes:
    return len(one).to_bytes(_LENGTH_BYTES, "little") + one


def _little_endian(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(values.dtype.newbyteorder("<"), copy=False)
