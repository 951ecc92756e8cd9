"""A link that is slow: it forwards connections to a port of this machine, and few bytes a second of its answers."""

import socket
import socketserver
import threading
import time
from typing import Self

PIECE_BYTES = 2048
BUFFER_BYTES = 16_384  # in front of the link: a real one has no more than some milliseconds of buffer


class SlowLink:
    """Forwards connections; `bytes_per_s` may change while it runs, None is no limit."""

    def __init__(self, port: int) -> None:
        """Listen on a free port, for a server on another one."""
        self.bytes_per_s: float | None = None
        link = self

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.socket() as server:
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
                    server.connect(("127.0.0.1", port))
                    back = threading.Thread(target=link._answer, args=(server, self.request), daemon=True)
                    back.start()
                    while data := self.request.recv(65536):
                        server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                    back.join(10)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(PIECE_BYTES):
                if self.bytes_per_s is not None:
                    time.sleep(len(data) / self.bytes_per_s)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # either side has gone
