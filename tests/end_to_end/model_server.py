"""A model server on a real socket that keeps every picture that it receives.

It answers for the model `numbers` itself: class = number in the picture % 1000 + 1, so that a label shows which frame
it belongs to. It passes requests for all other models on to the real server.
"""

import base64
import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Self

from local.ports import free_port
from tests.consumer.rest import Behaviour, Request
from tests.end_to_end.numbered import read_number
from tests.suite import LOOPBACK

NUMBERS = "numbers"
VERSION = "7"
PROBABILITY = 0.875


class ModelServer:
    """Listens on one port, except between `go` and `come_back`."""

    def __init__(
        self,
        *,
        name: str = NUMBERS,
        upstream: int | None = None,
        takes_s: Callable[[int], float] = lambda _: 0.0,
    ) -> None:
        """Prepare.

        Args:
            name: of the model for which it answers itself.
            upstream: port of a real server for all other models.
            takes_s: seconds that an answer about the picture of a number takes.
        """
        self.port = free_port()
        self.name = name
        self.upstream = upstream
        self.takes_s = takes_s
        self.fault: Behaviour | None = None
        """Its behaviour instead of answering."""
        self.pictures: list[bytes] = []
        self.connections = 0
        self.ending = threading.Event()
        self.most_at_once = 0
        self._asking = 0
        self._lock = threading.Lock()
        self._server: _Server | None = None

    @property
    def listens(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    def url(self, model: str = "") -> str:
        """Return the model's entry for MODELURLS."""
        return f"http://{LOOPBACK}:{self.port}/v1/models/{model or self.name}:predict"

    def come_back(self) -> None:
        """Listen."""
        self._server = _Server((LOOPBACK, self.port), type("Handler", (Request,), {"rest": self}))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def go(self) -> None:
        """Refuse new connections and break the existing ones."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.break_connections()
            self._server = None

    def __enter__(self) -> Self:
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.go()

    def handle(self, request: Request) -> None:
        """Answer a request, or cause the fault."""
        if self.fault is not None:
            self.fault(request)
            return
        try:
            status, body = self.answer(request.command, request.path, request.body)
        except (OSError, ValueError) as exc:
            status, body = 400, json.dumps({"error": str(exc)}).encode()
        request.answer(status, body)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        if method == "POST":
            instances = json.loads(body)["instances"]
            pictures = [base64.b64decode(one["image_bytes"]["b64"], validate=True) for one in instances]
            with self._lock:
                self.pictures.extend(pictures)
        if f"/models/{self.name}" not in path:
            return self._passed_on(method, path, body)
        if method == "GET":
            status = {"version": VERSION, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            return 200, json.dumps({"model_version_status": [status]}).encode()
        return 200, self._counted(pictures)

    def _counted(self, pictures: list[bytes]) -> bytes:
        with self._lock:
            self._asking += 1
            self.most_at_once = max(self.most_at_once, self._asking)
        try:
            numbers = [read_number(picture) for picture in pictures]
            time.sleep(sum(map(self.takes_s, numbers)))  # the time of the model
        finally:
            with self._lock:
                self._asking -= 1
        return json.dumps({"predictions": [_prediction(number % 1000 + 1) for number in numbers]}).encode()

    def _passed_on(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if self.upstream is None:
            return 404, b'{"error": "no such model"}'
        connection = http.client.HTTPConnection(LOOPBACK, self.upstream, timeout=30)
        try:
            connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


def _prediction(class_: int) -> dict[str, object]:
    probabilities = [0.0] * 1001
    probabilities[class_] = PROBABILITY
    return {"classes": class_, "probabilities": probabilities}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments: object) -> None:
        self._connections: set[object] = set()
        super().__init__(*arguments)  # type: ignore[arg-type]

    def process_request(self, request: object, client_address: object) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def break_connections(self) -> None:
        for connection in self._connections:
            try:
                connection.shutdown(2)  # type: ignore[attr-defined]
            except OSError:
                continue

    def handle_error(self, *_: object) -> None:
        """Log nothing: clients disconnect."""
