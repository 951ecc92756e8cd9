"""A model server on a real socket that misbehaves on demand."""

import base64
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, Self

from tests.suite import LOOPBACK

Behaviour = Callable[["Request"], None]
CAT = 285
STEP_S = 0.05


class Server(Protocol):
    """The server of a request."""

    connections: int
    ending: threading.Event

    def handle(self, request: "Request") -> None:
        """Answer the request, or misbehave."""


class Request(BaseHTTPRequestHandler):
    """One request, and ways to answer it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    rest: Server
    body: bytes

    def setup(self) -> None:
        self.rest.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.rest.handle(self)

    do_POST = do_GET  # noqa: N815 - the base class calls it so

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Rest:
    """Serves on a free port until the block ends; keeps the bodies of the requests in order."""

    def __init__(self, behaviour: Behaviour, *, certificate: Path | None = None) -> None:
        """Bind a port; with a certificate (one PEM file, key included) it speaks https."""
        self.behaviour = behaviour
        self.asked: list[tuple[str, str, bytes]] = []
        self.connections = 0
        self.at_once = 0
        self.most_at_once = 0
        self.ending = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (Request,), {"rest": self})
        self._server = ThreadingHTTPServer((LOOPBACK, 0), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if certificate is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificate)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://{LOOPBACK}:{self._server.server_address[1]}"
        self.predict_url = f"{self.url}/v1/models/tfModel:predict"

    def handle(self, request: Request) -> None:
        with self._lock:
            if request.command == "POST":
                self.asked.append((request.command, request.path, request.body))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.behaviour(request)
        finally:
            with self._lock:
                self.at_once -= request.command == "POST"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()


def predictions(class_: int = CAT, outputs: int = 1001, pictures: int = 1) -> bytes:
    """Return an answer: the class as the labels count it, with probability 0.75, for each picture."""
    probabilities = [0.0] * outputs
    probabilities[class_ + outputs - 1000] = 0.75
    row = {"classes": class_ + outputs - 1000, "probabilities": probabilities}
    return json.dumps({"predictions": [row] * pictures}).encode()


def pictures_of(body: bytes) -> list[bytes]:
    """Return the encoded pictures in a request."""
    return [base64.b64decode(one["image_bytes"]["b64"]) for one in json.loads(body)["instances"]]


def well(request: Request) -> None:
    """Answer as TensorFlow Serving does."""
    if request.command == "POST":
        request.answer(200, predictions(pictures=len(json.loads(request.body).get("instances", [None]))))
    elif request.path.endswith("/metadata"):
        request.answer(200, json.dumps({"model_spec": {"name": "tfModel"}, "metadata": {}}).encode())
    else:
        request.answer(200, versions(("1", "AVAILABLE")))


def versions(*states: tuple[str, str]) -> bytes:
    """Return a model's status."""
    found = [{"version": version, "state": state, "status": {}} for version, state in states]
    return json.dumps({"model_version_status": found}).encode()


def status(code: int, body: Any = b"") -> Behaviour:
    """Answer with a status and a body."""
    return lambda request: request.answer(code, body if isinstance(body, bytes) else json.dumps(body).encode())


def predicting(behaviour: Behaviour) -> Behaviour:
    """Behave so when asked for predictions, and well otherwise."""
    return lambda request: behaviour(request) if request.command == "POST" else well(request)


def after(seconds: float) -> Behaviour:
    """Answer as TensorFlow Serving does, but later."""

    def late(request: Request) -> None:
        request.rest.ending.wait(seconds)
        well(request)

    return late


def hang(request: Request) -> None:
    """Never answer."""
    request.rest.ending.wait()


def reset(request: Request) -> None:
    """Reset the connection without an answer."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True


def drip(request: Request) -> None:
    """Send the body byte by byte: each in time, all together far too late."""
    body = predictions()
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    _drip(request, body)


def drip_head(request: Request) -> None:
    """Send the head of the answer byte by byte, which takes minutes."""
    _drip(request, b"HTTP/1.1 200 OK\r\n" + b"X-Filler: filler\r\n" * 80)


def _drip(request: Request, text: bytes) -> None:
    for byte in text:
        request.wfile.write(bytes([byte]))
        request.wfile.flush()
        if request.rest.ending.wait(STEP_S):
            return
