"""Forwards connections to a port of this machine: what stands between a browser and a server."""

import contextlib
import socket
import socketserver
import threading
from typing import Self

from local.ports import LOOPBACK


class Forwarder:
    """Forwards connections to a server; subclasses change what goes through."""

    PIECE_BYTES = 65_536
    """The largest piece of an answer that is forwarded at a time."""
    BUFFER_BYTES: int | None = None
    """Size of the buffer in front of the server's answers; None: as the system chooses."""

    def __init__(self, port: int, path: str = "/") -> None:
        """Listen on a free port.

        Args:
            port: of the server, on this machine.
            path: of the server behind the forwarder, such as `/live/`.
        """
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_cut = False
        forwarder = self

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.socket() as server:
                    if forwarder.BUFFER_BYTES is not None:
                        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, forwarder.BUFFER_BYTES)
                    server.connect((LOOPBACK, port))
                    if not forwarder._may_stay(self.request, server):
                        return
                    back = threading.Thread(target=forwarder._answer, args=(server, self.request), daemon=True)
                    back.start()
                    with contextlib.suppress(OSError):  # either side has gone
                        while data := self.request.recv(65_536):
                            server.sendall(forwarder.request(data))
                        server.shutdown(socket.SHUT_WR)
                    back.join(10)

        self._server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Forward)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}{path}"

    def request(self, data: bytes) -> bytes:
        """Return what the server gets of a piece of a request; a browser sends each request in one piece."""
        return data

    def answer(self, data: bytes) -> None:
        """Called with each piece of an answer before it is forwarded."""

    def cut(self) -> None:
        """Close all connections, and each further one at once, until `mend`."""
        with self._lock:
            self._is_cut = True
            for one in self._open:
                with contextlib.suppress(OSError):  # it has been closed
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Forward connections again."""
        with self._lock:
            self._is_cut = False

    def _may_stay(self, *connection: socket.socket) -> bool:
        with self._lock:
            self._open.update(connection)
            return not self._is_cut

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):  # either side has gone
            while data := server.recv(self.PIECE_BYTES):
                self.answer(data)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
