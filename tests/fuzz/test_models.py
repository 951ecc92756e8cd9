"""Answers of model servers, however odd: each is findings, or the one error that shows as MODEL DOWN."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import numpy as np
import pytest

from consumer.kinds import Request, make_kind
from consumer.labels import LabelsUnavailable, read_labels
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.servers.tfserving import TfServing
from consumer.tensors import Signature
from shared.errors import ServingError
from tests.consumer.frames import jpeg
from tests.fuzz import odd
from tests.fuzz.runner import any_of, fuzz

pytestmark = pytest.mark.fuzz

PREDICTION: dict[str, Any] = {"classes": 285, "probabilities": [1 / 1001] * 1001}
ANSWER = json.dumps({"predictions": [PREDICTION]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
INPUTS = {"image_bytes": np.array([b"a JPEG"], object)}
RESPONSES = [
    HEAD % len(ANSWER) + ANSWER,
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
            server = TfServing(url, timeout_s=5)
            with suppress(ServingError):
                server.infer(INPUTS, timeout_s=5)
            server.close()

    fuzz(check, rounds=200)


def test_any_prediction_is_findings_or_an_error_of_the_model() -> None:
    spec = ModelSpec(name="m", kind="classification", url="http://server/v1/models/m:predict")
    kind = make_kind(spec, Signature(), {285: "Egyptian cat"})
    request = Request({}, rows=(1,), places=kind.request([Picture(jpeg())], [None]).places)

    def check(random: Random) -> None:
        document = odd.altered(random, [PREDICTION])
        body = json.dumps({"predictions": document if isinstance(document, list) else [document]}).encode()
        with answering(HEAD % len(body) + body) as url:
            server = TfServing(url, timeout_s=5)
            with suppress(ServingError):
                (found,) = kind.findings(server.infer(INPUTS, timeout_s=5), request)
                json.dumps([finding.as_json() for finding in found], allow_nan=False)
            server.close()

    fuzz(check, rounds=200)


def test_any_labels_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.json"

    def check(random: Random) -> None:
        sample = odd.text({"0": "tench", "1": "goldfish"})
        path.write_bytes(any_of(random, [sample]) if random.random() < 0.5 else odd.text(odd.value(random)))
        with suppress(LabelsUnavailable):
            json.dumps(read_labels(str(path))).encode()

    fuzz(check, rounds=500)
