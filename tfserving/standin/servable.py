"""One version of a model, loaded: a TensorFlow session as TensorFlow Serving itself uses one.

A session rather than `tf.saved_model.load`: the same graph optimisations and the same error messages as
the real server's, no shape checks in Python before the kernels', and less time per call.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray

from tfserving.errors import Code, StatusError, invalid_argument, not_found
from tfserving.runtime import load_tensorflow, release_memory
from tfserving.standin.signatures import NUMPY_TYPES, Signature, TensorInfo, Tensors

log = logging.getLogger(__name__)

_SERVE = "serve"  # the tag of a graph made for serving
_SMALLEST_PICTURE = bytes.fromhex(  # a PNG of one black pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000a49444154081d63000200000400010d3ba4b90000000049454e44ae426082"
)


class Servable:
    """A loaded SavedModel.

    Args:
        path: the version's folder.
        intra_op_threads: threads one operation may use; 0 lets TensorFlow choose.
        inter_op_threads: threads for operations side by side; 0 lets TensorFlow choose.

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
            intra_op_parallelism_threads=intra_op_threads, inter_op_parallelism_threads=inter_op_threads
        )
        self._session = v1.Session(graph=self._graph, config=config)
        try:
            with self._graph.as_default():
                definition = v1.saved_model.load(self._session, [_SERVE], str(path))
        except tf.errors.OpError as exc:
            self._session.close()
            raise self._status(exc) from exc
        except Exception as exc:  # a damaged SavedModel makes TensorFlow's Python raise nearly anything
            self._session.close()
            raise StatusError(Code.INTERNAL, f"cannot load {path}: {exc}") from exc
        self._definitions = definition.signature_def
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
            StatusError: with the code and message that TensorFlow gives; an input of another shape than the
                signature's gets the message of TensorFlow's Session.
        """
        call = self._calls.get(signature) or self._prepare(signature)
        infos = self.signatures[signature]
        for name, info in infos.inputs.items():
            _check_shape(inputs[name], info)
        try:
            outputs = call(*(inputs[name] for name in infos.inputs))
        except self._errors.OpError as exc:
            raise self._status(exc) from exc
        return dict(zip(infos.outputs, map(np.asarray, outputs), strict=True))

    def warm_up(self) -> None:
        """Run every predict signature once with made-up input, so that the first request finds it ready.

        Whether the model likes that input does not matter.
        """
        for name, signature in self.signatures.items():
            if not signature.method.endswith("/predict"):
                continue
            try:
                self.run(name, {key: _made_up(info) for key, info in signature.inputs.items()})
            except Exception as exc:  # made-up input may upset a model in any way
                log.debug("warm-up of %s: %s", name, exc)
        release_memory()

    def close(self) -> None:
        """Free what it holds; no call may be running."""
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


def _check_shape(tensor: NDArray[Any], info: TensorInfo) -> None:
    # The real server leaves this to the kernels, some of which end the process (oneDNN's convolution does).
    if info.shape is None:
        return
    fits = len(info.shape) == tensor.ndim and all(
        asked in (-1, size) for asked, size in zip(info.shape, tensor.shape, strict=True)
    )
    if not fits:
        asked_for = tuple(None if size == -1 else size for size in info.shape)
        raise invalid_argument(
            f"Cannot feed value of shape {tensor.shape} for Tensor {info.name}, which has shape {asked_for}"
        )


def _made_up(info: TensorInfo) -> Any:
    shape = [1 if size < 0 else size for size in info.shape or ()]
    if info.dtype == "string":
        return np.full(shape, _SMALLEST_PICTURE, np.object_)
    return np.zeros(shape, NUMPY_TYPES[info.dtype])
