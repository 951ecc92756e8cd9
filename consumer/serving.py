"""A client of TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest).

Nothing that a server answers is trusted: an answer is limited in size and in time as a whole, and whatever the HTTP
client makes of it is one of four errors.
"""

import json
import math
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from consumer.deadline import session
from consumer.servers.errors import ServingNonsense, ServingRefusal, ServingTimeout, ServingUnreachable
from shared.redact import redact

LARGEST_ANSWER = 1_000_000
"""Bytes of an answer, unless the model's metadata promise more; that of an ImageNet classifier has 20,000."""
LARGEST_PROMISED_ANSWER = 64_000_000
STATUS_TIMEOUT_S = 1.0
_BYTES_PER_NUMBER = 32  # in JSON, indentation included
_LONGEST_VERSION = 20  # digits: more than the largest 64-bit number has
_ERROR_TEXT = 200  # characters of a message that are passed on
_SEARCHED_TEXT = 2000  # characters that are searched for secrets: a cut may not fall into a password


class _TooLarge(ServingNonsense):
    """The answer has more bytes than allowed."""


class Serving:
    """One model on a TensorFlow Serving. Keeps its connection. Not thread-safe: use from one thread."""

    def __init__(self, predict_url: str, *, timeout_s: float) -> None:
        """Prepare; nothing is asked yet.

        Args:
            predict_url: `http://HOST:PORT/v1/models/NAME[/versions/N|/labels/L]:predict`.
            timeout_s: longest wait for a whole answer.
        """
        self._predict_url = predict_url
        self._model_url = predict_url.removesuffix(":predict")
        self.timeout_s = timeout_s
        self._session = session()
        self._largest_answer = LARGEST_ANSWER

    def predict(self, body: bytes, *, timeout_s: float | None = None) -> list[Any]:
        """Return `predictions` of the answer to a request in row format.

        Args:
            body: of the request.
            timeout_s: longest wait for the whole answer, if other than usual.

        Raises:
            ServingUnreachable, ServingTimeout, ServingRefusal, ServingNonsense: as their names say.
        """
        try:
            document = self._ask("POST", self._predict_url, body=body, timeout_s=timeout_s or self.timeout_s)
        except _TooLarge:
            self._largest_answer = _promised_bytes(self.metadata())  # for the next request
            raise
        predictions = document.get("predictions")
        if not isinstance(predictions, list):
            raise ServingNonsense("the answer has no list of predictions")
        return predictions

    def probe(self, *, timeout_s: float) -> None:
        """Return as soon as the server answers anything; costs the server next to nothing.

        Raises:
            ServingUnreachable, ServingTimeout: it does not answer.
        """
        try:
            self._ask("GET", self._model_url, timeout_s=timeout_s)
        except (ServingRefusal, ServingNonsense):
            return

    def metadata(self) -> dict[str, Any]:
        """Return the model's metadata: `model_spec` and `metadata.signature_def`.

        Raises:
            ServingError: as `predict`.
        """
        return self._ask("GET", self._model_url + "/metadata", timeout_s=self.timeout_s)

    def version(self) -> str | None:
        """Return the newest available version, a whole number in digits; None if no version is available.

        Raises:
            ServingError: as `predict`.
        """
        document = self._ask("GET", self._model_url, timeout_s=min(STATUS_TIMEOUT_S, self.timeout_s))
        try:
            available = [
                _version(status["version"])
                for status in document["model_version_status"]
                if status["state"] == "AVAILABLE"
            ]
        except (KeyError, TypeError) as exc:
            raise ServingNonsense("not a model's status") from exc
        return max(available, key=int, default=None)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self, method: str, url: str, *, timeout_s: float, body: bytes | None = None) -> dict[str, Any]:
        """Return the JSON object of an answer."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        largest = self._largest_answer if body is not None else LARGEST_ANSWER
        try:
            with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout_s, stream=True, allow_redirects=False
            ) as response:
                text = response.raw.read(largest + 1, decode_content=True)
                status = response.status_code
        except (requests.Timeout, ReadTimeoutError) as exc:
            raise ServingTimeout(f"no answer within {round(timeout_s, 2):g} s") from exc
        except (requests.RequestException, HTTPError) as exc:  # urllib3 reads the body
            raise ServingUnreachable(_shown(f"cannot reach {url}: {_cause(exc)}")) from exc
        except Exception as exc:  # what an answer makes the client raise must not end the loop that asks
            raise ServingNonsense(_shown(f"cannot read the answer of {url}: {_cause(exc)}")) from exc
        if len(text) > largest:
            raise _TooLarge(f"the answer is larger than {largest} bytes")
        document = _json(text)
        if status != 200:
            message = document.get("error") if isinstance(document, dict) else None
            raise ServingRefusal(status, _shown(message) if isinstance(message, str) else "")
        if not isinstance(document, dict):
            raise ServingNonsense("the answer is not a JSON object")
        return document


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _version(value: Any) -> str:
    version = value if isinstance(value, str) else ""
    if not (version.isascii() and version.isdecimal() and len(version) <= _LONGEST_VERSION):
        raise ServingNonsense(f"a version is a whole number of at most {_LONGEST_VERSION} digits")
    return version


def _promised_bytes(metadata: dict[str, Any]) -> int:
    """Return the most bytes that an answer about one picture may have by the model's metadata."""
    try:
        outputs = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["outputs"]
        shapes = [[int(dim["size"]) for dim in output["tensor_shape"]["dim"]] for output in outputs.values()]
    except (KeyError, TypeError, ValueError, AttributeError):
        return LARGEST_ANSWER
    numbers = sum(math.prod(max(1, size) for size in shape[:10]) for shape in shapes[:100])
    return max(LARGEST_ANSWER, min(LARGEST_PROMISED_ANSWER, numbers * _BYTES_PER_NUMBER))


def _shown(text: str) -> str:
    """Return a text fit for logs and pages: cut, without secrets, on one line."""
    cut = redact(text[:_SEARCHED_TEXT])[:_ERROR_TEXT]
    return "".join(character if character.isprintable() else "?" for character in cut)


def _cause(exc: BaseException) -> str:
    """Return the innermost reason, without urllib3's wrapping of objects and addresses."""
    inner: BaseException = exc
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
