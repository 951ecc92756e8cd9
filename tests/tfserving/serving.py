"""A stand-in server that runs in this process, and a small client for it."""

import base64
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.waiting import wait_until
from tfserving.standin.flags import parse_flags
from tfserving.standin.server import serve

_DEADLINE_S = 60


@dataclass(frozen=True)
class Reply:
    """An answer: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Client:
    """A client of a port of this machine; a connection per request."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_DEADLINE_S)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, content)

    def get(self, path: str) -> Reply:
        return self.request("GET", path)

    def post(self, path: str, document: Any) -> Reply:
        body = document if isinstance(document, (str, bytes)) else json.dumps(document)
        return self.request("POST", path, body)


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[Client]:
    """Serve on a free port with these flags, in a thread, until the block ends."""
    flags = parse_flags(["--rest_api_port=0", "--rest_api_host=127.0.0.1", *arguments])
    stop, listening = threading.Event(), threading.Event()
    ports: list[int] = []

    def ready(port: int) -> None:
        ports.append(port)
        listening.set()

    server = threading.Thread(target=serve, args=(flags, stop), kwargs={"ready": ready}, name="stand-in")
    server.start()
    try:
        assert listening.wait(_DEADLINE_S)
        yield Client(ports[0])
    finally:
        stop.set()
        server.join(_DEADLINE_S)


def wait_until_served(client: Client, model: str) -> None:
    """Wait until the server answers with the metadata of a model."""
    wait_until(lambda: client.get(f"/v1/models/{model}/metadata").status == 200, f"{model} is served", poll_s=0.05)


def picture(name: str) -> bytes:
    """Read a PNG from scikit-image's wheel without importing the package."""
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], "data", f"{name}.png").read_bytes()


def b64(data: bytes) -> dict[str, str]:
    """Wrap bytes in the form of the REST API."""
    return {"b64": base64.b64encode(data).decode("ascii")}
