"""One HTTP connection, bounded in everything that a client can send."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from video.access.body import MAX_BYTES as MAX_BODY_BYTES
from video.access.body import PATHS as BODY_PATHS
from video.client_address import ClientAddresses
from video.places import NoPlace, Place, Places
from video.viewer_connection import EXCHANGE
from video.websocket_connection import WebSocketConnection

HEAD_TIMEOUT_S = 10.0  # for a client to finish the head of its request
MAX_HEAD_BYTES = 16 * 1024  # request line and header lines
MAX_HEADER_LINES = 100
MAX_WAITING_REQUESTS = 4  # pipelined behind the one that is being answered; browsers pipeline none
SLICE_BYTES = 4096  # parsed at a time: httptools has no limits of its own, so they are checked in between
LINGER_S = 1.0  # for a refused client to read the answer before the connection is cut
LINGER_BYTES = 1024 * 1024  # that it may still be sending meanwhile
MAX_LINGERING = 64  # refused connections; further ones are closed at once
RETRY_AFTER_S = 10


class ConnectionLimits:
    """What the connections of one server share: their places, and the number of refused ones that linger."""

    def __init__(self, limit: int, addresses: ClientAddresses) -> None:
        self.places = Places(limit)
        self.addresses = addresses
        self.lingering = 0


class Connection(HttpToolsProtocol):
    """uvicorn's connection with limits, which also lends its transport to streams."""

    def __init__(self, limits: ConnectionLimits, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._limits = limits
        self._place: Place | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._head_bytes = 0  # of the head that is being received, at least
        self._refused = False
        self._discarded_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place and expect a request soon."""
        super().connection_made(transport)
        address = self._limits.addresses.of_peer(self.client)
        try:
            self._place = self._limits.places.take(address, is_idle=self._is_idle, give_up=transport.abort)
        except NoPlace:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"Retry-After: {RETRY_AFTER_S}\r\n")
            return
        self._start_timer(HEAD_TIMEOUT_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the place and the timer."""
        self._stop_timer()
        if self._place is not None:
            self._limits.places.release(self._place)
        if self._refused:
            self._limits.lingering -= 1
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what was received, in slices."""
        if self._refused:
            self._discard(len(data))
            return
        if self._timer is None and self._is_idle():  # blank lines between requests start no request
            self._start_timer(HEAD_TIMEOUT_S, self.transport.abort)
        for start in range(0, len(data), SLICE_BYTES):
            if self._refused:
                self._discard(len(data) - start)
                return
            self._parse(data[start : start + SLICE_BYTES])
            if self.transport.is_closing():
                return
            protocol = self.transport.get_protocol()
            if protocol is not self:  # it is a WebSocket now
                if rest := data[start + SLICE_BYTES :]:
                    protocol.data_received(rest)  # type: ignore[attr-defined]
                return

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + SLICE_BYTES:  # it may have begun within its first slice
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Expect the rest of the request's head soon."""
        if self._refused:
            return
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._start_timer(HEAD_TIMEOUT_S, self.transport.abort)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line, unless there are too many."""
        if self._refused:
            return
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADER_LINES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Refuse what exceeds a limit; otherwise put uvicorn's side of the exchange where streams find it."""
        if self._refused:
            return
        self._in_head = False
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        if not _may_have_body(self.url, self.headers):
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        if len(self.pipeline) >= MAX_WAITING_REQUESTS:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
            return
        self._stop_timer()
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {EXCHANGE: {"exchange": self.cycle}}

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def on_body(self, body: bytes) -> None:
        """Take part of a body, unless the request was refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request, unless it was refused."""
        if not self._refused:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Go over to a WebSocket, or answer why not."""
        if self._refused:
            return
        if not self.url.isascii() or self.pipeline or not self._is_idle():
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        super().handle_websocket_upgrade()
        websocket = self.transport.get_protocol()
        if isinstance(websocket, WebSocketConnection):
            if self._place is not None:
                websocket.keep_place(self._limits.places, self._place)
            websocket.refuse_failed_handshake()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, status: HTTPStatus, headers: str = "") -> None:
        """Answer with a status line, read a little of what is still coming, and close.

        Closing at once would make the kernel reset the connection, and the client might lose the answer. Behind
        requests that are still being answered there is no such line: those are answered, and the connection ends.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._limits.lingering += 1
        self._stop_timer()
        if not self._is_idle():
            return  # on_response_complete ends it
        body = f"{status.phrase}\n"
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\n{headers}Connection: close\r\nContent-Type: text/plain\r\n"
            f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        self._linger()

    def on_response_complete(self) -> None:
        """Go on to the next request, or end the connection if one behind it was refused."""
        if self._refused and not self.pipeline and not self.transport.is_closing():
            self.flow.resume_reading()
            self._linger()
            return
        super().on_response_complete()

    def _linger(self) -> None:
        if self._limits.lingering > MAX_LINGERING or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self._start_timer(LINGER_S, self.transport.abort)

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > LINGER_BYTES:
            self.transport.abort()

    def _start_timer(self, seconds: float, act: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, act)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _may_have_body(url: bytes, headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a request announces no body, or a small one for a path that takes one."""
    if any(name == b"transfer-encoding" for name, _ in headers):
        return False
    sizes = [value.strip() for name, value in headers if name == b"content-length"]
    if all(size == b"0" for size in sizes):
        return True
    small = len(sizes) == 1 and sizes[0].isdigit() and len(sizes[0]) < 10 and int(sizes[0]) <= MAX_BODY_BYTES
    return small and url.partition(b"?")[0].decode("latin-1") in BODY_PATHS
