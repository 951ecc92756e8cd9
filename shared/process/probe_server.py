"""A small HTTP server for probes: a thread for each connection, and a bound for everything that a client may do."""

import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, TypeAlias, cast

from shared.crashes import Faults
from shared.hosts import is_loopback

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
REQUEST_WITHIN_S = 10.0  # from the connection, or the answer before, to the end of the answer
MAX_HEAD_BYTES = 16 * 1024

AnswerParts: TypeAlias = tuple[int, str, bytes]
"""Status, content type, body."""
Answer: TypeAlias = Callable[[str], AnswerParts]
"""Returns the answer for the value of the header Accept."""


def json_answer(status: int, document: dict[str, Any]) -> AnswerParts:
    """Return an answer whose body is one line of JSON."""
    return status, "application/json", json.dumps(document).encode() + b"\n"


class ProbeServer(ThreadingHTTPServer):
    """Answers GET and HEAD on a few paths.

    At most MAX_CONNECTIONS are open: a further one replaces the one whose request has been awaited longest, so that
    clients that send nothing do not block others.
    """

    daemon_threads = True

    def __init__(self, listener: socket.socket, answers: Mapping[str, Answer], *, loopback_only: bool) -> None:
        """Take over a listening socket; `serve_forever` answers.

        Args:
            listener: the socket.
            answers: by path.
            loopback_only: refuse requests whose Host is not a loopback name or address.
        """
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()  # made by the base class
        self.socket = listener
        self.server_address = listener.getsockname()
        self.answers, self.loopback_only = answers, loopback_only
        self.faults = Faults(log)
        self._lock = threading.Lock()
        self._due: dict[socket.socket, float] = {}  # connection -> end of its request's time; earliest first

    def expect_request(self, connection: socket.socket) -> None:
        """Give a connection REQUEST_WITHIN_S for its next request."""
        with self._lock:
            if self._due.pop(connection, None) is not None:
                self._due[connection] = time.monotonic() + REQUEST_WITHIN_S

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection."""
        with self._lock:
            if len(self._due) >= MAX_CONNECTIONS:
                _cut(self._take_first())
            self._due[request] = time.monotonic() + REQUEST_WITHIN_S
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._due.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut the connections whose time is over; the base class calls this several times a second."""
        now = time.monotonic()
        with self._lock:
            while self._due and next(iter(self._due.values())) <= now:
                _cut(self._take_first())

    def handle_error(self, _request: object, client_address: object) -> None:
        """Log at debug level what a handler raised: clients may go away at any time."""
        log.debug("probe not answered", extra={"client": str(client_address)}, exc_info=True)

    def _take_first(self) -> socket.socket:
        first = next(iter(self._due))
        del self._due[first]
        return first


def _cut(connection: socket.socket) -> None:
    """End both directions: the connection's thread reads the end, and closes it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Head:
    """Reads the head of a request, and no more than MAX_HEAD_BYTES of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = MAX_HEAD_BYTES

    def begin(self) -> None:
        """Expect another request."""
        self._left = MAX_HEAD_BYTES

    def readline(self, limit: int) -> bytes:
        """Return a line; raise LineTooLong, which is answered with 431, when the head is too long."""
        line = self._stream.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together; otherwise the second would wait for a delayed acknowledgement
    timeout = REQUEST_WITHIN_S
    server: ProbeServer

    def setup(self) -> None:
        super().setup()
        self._head = _Head(cast("BinaryIO", self.rfile))
        self.rfile = cast("Any", self._head)

    def handle_one_request(self) -> None:
        self.server.expect_request(self.connection)
        self._head.begin()
        super().handle_one_request()

    def do_GET(self) -> None:
        status, content_type, body = self._answer()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class calls it so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing: probes arrive every few seconds."""

    def _answer(self) -> AnswerParts:
        host = self.headers.get("Host")
        if self.server.loopback_only and host is not None and not is_loopback(host):
            return json_answer(403, {"error": "this port answers to localhost and loopback addresses only"})
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the body is not read
            return json_answer(413, {"error": "a probe has no body"})
        answer = self.server.answers.get(self.path.partition("?")[0])
        if answer is None:
            return json_answer(404, {"error": "unknown path", "paths": sorted(self.server.answers)})
        try:
            return answer(self.headers.get("Accept", ""))
        except Exception:
            self.server.faults.log("a probe failed", path=self.path)
            return json_answer(500, {"error": "the probe itself failed, see the log"})
