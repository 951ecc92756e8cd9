"""The HTTP server in front of the REST API: uvicorn on a thread of its own, requests on a pool of threads.

Memory is bounded whatever clients send. A body of more than a megabyte needs one of two places before it is read;
until then its bytes stay with the client, by TCP's flow control.
"""

import asyncio
import errno
import os
import socket
import threading
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tfserving.errors import SettingsError
from tfserving.standin.jsontext import error_body
from tfserving.standin.rest import Answer, RestApi

MAX_BODY_BYTES = 64 * 1024 * 1024
SMALL_BODY_BYTES = 1024 * 1024
"""Larger bodies wait for a place before they are read. A 1080p JPEG in base64 has about 0.5 MB."""
LARGE_BODIES = 2
BODY_WITHIN_S = 30.0
HEAD_WITHIN_S = 10.0
MAX_CONNECTIONS = 256
_IDLE_S = 300
_LAST_ANSWERS_S = 1
_BACKLOG = 128
_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"})  # what evhttp is told to allow

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _BodyError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, error_body(message), close=True)


class RestServer:
    """Serves the REST API on a thread of its own, from its construction until `stop`.

    Args:
        listener: a listening socket (see `bind` and `listen`).
        api: what answers.
        max_requests: how many requests are worked on at the same time.
    """

    def __init__(self, listener: socket.socket, api: RestApi, *, max_requests: int) -> None:
        self._listener = listener
        self._workers = ThreadPoolExecutor(max_requests, thread_name_prefix="rest")
        config = uvicorn.Config(
            _App(api, self._workers),
            http=_Protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # a line per malformed request would be a client's to write
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin to stop: release the port, and give answers in progress a second. Callable from any thread."""
        self._server.should_exit = True

    def join(self, timeout_s: float) -> None:
        """Wait for the end after `stop`."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._workers.shutdown(wait=False, cancel_futures=True)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that holds an address and does not listen yet.

    Args:
        host: address to listen on; empty: all addresses, IPv6 too where there is IPv6.
        port: 0 takes a free one.

    Raises:
        SettingsError: the port is taken or not allowed, or the address is not of this machine.
    """
    every = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if every or ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if every:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. asyncio sets it only where a socket names TCP as its protocol; without it, the body
        # of an answer waits 40 ms until the client acknowledges the head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as exc:
        listener.close()
        raise SettingsError(_why_not(host, port, exc)) from exc
    return listener


def listen(listener: socket.socket) -> int:
    """Listen on a bound socket; return its port.

    Raises:
        SettingsError: another process listens there since.
    """
    host, port = listener.getsockname()[:2]
    try:
        listener.listen(_BACKLOG)
    except OSError as exc:
        raise SettingsError(_why_not(host, port, exc)) from exc
    return int(port)


def _why_not(host: str, port: int, exc: OSError | OverflowError) -> str:
    where = f"port {port}" + (f" of {host}" if host else "")
    if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: it is taken; choose another with --rest_api_port"
    reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else str(exc)
    return f"cannot listen on {where}: {reason}"


class _Protocol(H11Protocol):
    """uvicorn's protocol, which by itself gives a client all the time it likes for the head of a request."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._limit_head()
        else:
            self._cancel_limit()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_limit()
        super().connection_lost(exc)

    def _limit_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _cancel_limit(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _App:
    """The ASGI application: reads a body, has it answered on a thread, sends the answer."""

    def __init__(self, api: RestApi, workers: ThreadPoolExecutor) -> None:
        self._api, self._workers = api, workers
        self._large = asyncio.Semaphore(LARGE_BODIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in _METHODS:
            await _send(send, _page(501, "Not Implemented"))
            return
        place = _Place(self._large)
        try:
            answer = await self._answer(scope, receive, place)
        except _BodyError as exc:
            answer = exc.answer
        except ConnectionResetError:
            return  # the client went away in the middle of a body
        finally:
            place.leave()
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive, place: "_Place") -> Answer:
        headers = dict(scope["headers"])
        # RequestHandlerOptions::auto_uncompress_input
        zipped = b"gzip" in headers.get(b"content-encoding", b"")
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                if zipped:  # a few kilobytes may unpack to all that is allowed
                    await place.take()
                body = await _read(receive, int(headers.get(b"content-length", b"0")), place)
        except TimeoutError:
            raise _BodyError(408, f"The body did not arrive within {BODY_WITHIN_S:g} s") from None
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        target = (scope["raw_path"] + query).decode("ascii")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, self._work, scope["method"], target, body, zipped)

    def _work(self, method: str, target: str, body: bytes, zipped: bool) -> Answer:
        try:
            return self._api.answer(method, target, _unzipped(body) if zipped else body)
        except _BodyError as exc:
            return exc.answer


class _Place:
    """One of the few places for large bodies, taken at most once and kept until the answer is there."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places, self._taken = places, False

    async def take(self) -> None:
        if not self._taken:
            await self._places.acquire()
            self._taken = True

    def leave(self) -> None:
        if self._taken:
            self._places.release()


async def _read(receive: Receive, stated: int, place: _Place) -> bytes:
    too_large = _BodyError(413, f"The body is larger than {MAX_BODY_BYTES} bytes")
    if stated > MAX_BODY_BYTES:
        raise too_large
    if stated > SMALL_BODY_BYTES:
        await place.take()
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            raise too_large
        if more and size > SMALL_BODY_BYTES:  # sent in chunks: its length is not stated
            await place.take()
    return b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"server", b"tfserving-stand-in"),  # TensorFlow Serving sends no such header
    ]
    if answer.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _page(status: int, reason: str) -> Answer:
    # evhttp_send_error in libevent's http.c
    text = f"<HTML><HEAD>\n<TITLE>{status} {reason}</TITLE>\n</HEAD><BODY>\n<H1>{reason}</H1>\n</BODY></HTML>\n"
    return Answer(status, text.encode(), "text/html", close=True)


def _unzipped(body: bytes) -> bytes:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unzip.decompress(body, MAX_BODY_BYTES)
    except zlib.error as exc:
        raise _BodyError(400, f"The body is not gzip: {exc}") from exc
    if unzip.unconsumed_tail:
        raise _BodyError(413, f"The body is larger than {MAX_BODY_BYTES} bytes")
    return plain
