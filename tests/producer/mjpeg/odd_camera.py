"""HTTP cameras that behave as public reports describe them: raw bytes all the way."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache

from shared.frames import pixels
from tests.producer.cameras import image

MULTIPART = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\nConnection: close\r\n\r\n"
PAUSE_S = 0.01


@lru_cache
def picture(number: int) -> bytes:
    """Return a JPEG that no other number has."""
    return pixels.encode(image(96, 64, number=number % 100), 80)


def part(data: bytes, *, boundary: bytes = b"--frame", head: bytes = b"Content-Type: image/jpeg\r\n") -> bytes:
    """Return a part of a multipart, with the right length."""
    return b"%b\r\n%bContent-Length: %d\r\n\r\n%b\r\n" % (boundary, head, len(data), data)


class OddCamera:
    """A server of raw bytes: `respond` gets the connection, the request's text and its number, from 0 on."""

    def __init__(
        self, respond: Callable[[socket.socket, str, int], object], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self._respond, self._tls = respond, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def link(self, credentials: str = "", path: str = "video.mjpg") -> str:
        """Return the camera's address."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}/{path}"

    def close(self) -> None:
        """Accept no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            keeps = True
            while keeps:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    more = client.recv(4096)
                    if not more:
                        return
                    request += more
                self.requests.append(request.decode())
                keeps = self._respond(client, request.decode(), len(self.requests) - 1) is True


@contextlib.contextmanager
def odd_camera(
    respond: Callable[[socket.socket, str, int], object], *, tls: ssl.SSLContext | None = None
) -> Iterator[OddCamera]:
    """Run a camera; one whose `respond` returns True keeps the connection."""
    camera = OddCamera(respond, tls=tls)
    try:
        yield camera
    finally:
        camera.close()


def streams(head: bytes, make: Callable[[int], bytes], *, opening: bytes = b"") -> Callable[..., None]:
    """Return what answers with an endless stream of pieces, one for each number from 0 on."""

    def respond(client: socket.socket, request: str, number: int) -> None:
        client.sendall(head + opening)
        pause = threading.Event()
        for count in itertools.count():
            client.sendall(make(count))
            pause.wait(PAUSE_S)

    return respond
