"""TensorFlow Serving's REST API: a request's method, path and body in, its answer out.

Sources: tensorflow_serving/model_servers/http_rest_api_handler.cc and http_rest_api_util.cc.
"""

import json
import logging
import re
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np

from tfserving.errors import Code, StatusError, invalid_argument
from tfserving.standin.answers import predict_answer
from tfserving.standin.jsontext import error_body, parse_object, pretty
from tfserving.standin.pictures import check_pictures
from tfserving.standin.signatures import DEFAULT_SIGNATURE, Signature
from tfserving.standin.tensors import predict_request, signature_name
from tfserving.standin.versions import Models, Request, VersionStatus

log = logging.getLogger(__name__)

_VERSION_OR_LABEL = r"(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"
_ANY_CASE = re.IGNORECASE | re.ASCII
_PREDICTION = re.compile(rf"/v1/models/([^/:]+){_VERSION_OR_LABEL}:(classify|regress|predict)", _ANY_CASE)
_STATUS = re.compile(rf"/v1/models(?:/([^/:]+))?{_VERSION_OR_LABEL}(?:/(metadata))?", _ANY_CASE)
_ANY = re.compile(r"/v1/.*", _ANY_CASE)
_MAX_VERSION = 2**63 - 1

# What libevent sends for a path without a handler: evhttp_send_error in its http.c.
_NOT_FOUND_PAGE = b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"


@dataclass(frozen=True)
class Answer:
    """Status, type and body of an answer; `close` ends the connection after it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    close: bool = False


class RestApi:
    """The REST API of some models.

    Args:
        models: the models.
        timeout_s: longest time for a call of a model; None for no limit.
    """

    def __init__(self, models: Models, *, timeout_s: float | None = None) -> None:
        self._models = models
        self._timeout_s = timeout_s

    def answer(self, method: str, target: str, body: bytes = b"") -> Answer:
        """Answer one request; `target` is its path, with the query if there is one."""
        if not _ANY.fullmatch(target):
            return Answer(404, _NOT_FOUND_PAGE, "text/html", close=True)
        try:
            return Answer(200, self._process(method, target, body))
        except StatusError as exc:
            return Answer(exc.code.http_status, error_body(exc.message))
        except RecursionError:
            return Answer(400, error_body("The JSON is nested too deeply"))
        except Exception:  # every request gets an answer, whatever a model does
            log.exception("%s %s", method, target)
            return Answer(500, error_body("Internal error of the stand-in; its log says more"))

    def _process(self, method: str, target: str, body: bytes) -> bytes:
        if method == "POST" and (found := _PREDICTION.fullmatch(target)):
            name, version, label, verb = found.groups()
            request = _request(name, version, label)
            # The path matches in any case; the verb is then compared exactly.
            match verb:
                case "predict":
                    return self._predict(request, body)
                case "classify":
                    return self._classify_or_regress(request, body, "classify", "classification")
                case "regress":
                    return self._classify_or_regress(request, body, "regress", "regression")
        elif method == "GET" and (found := _STATUS.fullmatch(target)):
            name, version, label, resource = found.groups()
            if not name:
                raise invalid_argument("Missing model name in request.")
            request = _request(name, version, label)
            return self._metadata(request) if resource == "metadata" else self._status(request)
        raise invalid_argument(f"Malformed request: {method} {target}")

    def _predict(self, request: Request, body: bytes) -> bytes:
        document = parse_object(body)
        name = signature_name(document) or DEFAULT_SIGNATURE
        serving = self._models.find(request)
        signature = serving.loaded.signatures.get(name)
        if signature is None:  # HttpRestApiHandler::GetInfoMap
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        if not signature.inputs:
            stated = document.get("signature_name") or "DEFAULT"
            raise invalid_argument(f"Failed to get input map for signature: {stated}")
        parsed = predict_request(document, signature.inputs)
        for tensor in parsed.inputs.values():
            if tensor.dtype == np.object_:
                check_pictures(tensor.reshape(-1).tolist())
        answer = self._models.submit(request, name, parsed.inputs)
        try:
            outputs = answer.result(self._timeout_s)
        except (TimeoutError, CancelledError) as exc:
            answer.cancel()
            raise StatusError(Code.DEADLINE_EXCEEDED, "Timed out waiting for the model's answer") from exc
        return predict_answer(outputs, parsed.format)

    def _classify_or_regress(self, request: Request, body: bytes, method: str, noun: str) -> bytes:
        # FillClassifyRegressRequestFromJson in json_tensor.cc, then classifier.cc or regressor.cc.
        document = parse_object(body)
        name = signature_name(document) or DEFAULT_SIGNATURE
        _check_examples(document)
        signature = self._models.find(request).loaded.signatures.get(name)
        if signature is None:
            raise invalid_argument(f"No signature was found with the name: {name}")
        _check_method(signature, method, noun)
        raise StatusError(Code.UNIMPLEMENTED, f"this stand-in does not {method}: use :predict")

    def _status(self, request: Request) -> bytes:
        entries = [_status_json(status) for status in self._models.statuses(request)]
        return _protobuf_text({"model_version_status": entries})

    def _metadata(self, request: Request) -> bytes:
        serving = self._models.find(request)
        spec = {"name": request.model, "signature_name": "", "version": str(serving.version)}
        signatures = {"signature_def": serving.loaded.metadata()}
        # Put together from two messages, as in ToJsonString(const GetModelMetadataResponse&).
        return b'{\n"model_spec":%b,\n"metadata": {"signature_def": %b}\n}\n' % (
            _protobuf_text(spec),
            _protobuf_text(signatures),
        )


def _request(name: str, version: str | None, label: str | None) -> Request:
    number = int(version) if version else None
    if number is not None and number > _MAX_VERSION:
        raise invalid_argument(f"Failed to convert version: {version} to numeric.")
    return Request(_unquoted(name), number, _unquoted(label) if label else None)


def _unquoted(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def _check_examples(document: dict[str, Any]) -> None:
    if "examples" not in document:
        complaint = "When method is classify, key 'examples' is expected and was not found"
    elif not isinstance(document["examples"], list):
        complaint = "Expecting 'examples' value to be an list/array"
    elif not document["examples"]:
        complaint = "'examples' value is an empty array"
    else:
        return
    raise invalid_argument(f"JSON Value: {pretty(document)} {complaint}")


def _check_method(signature: Signature, method: str, noun: str) -> None:
    expected = f"tensorflow/serving/{method}"
    if signature.method != expected:
        raise invalid_argument(f"Expected {noun} signature method_name to be {expected}. Was: {signature.method}")


def _status_json(status: VersionStatus) -> dict[str, Any]:
    error = status.error
    return {
        "version": str(status.version),
        "state": status.state.name,
        "status": {
            "error_code": error.code.name if error else "OK",
            "error_message": error.message if error else "",
        },
    }


def _protobuf_text(value: dict[str, Any]) -> bytes:
    # MessageToJsonString with add_whitespace: one blank per level, 64-bit numbers as strings.
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")
