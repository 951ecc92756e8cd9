"""A client of the Open Inference Protocol v2 over HTTP: MLServer, KServe, Triton and others.

What servers make of the protocol's freedom is accepted: `versions` may be missing or null, `parameters` null, an output
nested instead of flat, an error a bare text. Every request has an `id`, which KServe requires of binary ones.
"""

from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.servers.answer_size import largest_answer
from consumer.servers.errors import ServingNonsense, ServingRefusal
from consumer.servers.http import HttpClient
from consumer.servers.inference_tensors import DTYPES, MOST_TENSORS, as_described, read_outputs, request_body
from consumer.servers.numbers import MOST_DIMENSIONS
from consumer.servers.tf_metadata import LARGEST_DIMENSION, LONGEST_NAME
from consumer.tensors import Signature, Tensors, TensorSpec

STATUS_TIMEOUT_S = 1.0
BINARY_EXTENSION = "binary_tensor_data"
_LONGEST_VERSION = 64  # characters


class KServe:
    """One model behind the protocol; see `ModelServer`."""

    def __init__(self, model_url: str, *, timeout_s: float, binary: bool | None = None) -> None:
        """Prepare; nothing is asked yet.

        Args:
            model_url: `http://HOST:PORT/v2/models/NAME[/versions/N]`, with or without `/infer`.
            timeout_s: longest wait for metadata.
            binary: whether to send tensors as bytes; None: if the server announces the extension.
        """
        self._model_url = model_url.removesuffix("/infer")
        self._root_url = self._model_url[: self._model_url.rindex("/v2/") + len("/v2")]
        self._timeout_s = timeout_s
        self._announced = binary is None
        self._binary = bool(binary)
        self._http = HttpClient()
        self._signature = Signature()
        self._ids = count(1)

    def signature(self) -> Signature:
        """Return what the model takes and gives, and learn whether the server announces the binary extension."""
        document = self._get(self._model_url)
        try:
            signature = Signature(_tensors(document["inputs"]), _tensors(document["outputs"]))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise ServingNonsense("not a model's metadata: there are no inputs and outputs") from exc
        if self._announced:
            self._binary = self._announces_binary()
        self._signature = signature
        return signature

    def infer(self, inputs: Tensors, *, timeout_s: float) -> Tensors:
        """Return the outputs."""
        rows = len(next(iter(inputs.values())))
        body, headers = request_body(
            f"{next(self._ids)}",
            {name: self._as_taken(name, values) for name, values in inputs.items()},
            binary=self._binary,
        )
        answer = self._http.ask(
            "POST",
            self._model_url + "/infer",
            body=body,
            headers=headers,
            timeout_s=timeout_s,
            largest=largest_answer(self._signature, rows),
        )
        outputs = read_outputs(answer)
        return {name: as_described(values, self._signature.outputs.get(name), rows) for name, values in outputs.items()}

    def probe(self, timeout_s: float) -> None:
        """Return as soon as the server answers anything."""
        try:
            self._http.ask("GET", self._model_url, timeout_s=timeout_s)
        except (ServingRefusal, ServingNonsense):
            return

    def version(self) -> str | None:
        """Return the newest of the versions that the server lists; None if it lists none."""
        answer = self._http.ask("GET", self._model_url, timeout_s=min(STATUS_TIMEOUT_S, self._timeout_s))
        versions = answer.json().get("versions")
        if not versions:
            return None
        if not isinstance(versions, list) or not all(map(_is_version, versions)):
            raise ServingNonsense(f"a version is a text of at most {_LONGEST_VERSION} printable characters")
        return str(max(versions, key=lambda version: (version.isdecimal(), int(version) if version.isdecimal() else 0)))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _get(self, url: str) -> dict[str, Any]:
        return self._http.ask("GET", url, timeout_s=self._timeout_s).json()

    def _announces_binary(self) -> bool:
        try:
            extensions = self._get(self._root_url).get("extensions")
        except (ServingRefusal, ServingNonsense):  # a server without metadata of its own
            return False
        return isinstance(extensions, list) and BINARY_EXTENSION in extensions

    def _as_taken(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """Return encoded pictures as [n, 1] where the model takes them so: Triton's and MLServer's usual form."""
        spec = self._signature.inputs.get(name)
        two_dimensions = spec is not None and len(spec.shape) == 2
        return np.expand_dims(values, 1) if values.dtype == object and two_dimensions else values


def _tensors(documents: Any) -> dict[str, TensorSpec]:
    if not isinstance(documents, list) or len(documents) > MOST_TENSORS:
        raise ValueError("not a list of tensors")
    tensors = (_tensor(document) for document in documents)
    return {tensor.name: tensor for tensor in tensors}


def _tensor(document: dict[str, Any]) -> TensorSpec:
    name, shape = document["name"], document["shape"]
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError("not a name")
    if len(shape) > MOST_DIMENSIONS or not all(type(size) is int and size <= LARGEST_DIMENSION for size in shape):
        raise ValueError("not a shape")
    sizes = tuple(max(-1, size) for size in shape)
    return TensorSpec(name, DTYPES.get(str(document["datatype"]), "unknown"), sizes)


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_VERSION and value.isprintable()
