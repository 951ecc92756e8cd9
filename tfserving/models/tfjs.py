"""Reads a graph model of TensorFlow.js (`NAME.json` with its weights in `NAME.bin`) as a TensorFlow graph.

Format: https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts (ModelJSON, WeightsManifestEntry).
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfserving.errors import ExportError
from tfserving.runtime import load_tensorflow

_DTYPES = {"float32": np.float32, "int32": np.int32, "uint8": np.uint8, "bool": np.bool_, "float16": np.float16}
_PRODUCER = 1087
# What TensorFlow.js fused; TensorFlow fuses the plain operations again when it loads the graph.
_FUSED = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul"}
_KEPT_ATTRIBUTES = {
    "Conv2D": ("T", "strides", "padding", "data_format", "dilations", "explicit_paddings"),
    "DepthwiseConv2dNative": ("T", "strides", "padding", "data_format", "dilations", "explicit_paddings"),
    "MatMul": ("T", "transpose_a", "transpose_b"),
}
_KEPT_STEPS = frozenset({"BiasAdd", "Relu", "Relu6", "Elu"})


def read_graph(model: Path, weights: Path) -> Any:
    """Return the model's GraphDef with its weights as constants.

    Args:
        model: the JSON file.
        weights: the file of the weights, one for all.

    Raises:
        ExportError: a file is missing, or not of this form.
    """
    try:
        document = json.loads(model.read_text(encoding="utf-8"))
        values = dict(_weights(document["weightsManifest"], weights.read_bytes()))
        return _unfused(_graph(document["modelTopology"], values))
    except OSError as exc:
        raise ExportError(f"{model.name} cannot be read: {exc.strerror or exc}") from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise ExportError(f"{model.name} is not a graph model of TensorFlow.js: {exc!r}") from exc


def _weights(manifest: list[Any], data: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    position = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        quantization = entry.get("quantization") or {}
        stored = np.dtype(_DTYPES[quantization.get("dtype", entry["dtype"])])
        count = math.prod(entry["shape"])
        value = np.frombuffer(data, stored, count, position).reshape(entry["shape"])
        position += count * stored.itemsize
        if "scale" in quantization:  # whole numbers; float16 has no scale
            value = value.astype(np.float32) * quantization["scale"] + quantization["min"]
        yield entry["name"], value.astype(_DTYPES[entry["dtype"]])
    if position != len(data):
        raise ValueError(f"the weights have {len(data)} bytes instead of {position}")


def _graph(topology: Mapping[str, Any], values: Mapping[str, NDArray[Any]]) -> Any:
    from google.protobuf import json_format

    tf = load_tensorflow()
    for node in topology["node"]:
        for attribute in node.get("attr", {}).values():
            if attribute.get("shape", 0) is None:  # null is no message of protobuf
                attribute["shape"] = {}
    described = {"node": topology["node"], "library": topology.get("library", {})}
    try:
        graph = json_format.ParseDict(described, tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
    except json_format.ParseError as exc:
        raise ValueError(str(exc)) from exc
    for node in graph.node:
        if node.op == "Const":
            value = values[node.name]
            tensor = tf.make_tensor_proto(value, dtype=node.attr["dtype"].type, shape=value.shape)
            node.attr["value"].tensor.CopyFrom(tensor)
    return graph


def _unfused(graph: Any) -> Any:
    tf = load_tensorflow()
    result = tf.compat.v1.GraphDef()
    result.versions.producer = _PRODUCER
    for node in graph.node:
        if node.op in _FUSED:
            _add_steps(result, node)
        else:
            result.node.add().CopyFrom(node)
    return result


def _add_steps(result: Any, fused: Any) -> None:
    """Write a fused operation as its first operation and the steps after it; the last has the name of the whole."""
    steps = [step.decode() for step in fused.attr["fused_ops"].list.s]
    if not _KEPT_STEPS.issuperset(steps):
        raise ValueError(f"{fused.name} is fused of {steps}")
    operation, more = _FUSED[fused.op], list(fused.input[2:])
    names = [f"{fused.name}/{number}" for number in range(len(steps))] + [fused.name]
    first = result.node.add(name=names[0], op=operation, input=fused.input[:2])
    for name in _KEPT_ATTRIBUTES[operation]:
        if name in fused.attr:
            first.attr[name].CopyFrom(fused.attr[name])
    for before, name, step in zip(names, names[1:], steps, strict=False):
        node = result.node.add(name=name, op=step, input=[before])
        node.attr["T"].CopyFrom(fused.attr["T"])
        if step == "BiasAdd":
            node.input.append(more.pop(0))
