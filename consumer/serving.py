"""Talks to TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest)."""

import json
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from consumer.deadline import session
from shared.errors import ServingError
from shared.redact import redact

LARGEST_ANSWER = 64_000_000  # bytes
STATUS_TIMEOUT_S = 1.0
_ERROR_TEXT = 200  # characters of a server's own words that are worth passing on


class ServingUnreachable(ServingError):
    """Nobody answers at the address, or the connection broke."""


class ServingTimeout(ServingError):
    """The answer did not come in time."""


class ServingRefusal(ServingError):
    """The server answered with an HTTP error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}" if text else f"HTTP {status}")
        self.status = status


class ServingNonsense(ServingError):
    """The answer is not what the model's signature promises."""


class Serving:
    """One model on a TensorFlow Serving; made for one thread, keeps its connection."""

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

    def predict(self, body: bytes, *, timeout_s: float | None = None) -> list[Any]:
        """Return `predictions` of the answer to a request in row format.

        Args:
            body: of the request.
            timeout_s: longest wait for the whole answer, if it is to be another than usual.

        Raises:
            ServingUnreachable, ServingTimeout, ServingRefusal, ServingNonsense: see there.
        """
        document = self._ask("POST", self._predict_url, body=body, timeout_s=timeout_s or self.timeout_s)
        predictions = document.get("predictions")
        if not isinstance(predictions, list):
            raise ServingNonsense("the answer has no list of predictions")
        return predictions

    def probe(self, *, timeout_s: float) -> None:
        """Return as soon as the server answers anything at all, for next to no work of its own.

        Raises:
            ServingUnreachable, ServingTimeout: it does not.
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
        """Return the newest version that is available; None: none is.

        Raises:
            ServingError: as `predict`.
        """
        document = self._ask("GET", self._model_url, timeout_s=min(STATUS_TIMEOUT_S, self.timeout_s))
        try:
            available = [
                str(status["version"]) for status in document["model_version_status"] if status["state"] == "AVAILABLE"
            ]
            return max(available, key=int, default=None)
        except (KeyError, TypeError, ValueError) as exc:
            raise ServingNonsense("not a model's status") from exc

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(self, method: str, url: str, *, timeout_s: float, body: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout_s, stream=True, allow_redirects=False
            ) as response:
                text = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
                status = response.status_code
        except (requests.Timeout, ReadTimeoutError) as exc:
            raise ServingTimeout(f"no answer within {round(timeout_s, 2):g} s") from exc
        except (requests.RequestException, HTTPError) as exc:  # the body is urllib3's to read
            raise ServingUnreachable(redact(f"cannot reach {url}: {_cause(exc)}")) from exc
        if len(text) > LARGEST_ANSWER:
            raise ServingNonsense(f"the answer is larger than {LARGEST_ANSWER} bytes")
        document = _json(text)
        if status != 200:
            said = document.get("error") if isinstance(document, dict) else None
            raise ServingRefusal(status, str(said or "")[:_ERROR_TEXT])
        if not isinstance(document, dict):
            raise ServingNonsense("the answer is not a JSON object")
        return document


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _cause(exc: BaseException) -> str:
    """Return the innermost reason, without urllib3's wrapping of objects and addresses."""
    seen: BaseException = exc
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return getattr(seen, "strerror", None) or str(seen) or type(seen).__name__
