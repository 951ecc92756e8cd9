"""The answers to those who may not: the same for every camera, whether it exists or not."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from video.access.access import Access, Viewer
from video.access.identity import Denied

RETRY_AFTER_S = 30  # sent to an address that guesses
_CHALLENGE = 'Bearer realm="video"'
_NO_STORE = {"Cache-Control": "no-store"}


class Forbidden(Exception):
    """The sender of a request may not have what it asks for."""

    def __init__(self, viewer: Viewer, reason: Denied) -> None:
        super().__init__(reason.value)
        self.viewer, self.reason = viewer, reason


def denial(access: Access, reason: Denied, *, known: bool) -> Response:
    """Return the answer to a request that is refused, and count it.

    Args:
        access: that refuses.
        reason: counted, not sent: it would tell a stranger what to try next.
        known: whether the sender has proved who it is, so that another credential might not help.
    """
    access.metrics.denied.labels(reason.value).inc()
    if reason is Denied.TOO_MANY_ATTEMPTS:
        return _json(429, "too many attempts", {"Retry-After": str(RETRY_AFTER_S)})
    if known:
        return _json(403, "not allowed", {})
    presented = reason not in {Denied.NO_CREDENTIAL, Denied.UNTRUSTED_PROXY, Denied.CAMERA, Denied.PREDICTIONS}
    challenge = f'{_CHALLENGE}, error="invalid_token"' if presented else _CHALLENGE  # RFC 6750, section 3
    return _json(401, "a credential is required", {"WWW-Authenticate": challenge})


async def forbidden_answer(_: Request, exc: Forbidden) -> Response:
    """Answer a Forbidden that was raised while a request was being answered."""
    return denial(exc.viewer.access, exc.reason, known=exc.viewer.known)


async def send_denial(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer to a request or to a WebSocket's handshake."""
    if scope["type"] != "websocket":
        await response(scope, receive, send)
        return
    start = {"status": response.status_code, "headers": response.raw_headers}
    await send({"type": "websocket.http.response.start", **start})
    await send({"type": "websocket.http.response.body", "body": response.body})


def _json(status: int, error: str, headers: dict[str, str]) -> Response:
    body = json.dumps({"error": error})
    return Response(body, status, {**_NO_STORE, **headers}, media_type="application/json")
