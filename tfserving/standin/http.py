"""The HTTP server in front of the REST API: one thread per connection, kept alive."""

import errno
import logging
import os
import socket
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tfserving.errors import SettingsError
from tfserving.standin.jsontext import error_body
from tfserving.standin.rest import Answer, RestApi

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024 * 1024
_IDLE_TIMEOUT_S = 300.0
_CHUNK_LINE_BYTES = 4096


class RestServer(ThreadingHTTPServer):
    """Listens from its construction on; `serve_forever` answers.

    Args:
        host: address to listen on; empty: all of them, IPv6 too where there is IPv6.
        port: 0 takes a free one (see `port`).
        api: what answers.
        max_requests: how many requests are worked on at the same time.

    Raises:
        SettingsError: the port is taken or not allowed, or the address is not of this machine.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, api: RestApi, *, max_requests: int) -> None:
        self.api = api
        self.places = threading.BoundedSemaphore(max_requests)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if not host and socket.has_dualstack_ipv6():
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as exc:
            raise SettingsError(_why_not(host, port, exc)) from exc

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind as usual, but for both families when all addresses are meant; no look-up of names."""
        if self.address_family == socket.AF_INET6 and not self.server_address[0]:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log one line for what a connection's thread could not deal with."""
        log.debug("connection of %s ended", client_address, exc_info=True)


def _why_not(host: str, port: int, exc: OSError | OverflowError) -> str:
    where = f"port {port}" + (f" of {host}" if host else "")
    if isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: it is taken; choose another with --rest_api_port"
    reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else str(exc)
    return f"cannot listen on {where}: {reason}"


class _BodyError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, error_body(message), close=True)


class _Handler(BaseHTTPRequestHandler):
    server: RestServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    # libevent's answers have no such header; ours says what it is.
    server_version = "tfserving-stand-in"

    def _respond(self) -> None:
        try:
            body = self._body()
        except _BodyError as exc:
            self._send(exc.answer)
            return
        with self.server.places:
            answer = self.server.api.answer(self.command, self.path, body)
        self._send(answer)

    # Every method that libevent is told to allow goes to the API; others get 501 from the base class.
    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _respond  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Tell a client that waits for it to go on (curl does from 1 MB); our buffer must not keep that."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.close:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            stated = self.headers.get("Content-Length") or "0"
            if not stated.isdecimal():
                raise _BodyError(400, "Content-Length is not a number")
            if int(stated) > MAX_BODY_BYTES:
                raise _BodyError(413, f"The body is larger than {MAX_BODY_BYTES} bytes")
            body = self.rfile.read(int(stated))
            if len(body) < int(stated):
                raise ConnectionResetError("the client went away in the middle of a body")
        # RequestHandlerOptions::auto_uncompress_input
        return _unzipped(body) if "gzip" in self.headers.get("Content-Encoding", "") else body

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            line = self.rfile.readline(_CHUNK_LINE_BYTES)
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise _BodyError(400, "A chunk's size is not a number") from None
            total += size
            if size < 0 or total > MAX_BODY_BYTES:
                raise _BodyError(413, f"The body is larger than {MAX_BODY_BYTES} bytes")
            if size == 0:
                while self.rfile.readline(_CHUNK_LINE_BYTES).strip():
                    continue  # trailers
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline(_CHUNK_LINE_BYTES)

    def version_string(self) -> str:
        """Say in the Server header that this is not the real one."""
        return self.server_version

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep silent: one line per request would be one per frame."""


def _unzipped(body: bytes) -> bytes:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unzip.decompress(body, MAX_BODY_BYTES)
    except zlib.error as exc:
        raise _BodyError(400, f"The body is not gzip: {exc}") from exc
    if unzip.unconsumed_tail:
        raise _BodyError(413, f"The body is larger than {MAX_BODY_BYTES} bytes")
    return plain
