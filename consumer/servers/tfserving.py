"""A client of TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest)."""

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.servers import numbers
from consumer.servers.answer_size import largest_answer
from consumer.servers.errors import ServingNonsense, ServingRefusal
from consumer.servers.http import HttpClient
from consumer.servers.tf_metadata import read_signature
from consumer.tensors import Signature, Tensors

STATUS_TIMEOUT_S = 1.0
UNNAMED = "output"
"""Name of the only output of a model whose server does not describe it."""
_NO_METADATA = (404, 405, 501)
_LONGEST_VERSION = 20  # digits: more than the largest 64-bit number has
_DECIMALS = 6  # of a number in a request: a step of a pixel is 0.004 where white is 1


class TfServing:
    """One model on a TensorFlow Serving; see `ModelServer`."""

    def __init__(self, predict_url: str, *, timeout_s: float) -> None:
        """Prepare; nothing is asked yet.

        Args:
            predict_url: `http://HOST:PORT/v1/models/NAME[/versions/N|/labels/L]:predict`.
            timeout_s: longest wait for metadata and for the status.
        """
        self._predict_url = predict_url
        self._model_url = predict_url.removesuffix(":predict")
        self._timeout_s = timeout_s
        self._http = HttpClient()
        self._signature = Signature()

    def signature(self) -> Signature:
        """Return the signature `serving_default`; an empty one if the server has no metadata.

        A model that is being loaded has none either: what a request about it gets is the clearer error.
        """
        self._signature = Signature()
        try:
            answer = self._http.ask("GET", self._model_url + "/metadata", timeout_s=self._timeout_s)
        except ServingRefusal as exc:
            if exc.status in _NO_METADATA:
                return self._signature
            raise
        self._signature = read_signature(answer.json())
        return self._signature

    def infer(self, inputs: Tensors, *, timeout_s: float) -> Tensors:
        """Return the outputs; asks in row format."""
        rows = len(next(iter(inputs.values())))
        answer = self._http.ask(
            "POST",
            self._predict_url,
            body=row_format(inputs),
            timeout_s=timeout_s,
            largest=largest_answer(self._signature, rows),
        )
        predictions = answer.json().get("predictions")
        if not isinstance(predictions, list):
            raise ServingNonsense("the answer has no list of predictions")
        if len(predictions) != rows:
            raise ServingNonsense(f"{len(predictions)} predictions for {rows} inputs")
        return self._outputs(predictions)

    def probe(self, timeout_s: float) -> None:
        """Return as soon as the server answers anything."""
        try:
            self._http.ask("GET", self._model_url, timeout_s=timeout_s)
        except (ServingRefusal, ServingNonsense):
            return

    def version(self) -> str | None:
        """Return the newest available version, a whole number in digits; None if no version is available."""
        answer = self._http.ask("GET", self._model_url, timeout_s=min(STATUS_TIMEOUT_S, self._timeout_s))
        try:
            available = [
                _version(status["version"])
                for status in answer.json()["model_version_status"]
                if status["state"] == "AVAILABLE"
            ]
        except (KeyError, TypeError) as exc:
            raise ServingNonsense("not a model's status") from exc
        return max(available, key=int, default=None)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _outputs(self, predictions: list[Any]) -> Tensors:
        if not all(isinstance(row, dict) for row in predictions):  # the model has one output
            name = next(iter(self._signature.outputs), UNNAMED)
            return {name: numbers.array(predictions, name)}
        names = predictions[0].keys()
        if any(row.keys() != names for row in predictions):
            raise ServingNonsense("the predictions have different outputs")
        return {name: numbers.array([row[name] for row in predictions], name) for name in names}


def row_format(inputs: Tensors) -> bytes:
    """Return the body of a request in row format.

    Encoded pictures are named, and pixels of a model with one input are not, as in the original's requests.
    """
    if len(inputs) == 1:
        ((name, values),) = inputs.items()
        if values.dtype == object:
            start = b"{" + json.dumps(name).encode() + b':{"b64":"'
            between = b'"}},' + start
            return b"".join((b'{"instances":[', start, between.join(map(base64.b64encode, values)), b'"}}]}'))
        return b'{"instances":' + _text(values) + b"}"
    columns = {name: [_value(row) for row in values] for name, values in inputs.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"instances": rows}, separators=(",", ":")).encode()


def _value(row: Any) -> Any:
    return {"b64": base64.b64encode(row).decode()} if isinstance(row, bytes) else _plain(np.asarray(row)).tolist()


def _text(values: NDArray[Any]) -> bytes:
    return json.dumps(_plain(values).tolist(), separators=(",", ":")).encode()


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers whose decimal form is short: half the bytes, and what is lost is far below a step of a pixel."""
    return np.round(values.astype(np.float64), _DECIMALS) if values.dtype.kind == "f" else values


def _version(value: Any) -> str:
    version = value if isinstance(value, str) else ""
    if not (version.isascii() and version.isdecimal() and len(version) <= _LONGEST_VERSION):
        raise ServingNonsense(f"a version is a whole number of at most {_LONGEST_VERSION} digits")
    return version
