"""The client of the Open Inference Protocol, with servers that do what real ones do; real ones: tests/servers."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from consumer.servers.errors import ServingNonsense, ServingRefusal, ServingUnreachable
from consumer.servers.inference_tensors import HEADER_LENGTH
from consumer.servers.kserve import KServe
from consumer.tensors import Signature, TensorSpec
from local.ports import free_port
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.consumer.servers.test_tfserving import encoded
from tests.suite import LOOPBACK

PIXELS = {"images": np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)}
DESCRIBED = {
    "name": "detector",
    "versions": ["1"],
    "platform": "",
    "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 2, 2, 3]}],
    "outputs": [
        {"name": "boxes", "datatype": "FP32", "shape": [-1, 2, 4]},
        {"name": "count", "datatype": "FP32", "shape": [-1]},
    ],
}
ANSWERED = {
    "model_name": "detector",
    "model_version": None,
    "id": "1",
    "parameters": None,
    "outputs": [
        {
            "name": "boxes",
            "datatype": "FP32",
            "shape": [1, 2, 4],
            "data": [1, 2, 3, 4, 5, 6, 7, 8.5],
            "parameters": None,
        },
        {"name": "count", "datatype": "FP32", "shape": [1, 1], "data": [2], "parameters": {"content_type": "np"}},
    ],
}
Start = Callable[..., KServe]


class Speaker:
    """Answers as a server of the protocol; keeps what it was asked."""

    def __init__(self, described: Any = DESCRIBED, answered: Any = ANSWERED, extensions: Any = ()) -> None:
        self.described, self.answered, self.extensions = described, answered, extensions
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, request: rest.Request) -> None:
        self.asked.append((request.path, dict(request.headers), request.body))
        if request.command == "POST":
            body, headers = (
                self.answered if isinstance(self.answered, tuple) else (json.dumps(self.answered).encode(), {})
            )
            request.answer(200, body, **headers)
        elif request.path == "/v2":
            request.answer(200, json.dumps({"name": "s", "version": "1", "extensions": self.extensions}).encode())
        else:
            request.answer(200, json.dumps(self.described).encode())


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a server with a behaviour; return a client of it."""
    opened: list[Rest] = []

    def started(behaviour: rest.Behaviour, *, binary: bool | None = None, path: str = "/v2/models/detector") -> KServe:
        opened.append(Rest(behaviour).__enter__())
        return KServe(opened[-1].url + path, timeout_s=20.0, binary=binary)

    yield started
    for server in opened:
        server.__exit__()


def test_the_signature_is_that_of_the_metadata(start: Start) -> None:
    """It is GET /v2/models/NAME; types are numpy's."""
    assert start(Speaker()).signature() == Signature(
        {"images": TensorSpec("images", "uint8", (-1, 2, 2, 3))},
        {"boxes": TensorSpec("boxes", "float32", (-1, 2, 4)), "count": TensorSpec("count", "float32", (-1,))},
    )


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"inputs": None, "outputs": None},
        {"inputs": [{}], "outputs": []},
        {"inputs": [{"name": 3, "datatype": "FP32", "shape": [1]}], "outputs": []},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": ["n"]}], "outputs": []},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1] * 11}], "outputs": []},
        {"inputs": [{"name": "x" * 101, "datatype": "FP32", "shape": [1]}], "outputs": []},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2**40]}], "outputs": []},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}] * 101, "outputs": []},
    ],
)
def test_metadata_of_another_form_are_nonsense(start: Start, described: Any) -> None:
    """The protocol requires them."""
    with pytest.raises(ServingNonsense):
        start(Speaker(described)).signature()


def test_pixels_are_sent_flat_with_an_id(start: Start) -> None:
    """Each request has another one."""
    speaker = Speaker()
    server = start(speaker)

    server.infer(PIXELS, timeout_s=20)
    server.infer(PIXELS, timeout_s=20)

    (path, _, first), (_, _, second) = speaker.asked
    assert path == "/v2/models/detector/infer"
    assert json.loads(first) == {
        "id": "1",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": list(range(12))}],
    }
    assert json.loads(second)["id"] == "2"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v2/models/detector/infer", "/v2/models/detector/infer"),
        ("/v2/models/detector/versions/3", "/v2/models/detector/versions/3/infer"),
        ("/below/v2/models/detector", "/below/v2/models/detector/infer"),
    ],
)
def test_the_address_may_name_a_version(start: Start, path: str, asked: str) -> None:
    """With or without `/infer`."""
    speaker = Speaker()

    start(speaker, path=path).infer(PIXELS, timeout_s=20)

    assert speaker.asked[0][0] == asked


def test_outputs_have_the_shapes_of_the_metadata(start: Start) -> None:
    """MLServer sends [n, 1] for [n], some servers nested lists for flat ones, or one row without a batch dimension."""
    nested = {"name": "boxes", "datatype": "FP32", "shape": [2, 4], "data": [[1, 2, 3, 4], [5, 6, 7, 8.5]]}
    without_batch = {"outputs": [nested, {"name": "count", "datatype": "FP32", "shape": [1], "data": [2]}]}

    for answered in (ANSWERED, without_batch):
        server = start(Speaker(answered=answered))
        server.signature()
        outputs = server.infer(PIXELS, timeout_s=20)

        assert outputs["boxes"].tolist() == [[[1, 2, 3, 4], [5, 6, 7, 8.5]]]
        assert outputs["count"].tolist() == [2]


@pytest.mark.parametrize("two_dimensions", [False, True])
def test_encoded_pictures_are_base64_in_json(start: Start, two_dimensions: bool) -> None:
    """In one dimension or two, as the model takes them."""
    shape = [-1, 1] if two_dimensions else [-1]
    speaker = Speaker(DESCRIBED | {"inputs": [{"name": "image_bytes", "datatype": "BYTES", "shape": shape}]})
    server = start(speaker)
    server.signature()

    server.infer({"image_bytes": encoded(b"\xff\xd8one", b"two")}, timeout_s=20)

    (tensor,) = json.loads(speaker.asked[-1][2])["inputs"]
    assert tensor["shape"] == ([2, 1] if two_dimensions else [2])
    assert tensor["datatype"] == "BYTES"
    assert tensor["parameters"] == {"content_type": "base64"}
    assert [base64.b64decode(text) for text in tensor["data"]] == [b"\xff\xd8one", b"two"]


def binary_answer(*outputs: tuple[str, str, list[int], bytes]) -> tuple[bytes, dict[str, str]]:
    """Return an answer whose outputs (name, datatype, shape, bytes) are binary."""
    described = [
        {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(data)}}
        for name, datatype, shape, data in outputs
    ]
    header = json.dumps({"id": "1", "outputs": described}).encode()
    return header + b"".join(data for *_, data in outputs), {HEADER_LENGTH.replace("-", "_"): str(len(header))}


FRAMED = b"\x03\x00\x00\x00cat\x00\x00\x00\x00"
BINARY = binary_answer(
    ("boxes", "FP32", [1, 2], np.array([1.5, 2], "<f4").tobytes()),
    ("half", "FP16", [1], np.array([0.5], "<f2").tobytes()),
    ("texts", "BYTES", [2], FRAMED),
)


def test_tensors_are_sent_and_read_as_bytes(start: Start) -> None:
    """JSON first, its length in a header, then the bytes of each tensor, little endian; texts with their lengths."""
    speaker = Speaker(answered=BINARY)
    server = start(speaker, binary=True)

    outputs = server.infer(
        {"values": np.array([[1.0, 2.0]], ">f4").astype("f4"), "image_bytes": encoded(b"cat")}, timeout_s=20
    )

    (_, headers, body) = speaker.asked[0]
    length = int(headers[HEADER_LENGTH])
    document = json.loads(body[:length])
    assert headers["Content-Type"] == "application/octet-stream"
    assert document["id"] == "1"
    assert document["parameters"] == {"binary_data_output": True}
    assert [tensor["parameters"]["binary_data_size"] for tensor in document["inputs"]] == [8, 7]
    assert body[length:] == np.array([1, 2], "<f4").tobytes() + b"\x03\x00\x00\x00cat"
    assert outputs["boxes"].tolist() == [[1.5, 2]]
    assert outputs["half"].tolist() == [0.5]
    assert outputs["texts"].tolist() == [b"cat", b""]


@pytest.mark.parametrize(
    ("binary", "extensions", "sent"),
    [
        (None, ["binary_tensor_data", "classification"], True),
        (None, ["model_repository_extension"], False),
        (None, None, False),
        (False, ["binary_tensor_data"], False),
        (True, [], True),
    ],
)
def test_binary_is_used_if_announced_or_asked_for(
    start: Start, binary: bool | None, extensions: Any, sent: bool
) -> None:
    """The document decides; without a word of it, `extensions` of GET /v2 does."""
    speaker = Speaker(extensions=extensions)
    server = start(speaker, binary=binary)
    server.signature()

    server.infer(PIXELS, timeout_s=20)

    assert (HEADER_LENGTH in speaker.asked[-1][1]) is sent


def test_a_server_without_metadata_of_its_own_gets_json(start: Start) -> None:
    """GET /v2 may be missing."""

    def without(request: rest.Request) -> None:
        if request.path == "/v2":
            request.answer(404, b"")
        else:
            Speaker()(request)

    server = start(without)

    assert server.signature().inputs
    assert server.infer(PIXELS, timeout_s=20)


def output(**changes: Any) -> dict[str, Any]:
    """Return an answer with one output."""
    return {"outputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} | changes]}


@pytest.mark.parametrize(
    "answered",
    [
        {},
        {"outputs": None},
        {"outputs": [3]},
        {"outputs": [output()["outputs"][0]] * 101},
        output(name=None),
        output(shape=None),
        output(shape=[1, -2]),
        output(shape=[1, True]),
        output(shape=[1] * 20),
        output(shape=[1, 3]),
        output(shape=[2**31]),
        output(data=None),
        output(data=[1, "2"]),
        output(data=[1, None]),
        output(parameters={"binary_data_size": 8}),
        output(parameters={"binary_data_size": -1}),
        (b"{}", {"Inference_Header_Content_Length": "900"}),
        (b"{}", {"Inference_Header_Content_Length": "-1"}),
        (b"{}", {"Inference_Header_Content_Length": "9" * 400}),
        (b"[]", {"Inference_Header_Content_Length": "1"}),
        binary_answer(("x", "FP32", [1, 2], b"1234")),
        binary_answer(("x", "FP128", [1], b"1" * 16)),
        binary_answer(("x", "BYTES", [3], FRAMED)),
        binary_answer(("x", "BYTES", [1], FRAMED)),
        binary_answer(("x", "BYTES", [1], b"\xff\xff\xff\xffcat")),
        binary_answer(("x", "BYTES", [2**30], b"")),
    ],
)
def test_an_answer_of_another_form_is_nonsense(start: Start, answered: Any) -> None:
    """Sizes that do not fit, negative ones, or types that do not exist: none reads beyond the answer."""
    with pytest.raises(ServingNonsense) as caught:
        start(Speaker(answered=answered)).infer(PIXELS, timeout_s=20)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("versions", "newest"), [(None, None), ([], None), (["1"], "1"), (["9", "10", "2"], "10"), (["blue", "3"], "3")]
)
def test_the_newest_version_is_the_version(start: Start, versions: Any, newest: str | None) -> None:
    """Servers may list none; numbers are compared as numbers."""
    assert start(Speaker(DESCRIBED | {"versions": versions})).version() == newest
    assert start(Speaker({key: value for key, value in DESCRIBED.items() if key != "versions"})).version() is None


@pytest.mark.parametrize("versions", ["1", [3], ["x" * 65], ["a\nb"], {"1": 1}])
def test_a_malformed_version_is_nonsense(start: Start, versions: Any) -> None:
    """It goes into every record."""
    with pytest.raises(ServingNonsense):
        start(Speaker(DESCRIBED | {"versions": versions})).version()


def test_an_error_is_a_refusal_with_the_server_s_message(start: Start) -> None:
    """JSON of the protocol, or MLServer's bare text for an exception in a runtime."""
    unknown = start(rest.status(404, {"error": "Model nix not found"}))
    with pytest.raises(ServingRefusal, match=r"^HTTP 404: Model nix not found$"):
        unknown.infer(PIXELS, timeout_s=20)

    def bare(request: rest.Request) -> None:
        text = b"Internal Server Error"
        head = f"HTTP/1.1 500 Oops\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n\r\n"
        request.wfile.write(head.encode() + text)

    with pytest.raises(ServingRefusal, match=r"^HTTP 500: Internal Server Error$"):
        start(bare).infer(PIXELS, timeout_s=20)


def test_a_probe_needs_an_answer_and_nothing_more(start: Start) -> None:
    """An error is an answer; silence is none."""
    start(rest.status(500)).probe(20)

    with pytest.raises(ServingUnreachable):
        KServe(f"http://{LOOPBACK}:{free_port()}/v2/models/detector", timeout_s=20).probe(20)
