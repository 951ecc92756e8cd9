"""Requests to a model server over HTTP.

Nothing that a server answers is trusted: an answer is limited in size and in time as a whole, and whatever the HTTP
client makes of it is one of the errors of consumer/servers/errors.py.
"""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as HttpTimeoutError

from consumer.deadline import HttpSession
from consumer.servers.errors import ServingNonsense, ServingRefusal, ServingTimeout, ServingUnreachable
from shared.redact import redact

LARGEST_DESCRIPTION = 1_000_000
"""Bytes of a status or of metadata; those of a detector have 3,000."""
MOST_PARSED_BYTES = 300_000_000
"""Memory that an answer may take once it is parsed: 64 MB of numbers take 230 MB, as many of empty lists 1.9 GB."""
_BYTES_PER_VALUE, _BYTES_PER_LIST = 32, 88  # of CPython: a float or a short text with its place; a list with its own
_ERROR_TEXT = 200  # characters of a message that are passed on
_SEARCHED_TEXT = 2000  # characters that are searched for secrets: a cut may not fall into a password


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with status 200; names of headers in lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body.

        Raises:
            ServingNonsense: it is none.
        """
        return json_object(self.body)


class HttpClient:
    """Keeps a connection to one server. Not thread-safe: use from one thread."""

    def __init__(self) -> None:
        """Prepare; nothing is asked yet."""
        self._session = HttpSession()

    def ask(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        largest: int = LARGEST_DESCRIPTION,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a request. A redirection is not followed.

        Args:
            method: GET or POST.
            url: whole address.
            timeout_s: longest wait for the whole answer.
            largest: bytes that the answer may have.
            body: of the request.
            headers: of the request; JSON is sent by default.

        Raises:
            ServingUnreachable, ServingTimeout: as their names say.
            ServingNonsense: the answer is larger than `largest`, or breaks HTTP.
            ServingRefusal: the status is not 200; with what the server says about it.
        """
        sent = {"Content-Type": "application/json", **(headers or {})} if body is not None else {}
        try:
            with closing(self._session.request(method, url, body=body, headers=sent, timeout_s=timeout_s)) as response:
                text = response.read(largest + 1, decode_content=True)
                status = response.status
                received = {name.lower(): value for name, value in response.headers.items()}
        except HTTPError as exc:
            if isinstance(exc, HttpTimeoutError) and not isinstance(exc, NewConnectionError):  # which is one, too
                raise ServingTimeout(f"no answer within {round(timeout_s, 2):g} s") from exc
            raise ServingUnreachable(shown(f"cannot reach {url}: {_cause(exc)}")) from exc
        except Exception as exc:  # what an answer makes the client raise must not end the loop that asks
            raise ServingNonsense(shown(f"cannot read the answer of {url}: {_cause(exc)}")) from exc
        if len(text) > largest:
            raise ServingNonsense(f"the answer is larger than {largest} bytes")
        if status != 200:
            raise ServingRefusal(status, _complaint(text, received.get("content-type", "")))
        return Answer(text, received)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def json_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer.

    Raises:
        ServingNonsense: it is none, or would take more than MOST_PARSED_BYTES.
    """
    values, lists = text.count(b","), text.count(b"[") + text.count(b"{")
    if values * _BYTES_PER_VALUE + lists * _BYTES_PER_LIST > MOST_PARSED_BYTES:
        raise ServingNonsense(f"the answer has {lists} lists and {values} values, which need too much memory")
    document = _json(text)
    if not isinstance(document, dict):
        raise ServingNonsense("the answer is not a JSON object")
    return document


def shown(text: str) -> str:
    """Return a text fit for logs and pages: cut, without secrets, on one line."""
    cut = redact(text[:_SEARCHED_TEXT])[:_ERROR_TEXT]
    return "".join(character if character.isprintable() else "?" for character in cut)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _complaint(text: bytes, content_type: str) -> str:
    """Return what a server says about an error: `error` (TensorFlow Serving, KServe), `detail` (FastAPI), bare text."""
    document = _json(text) if len(text) <= LARGEST_DESCRIPTION else None
    if isinstance(document, dict):
        said = document.get("error") or document.get("detail")
        return shown(said) if isinstance(said, str) else ""
    if content_type.startswith("text/plain"):
        return shown(text[:_SEARCHED_TEXT].decode("utf-8", "replace").strip())
    return ""


def _cause(exc: BaseException) -> str:
    """Return the innermost reason, without urllib3's wrapping of objects and addresses."""
    inner: BaseException = exc
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
