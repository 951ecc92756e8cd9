"""A reverse proxy that serves another server below a path, as nginx does with `location /live/ { proxy_pass …/; }`."""

import socket
import socketserver
import threading
from typing import Self


class PrefixProxy:
    """Forwards connections to a port of this machine, and takes the prefix off each request's path."""

    def __init__(self, port: int, prefix: str) -> None:
        """Listen on a free port.

        Args:
            port: of the server behind the proxy, on 127.0.0.1.
            prefix: such as `/live/`.
        """
        self.requests: list[str] = []
        proxy = self

        class Forward(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as server:
                    back = threading.Thread(target=_copy, args=(server, self.request), daemon=True)
                    back.start()
                    while data := self.request.recv(65536):  # a browser sends each request in one piece
                        if data.startswith(b"GET "):
                            proxy.requests.append(data.split(b" ", 2)[1].decode())
                            data = data.replace(b"GET " + prefix.encode(), b"GET /", 1)
                        server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                    back.join(10)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{prefix}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # either side has gone
