"""One loaded version of a model: a TensorFlow session, as in TensorFlow Serving itself.

A session rather than `tf.saved_model.load`: it has the same graph optimisations and error messages as the real
server, no shape checks in Python before those of the kernels, and takes less time per call.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format

from tfserving.errors import Code, StatusError, not_found
from tfserving.runtime import load_tensorflow, release_memory
from tfserving.standin.signatures import Signature, TensorInfo, Tensors, check_rank, placeholders

log = logging.getLogger(__name__)

_SERVE = "serve"  # the tag of a graph made for serving
_CALLER_THREAD = -1  # TensorFlow's number for it, in direct_session.cc


class Servable:
    """A loaded SavedModel.

    Args:
        path: the version's folder.
        intra_op_threads: threads one operation may use; 0 lets TensorFlow choose.
        inter_op_threads: threads for operations side by side; 0 lets TensorFlow choose, 1 is the thread of the call.

    Raises:
        StatusError: it cannot be loaded.
    """

    def __init__(self, path: Path, *, intra_op_threads: int = 1, inter_op_threads: int = 1) -> None:
        if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
            raise not_found(  # ReadSavedModel in tensorflow/cc/saved_model/reader.cc
                f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {path}. "
                "Check that the directory exists and that you have the right permissions for accessing it."
            )
        try:
            tf = load_tensorflow()
        except ImportError as exc:
            raise StatusError(Code.INTERNAL, f"TensorFlow cannot be imported: {exc}") from exc
        v1 = tf.compat.v1
        self._errors = tf.errors
        self._graph = tf.Graph()
        config = v1.ConfigProto(
            intra_op_parallelism_threads=intra_op_threads,
            # With a pool of one thread, which all models share, a call would wait for an expensive one elsewhere.
            inter_op_parallelism_threads=_CALLER_THREAD if inter_op_threads == 1 else inter_op_threads,
        )
        self._session = v1.Session(graph=self._graph, config=config)
        try:
            with self._graph.as_default():
                definition = v1.saved_model.load(self._session, [_SERVE], str(path))
        except tf.errors.OpError as exc:
            self._session.close()
            raise self._status(exc) from exc
        except Exception as exc:  # a damaged SavedModel can make TensorFlow's Python raise nearly anything
            self._session.close()
            raise StatusError(Code.INTERNAL, f"cannot load {path}: {exc}") from exc
        self._definitions = definition.signature_def
        self._rank_matters = _has_convolution(definition.graph_def)
        self.signatures = {name: _signature(tf, item) for name, item in self._definitions.items()}
        self._calls: dict[str, Callable[..., list[Any]]] = {}
        self._preparing = threading.Lock()

    def metadata(self) -> dict[str, Any]:
        """Write the signatures as JSON, in the shape of `SignatureDefMap`."""
        return {
            name: json_format.MessageToDict(
                definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            for name, definition in sorted(self._definitions.items())
        }

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        """Run the model.

        Args:
            signature: name of one of `signatures`.
            inputs: a tensor for every input of it.

        Raises:
            StatusError: with TensorFlow's code and message. As in the real server, the kernels check the shapes, not
                the signature; but for a rank that would end the process, which is INVALID_ARGUMENT.
        """
        call = self._calls.get(signature) or self._prepare(signature)
        infos = self.signatures[signature]
        for name, info in infos.inputs.items():
            if self._rank_matters:
                check_rank(inputs[name], info)
        try:
            outputs = call(*(inputs[name] for name in infos.inputs))
        except self._errors.OpError as exc:
            raise self._status(exc) from exc
        return dict(zip(infos.outputs, map(np.asarray, outputs), strict=True))

    def warm_up(self) -> None:
        """Run every predict signature once with placeholder input, so that the first request finds it ready.

        Whether the model accepts that input does not matter.
        """
        for name, signature in self.signatures.items():
            if not signature.method.endswith("/predict"):
                continue
            try:
                self.run(name, placeholders(signature))
            except Exception as exc:  # a model may fail on placeholder input in any way
                log.debug("warm-up of %s: %s", name, exc)
        release_memory()

    def close(self) -> None:
        """Release the session; no call may be running."""
        self._calls.clear()
        self._session.close()

    def _prepare(self, signature: str) -> Callable[..., list[Any]]:
        infos = self.signatures[signature]
        with self._preparing:
            if signature not in self._calls:
                # make_callable with feeds goes through Session.run, which compares shapes in Python first.
                from tensorflow.core.protobuf.config_pb2 import CallableOptions

                options = CallableOptions()
                options.feed.extend(info.name for info in infos.inputs.values())
                options.fetch.extend(info.name for info in infos.outputs.values())
                self._calls[signature] = self._session._make_callable_from_options(options)
            return self._calls[signature]

    def _status(self, exc: Any) -> StatusError:
        names = {getattr(self._errors, code.name, None): code for code in Code}
        return StatusError(names.get(exc.error_code, Code.UNKNOWN), exc.message)


def _signature(tf: Any, definition: Any) -> Signature:
    def infos(tensors: Any) -> dict[str, TensorInfo]:
        return {name: _tensor_info(tf, tensors[name]) for name in sorted(tensors)}

    return Signature(infos(definition.inputs), infos(definition.outputs), definition.method_name)


def _tensor_info(tf: Any, info: Any) -> TensorInfo:
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(dimension.size for dimension in info.tensor_shape.dim)
    # DataTypeString says float and double where Python says float32 and float64.
    name = tf.dtypes.as_dtype(info.dtype).name if info.dtype else "INVALID"
    dtype = {"float32": "float", "float64": "double", "float16": "half"}.get(name, name)
    return TensorInfo(info.name, dtype, shape)


def _has_convolution(graph: Any) -> bool:
    """Return whether a graph has a kernel that ends the process when its input lacks a dimension.

    Tried with 23 shapes on 33 small graphs of TensorFlow 2.21 (oneDNN): Conv2D, DepthwiseConv2dNative and Conv3D
    abort on an input of lower rank ("Check failed: d < dims()"). All others answer with an error, as all do on
    other sizes.
    """
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return any("Conv" in node.op for node in nodes)
