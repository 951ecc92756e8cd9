"""Answers of model servers, however odd: each is findings, or the one error that shows as MODEL DOWN."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import pytest

from consumer.labels import LabelsUnavailable, read_labels
from consumer.models.imagenet import Imagenet
from consumer.serving import Serving
from shared.errors import ServingError
from tests.fuzz import odd
from tests.fuzz.runner import any_of, fuzz

pytestmark = pytest.mark.fuzz

PREDICTION: dict[str, Any] = {"classes": 285, "probabilities": [1 / 1001] * 1001}
ANSWER = json.dumps({"predictions": [PREDICTION]}).encode()
RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER),
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n',
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 13\r\n\r\n{"error": "x"}',
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
]


@contextmanager
def answering(response: bytes) -> Iterator[str]:
    """Answer one connection with these bytes, whatever it asks, then close it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError), server.accept()[0] as client:
                client.settimeout(10)
                client.recv(65536)
                client.sendall(response)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1/models/m:predict"
        thread.join(10)


def test_any_http_response_is_an_answer_or_an_error_of_the_model() -> None:
    def check(random: Random) -> None:
        with answering(any_of(random, RESPONSES)) as url:
            serving = Serving(url, timeout_s=5)
            with suppress(ServingError):
                serving.predict(b"{}")
            serving.close()

    fuzz(check, rounds=200)


def test_any_prediction_is_findings_or_an_error_of_the_model() -> None:
    handler = Imagenet({285: "Egyptian cat"})

    def check(random: Random) -> None:
        document = odd.altered(random, [PREDICTION])
        with suppress(ServingError):
            found = handler.findings(document if isinstance(document, list) else [document])
            json.dumps([finding.as_json() for finding in found], allow_nan=False)

    fuzz(check, rounds=1000)


def test_any_labels_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.json"

    def check(random: Random) -> None:
        sample = odd.text({"0": "tench", "1": "goldfish"})
        path.write_bytes(any_of(random, [sample]) if random.random() < 0.5 else odd.text(odd.value(random)))
        with suppress(LabelsUnavailable):
            json.dumps(read_labels(str(path))).encode()

    fuzz(check, rounds=500)
