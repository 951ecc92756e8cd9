"""Adds browser-security headers to every answer, and refuses foreign web pages: one ASGI middleware.

Without it, any web page that a viewer has open could watch the cameras: WebSockets are not bound to one origin, and
with DNS rebinding nothing is.
"""

import logging
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.hosts import host_name, is_loopback

log = logging.getLogger(__name__)

LOG_EVERY_S = 60.0
DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1
HSTS = b"max-age=31536000"  # a year; RFC 6797, section 6.1
EXPOSED_HEADERS = b"X-Age, X-Sequence, X-Timestamp, Retry-After"
Headers = list[tuple[bytes, bytes]]


class BrowserGuard:
    """Refuses requests of foreign pages, and adds the headers that keep foreign pages from using answers.

    - `/ws`, and requests that may change something, need an `Origin` that is the page's own (its host and port are
      those of `Host`, or of the host that a trusted proxy forwards for) or an allowed one, if they have any.
    - With `loopback_only`, `Host` has to be a loopback name or address, or the host of an allowed origin.
    - Allowed origins may read answers (CORS) and embed the page.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_origins: Collection[str] = (),
        loopback_only: bool = False,
        hsts: bool = False,
        forwarded_host: Callable[[Scope], str | None] | None = None,
    ) -> None:
        """Guard an application.

        Args:
            app: the application.
            allowed_origins: as `origin_of` returns them.
            loopback_only: whether the server listens on a loopback address only.
            hsts: whether browsers are told to come over HTTPS only.
            forwarded_host: returns the host that a trusted proxy forwards a request for; None if none does.
        """
        self._forwarded_host = forwarded_host
        self._hsts = hsts
        self._app = app
        self._allowed = frozenset(allowed_origins)
        self._allowed_hosts = frozenset(host_name(urlsplit(origin).netloc) for origin in allowed_origins)
        self._loopback_only = loopback_only
        self._logged_at = float("-inf")
        self._ancestors = " ".join(["frame-ancestors 'self'", *sorted(self._allowed)]).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        refusal = self._refusal(scope, hosts, origins)
        if refusal is not None:
            self._log(refusal)
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            guarded = partial(self._send, send, self._origin_to_share_with(origins))
            if _is_preflight(scope):
                await Response(status_code=204)(scope, receive, guarded)
            else:
                await self._app(scope, receive, guarded)

    def _log(self, refusal: str) -> None:
        """Log why a request was refused, now and then: behind a reverse proxy it may be a wrong setting."""
        now = time.monotonic()
        if now - self._logged_at > LOG_EVERY_S:
            self._logged_at = now
            log.warning("a request was refused: %s", refusal)

    def _refusal(self, scope: Scope, hosts: list[str], origins: list[str]) -> str | None:
        """Return why a request is refused; None if it is not."""
        if len(hosts) > 1 or len(origins) > 1:
            return "a request has one Host and at most one Origin"
        if self._loopback_only and not self._is_own_host(hosts):
            return f"Host {_shown(hosts)} is not allowed: this server answers to localhost and loopback addresses only"
        if origins and _needs_origin(scope) and not self._may_act(origins[0], [*hosts, *self._forwarded(scope)]):
            return f"Origin {_shown(origins)} is not allowed: add it to ALLOWEDORIGINS if its pages may connect"
        return None

    def _is_own_host(self, hosts: list[str]) -> bool:
        return bool(hosts) and (is_loopback(hosts[0]) or host_name(hosts[0]) in self._allowed_hosts)

    def _may_act(self, origin: str, hosts: list[str]) -> bool:
        normal = origin_of(origin)
        if normal is None:
            return False
        return normal in self._allowed or any(
            origin_of(f"{urlsplit(normal).scheme}://{host}") == normal for host in hosts
        )

    def _forwarded(self, scope: Scope) -> list[str]:
        host = self._forwarded_host(scope) if self._forwarded_host is not None else None
        return [] if host is None else [host]

    def _origin_to_share_with(self, origins: list[str]) -> str | None:
        """Return the origin as the browser wrote it, if its pages may read the answer."""
        return origins[0] if origins and origin_of(origins[0]) in self._allowed else None

    async def _send(self, send: Send, origin: str | None, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": self._guarded(list(message.get("headers", ())), origin)}
        await send(message)

    def _guarded(self, headers: Headers, origin: str | None) -> Headers:
        names = {name.lower() for name, _ in headers}
        if b"x-content-type-options" not in names:
            headers.append((b"x-content-type-options", b"nosniff"))
        if b"cross-origin-resource-policy" not in names:
            headers.append((b"cross-origin-resource-policy", b"same-origin"))
        if self._hsts:
            headers.append((b"strict-transport-security", HSTS))
        if self._allowed:
            headers = [(name, value.replace(b"frame-ancestors 'self'", self._ancestors)) for name, value in headers]
            headers.append((b"vary", b"Origin"))
        if origin is not None:
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
            headers.append((b"access-control-allow-methods", b"GET, HEAD, OPTIONS"))
            headers.append((b"access-control-allow-headers", b"Authorization, Last-Event-ID"))
            headers.append((b"access-control-expose-headers", EXPOSED_HEADERS))
        return headers


def origin_of(text: str) -> str | None:
    """Return an origin in its normal form, without a default port; None if it is not an origin of a web page.

    >>> origin_of("HTTPS://Cam.example:443"), origin_of("http://localhost:3000"), origin_of("null")
    ('https://cam.example', 'http://localhost:3000', None)
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        return None
    if parts.path or parts.query or parts.fragment:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port is None or str(port) == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _needs_origin(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS


def _is_preflight(scope: Scope) -> bool:
    """Return whether a browser asks for permission (Fetch standard, CORS preflight)."""
    return scope["method"] == "OPTIONS" and bool(_values(scope, b"access-control-request-method"))


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Connection": "close"}
    answer = PlainTextResponse(f"{reason}\n", 403, headers)
    if scope["type"] == "websocket":
        await send({"type": "websocket.http.response.start", "status": 403, "headers": answer.raw_headers})
        await send({"type": "websocket.http.response.body", "body": answer.body})
        return
    await answer(scope, receive, send)


def _values(scope: dict[str, Any] | Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]


def _shown(values: list[str]) -> str:
    return repr(values[0][:100]) if values else "(none)"
