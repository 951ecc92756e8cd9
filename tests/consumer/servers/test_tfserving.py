"""The client of TensorFlow Serving, with real servers that misbehave."""

import base64
import gzip
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consumer.deadline import HttpSession
from consumer.servers.answer_size import LARGEST_ANSWER, LARGEST_OPEN_ANSWER, LARGEST_PROMISED_ANSWER, largest_answer
from consumer.servers.errors import ServingNonsense, ServingRefusal, ServingTimeout, ServingUnreachable
from consumer.servers.http import json_object
from consumer.servers.tfserving import UNNAMED, TfServing
from consumer.tensors import Signature, TensorSpec
from local.ports import free_port
from shared.errors import ServingError
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.requirements import need
from tests.suite import LOOPBACK

Start = Callable[..., TfServing]


def encoded(*pictures: bytes) -> Any:
    """Return encoded pictures as an input."""
    values = np.empty(len(pictures), object)
    values[:] = pictures
    return values


ONE = {"image_bytes": encoded(b"a JPEG")}
TWO = {"image_bytes": encoded(b"a JPEG", b"another")}


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a server with a behaviour; return a client of it."""
    opened: list[Rest] = []

    def started(behaviour: rest.Behaviour) -> TfServing:
        opened.append(Rest(behaviour).__enter__())
        return TfServing(opened[-1].predict_url, timeout_s=20.0)

    yield started
    for server in opened:
        server.__exit__()


def metadata(inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Return a model's metadata; the tensors by name as (type, sizes)."""

    def tensors(described: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {"dtype": dtype, "tensor_shape": {"dim": [{"size": str(size), "name": ""} for size in sizes]}}
            for name, (dtype, sizes) in described.items()
        }

    signature = {"inputs": tensors(inputs), "outputs": tensors(outputs)}
    return {"metadata": {"signature_def": {"signature_def": {"serving_default": signature}}}}


def test_the_signature_is_that_of_the_metadata(start: Start) -> None:
    """It is GET /v1/models/NAME/metadata, and the signature serving_default."""
    document = metadata({"image_bytes": ("DT_STRING", [-1])}, {"scores": ("DT_FLOAT", [-1, 1000])})
    document["metadata"]["signature_def"]["signature_def"]["other"] = {}

    assert start(rest.status(200, document)).signature() == Signature(
        {"image_bytes": TensorSpec("image_bytes", "bytes", (-1,))},
        {"scores": TensorSpec("scores", "float32", (-1, 1000))},
    )


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"metadata": {}},
        {"metadata": []},
        metadata({"x": ("DT_FLOAT", ["many"])}, {}),
        metadata({"x": ("DT_FLOAT", ["9" * 30])}, {}),
        metadata({"x": ("DT_FLOAT", [1] * 11)}, {}),
        metadata({"x" * 101: ("DT_FLOAT", [1])}, {}),
        metadata({f"{number}": ("DT_FLOAT", [1]) for number in range(101)}, {}),
        metadata({}, {"x\n": ("DT_FLOAT", [1])}),
        metadata({}, {"x": (3, [1])}) | {"metadata": {"signature_def": {"signature_def": {"serving_default": []}}}},
    ],
)
def test_metadata_that_say_nothing_of_use_are_no_signature(start: Start, document: object) -> None:
    """Then the models document says what is needed, and a classifier is asked as the original asks."""
    assert start(rest.status(200, document)).signature() == Signature()


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_metadata_has_no_signature(start: Start, status: int) -> None:
    """It may still answer."""
    assert start(rest.status(status, b"nothing here")).signature() == Signature()


def test_an_error_of_the_server_is_not_taken_for_no_metadata(start: Start) -> None:
    """It says nothing of the model."""
    with pytest.raises(ServingRefusal, match="HTTP 503"):
        start(rest.status(503)).signature()


def test_the_request_has_the_original_s_form() -> None:
    """Row format: encoded pictures are named, the pixels of faces are not."""
    faces = np.full((2, 2, 2, 1), 127 / 255, np.float32)
    with Rest(rest.status(200, {"predictions": [[0.5], [0.5]]})) as server:
        serving = TfServing(server.predict_url, timeout_s=20)
        serving.infer(TWO, timeout_s=20)
        serving.infer({"faces": faces}, timeout_s=20)
        serving.infer({"a": np.array([1, 2]), "b": encoded(b"x", b"y")}, timeout_s=20)

        (_, path, pictures), (_, _, pixels), (_, _, both) = server.asked
    assert path == "/v1/models/tfModel:predict"
    assert pictures == b'{"instances":[%b,%b]}' % tuple(
        b'{"image_bytes":{"b64":"%b"}}' % base64.b64encode(picture) for picture in (b"a JPEG", b"another")
    )
    assert json.loads(pixels) == {"instances": [[[[0.498039]] * 2] * 2] * 2}
    assert json.loads(both) == {"instances": [{"a": 1, "b": {"b64": "eA=="}}, {"a": 2, "b": {"b64": "eQ=="}}]}


def test_outputs_come_as_arrays_by_name(start: Start) -> None:
    """A model with several outputs names them in each row."""
    rows = [{"classes": 3, "scores": [0.5, 1]}, {"classes": 4, "scores": [1, 0.25]}]

    outputs = start(rest.status(200, {"predictions": rows})).infer(TWO, timeout_s=20)

    assert outputs["classes"].tolist() == [3, 4]
    assert outputs["classes"].dtype == np.int64
    assert outputs["scores"].tolist() == [[0.5, 1], [1, 0.25]]


def test_the_only_output_has_the_name_of_the_metadata() -> None:
    """The answer does not name it."""

    def one_output(request: rest.Request) -> None:
        is_metadata = request.path.endswith("/metadata")
        described = metadata({}, {"emotions": ("DT_FLOAT", [-1, 2])})
        request.answer(200, json.dumps(described if is_metadata else {"predictions": [[0.5, 0.5]]}).encode())

    with Rest(one_output) as server:
        serving = TfServing(server.predict_url, timeout_s=20)
        assert list(serving.infer(ONE, timeout_s=20)) == [UNNAMED]
        serving.signature()
        assert list(serving.infer(ONE, timeout_s=20)) == ["emotions"]


@pytest.mark.parametrize(
    ("states", "newest"),
    [
        ([("9", "AVAILABLE"), ("10", "AVAILABLE"), ("11", "LOADING")], "10"),
        ([("3", "END")], None),
        ([], None),
    ],
)
def test_the_newest_available_version_is_the_version(
    start: Start, states: list[tuple[str, str]], newest: str | None
) -> None:
    """Numbers are compared, not texts; one that is loading or unloaded does not count."""
    assert start(rest.status(200, rest.versions(*states))).version() == newest


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"model_version_status": [{"state": "AVAILABLE"}]},
        {"model_version_status": 3},
        *(
            {"model_version_status": [{"version": version, "state": "AVAILABLE"}]}
            for version in (" 1", "-1", "1.0", "²", "٣", "9" * 21, " " * 500_000 + "1", 1, None, ["1"], "")
        ),
    ],
)
def test_a_malformed_status_is_nonsense(start: Start, document: object) -> None:
    """Something is missing in it, or a version is not a number of at most 20 digits: it goes into every frame."""
    with pytest.raises(ServingNonsense):
        start(rest.status(200, document)).version()


@pytest.mark.parametrize(
    ("code", "body", "text"),
    [
        (404, {"error": "Servable not found for request: Latest(tfModel)"}, "HTTP 404: Servable not found"),
        (503, b"<html>upstream connect error</html>", "HTTP 503"),
        (422, {"detail": "Unprocessable"}, "HTTP 422: Unprocessable"),
        (500, b"", "HTTP 500"),
        (302, b"", "HTTP 302"),
    ],
)
def test_an_http_error_is_a_refusal_with_the_server_s_message(start: Start, code: int, body: object, text: str) -> None:
    """It has the status; a redirection is not followed."""
    with pytest.raises(ServingRefusal) as caught:
        start(rest.status(code, body)).infer(ONE, timeout_s=20)

    assert caught.value.status == code
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"{}",
        b'{"predictions": {"classes": 1}}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"predictions": []}',
        b'{"predictions": [1, 2]}',
        b'{"predictions": [null]}',
        b'{"predictions": [{"a": null}]}',
        b'{"predictions": [{"a": [1, [2]]}]}',
        b'{"predictions": [{"a": [[1], 2]}]}',
        b'{"predictions": [{"a": [1, "2"]}]}',
        b'{"predictions": [{"a": [true, 2]}]}',
        b'{"predictions": [{"a": [[1, 2], [3]]}]}',
        b'{"predictions": [{"a": {"b": 1}}]}',
        b'{"predictions": [' + b"[" * 20 + b"]" * 20 + b"]}",
        b'{"predictions": [{"a": 1%s}]}' % (b"0" * 400),
        b'{"predictions": [{"a": [0.5, 1%s]}]}' % (b"0" * 400),
    ],
)
def test_an_answer_of_another_form_is_nonsense(start: Start, body: bytes) -> None:
    """It is not JSON, nested too deeply, ragged, of mixed types, or without as many predictions as were asked for."""
    with pytest.raises(ServingNonsense):
        start(rest.status(200, body)).infer(ONE, timeout_s=20)


def test_rows_must_have_the_same_outputs(start: Start) -> None:
    """A row without an output would shift those of the others."""
    with pytest.raises(ServingNonsense, match="different outputs"):
        start(rest.status(200, {"predictions": [{"a": 1}, {"b": 1}]})).infer(TWO, timeout_s=20)


def test_texts_do_not_multiply_in_memory(start: Start) -> None:
    """As numpy's texts, each of these would take as much room as the longest: 80 GB in all."""
    rows = [["x" * 200_000, *["x"] * 100_000]]

    outputs = start(rest.status(200, {"predictions": rows})).infer(ONE, timeout_s=20)

    assert outputs[UNNAMED].dtype == object
    assert outputs[UNNAMED].nbytes < 1_000_000


def test_a_server_that_is_down_is_unreachable() -> None:
    """The message says where and why, and does not show the library's objects."""
    url = f"http://{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable, match=r"cannot reach .*tfModel.*: Connection refused$"):
        TfServing(url, timeout_s=20).infer(ONE, timeout_s=20)


def test_credentials_in_an_address_are_not_in_messages() -> None:
    """They are sent to the server and go nowhere else."""
    url = f"http://me:hidden@{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable) as caught:
        TfServing(url, timeout_s=20).infer(ONE, timeout_s=20)

    assert "hidden" not in str(caught.value)


def test_credentials_in_an_address_are_sent_as_basic_authentication() -> None:
    """What is percent-encoded in the address is not in the header (RFC 7617)."""
    seen = []

    def note(request: rest.Request) -> None:
        seen.append(request.headers["Authorization"])
        rest.well(request)

    with Rest(note) as server:
        url = server.predict_url.replace("http://", "http://me:hi%40den@")
        assert TfServing(url, timeout_s=20).infer(ONE, timeout_s=20)

    assert seen == ["Basic " + base64.b64encode(b"me:hi@den").decode()]


def test_a_long_password_is_not_cut_and_shown() -> None:
    """The message is cut after the address has been redacted."""
    url = f"http://me:hidden{'x' * 500}@{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable, match="Connection refused") as caught:
        TfServing(url, timeout_s=20).infer(ONE, timeout_s=20)

    assert "hidden" not in str(caught.value)


def test_a_connection_that_breaks_is_unreachable(start: Start) -> None:
    """It breaks before or within the answer."""
    with pytest.raises(ServingUnreachable):
        start(rest.reset).infer(ONE, timeout_s=20)
    with pytest.raises(ServingUnreachable):
        start(lambda request: request.answer(200, b"{", Content_Length="900", Connection="close")).infer(
            ONE, timeout_s=20
        )


def test_a_silent_server_is_given_up_in_time(start: Start) -> None:
    """This is after the time limit."""
    with pytest.raises(ServingTimeout, match=r"no answer within 0\.3 s"):
        start(rest.hang).infer(ONE, timeout_s=0.3)


@pytest.mark.parametrize("behaviour", [rest.drip_head, rest.drip])
def test_the_time_limit_is_for_the_whole_answer(start: Start, behaviour: rest.Behaviour) -> None:
    """An answer whose head or body arrives byte by byte, each in time, would otherwise hold the loop for minutes."""
    began = time.monotonic()

    with pytest.raises(ServingTimeout, match=r"no answer within 0\.5 s"):
        start(behaviour).infer(ONE, timeout_s=0.5)

    assert time.monotonic() - began < 30  # all of it takes minutes


def test_a_slow_answer_does_not_shorten_the_time_of_the_next() -> None:
    """The rest of the time is not kept with the connection."""
    with Rest(rest.well) as server:
        serving = TfServing(server.predict_url, timeout_s=20)
        server.behaviour = rest.after(0.3)
        assert serving.infer(ONE, timeout_s=10)
        assert serving.infer(ONE, timeout_s=20)
        assert server.connections == 1
        serving.close()


def test_the_time_limit_holds_over_tls(tmp_path: Path) -> None:
    """A model server behind https is read in the same way."""
    need("openssl", present=shutil.which("openssl") is not None, install="apt-get install openssl")
    certificate = tmp_path / "certificate.pem"
    public = tmp_path / "public.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=model -addext subjectAltName=IP:{LOOPBACK}"
    subprocess.run([*command.split(), "-keyout", certificate, "-out", public], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + public.read_text())

    with Rest(rest.well, certificate=certificate) as server:
        serving = TfServing(server.predict_url, timeout_s=20)
        serving._http._session = HttpSession(authorities=str(certificate))
        assert serving.infer(ONE, timeout_s=20)

        server.behaviour = rest.drip_head
        with pytest.raises(ServingTimeout):
            serving.infer(ONE, timeout_s=0.5)


def test_a_compressed_answer_is_read(start: Start) -> None:
    """The request accepts gzip, and TensorFlow Serving uses it."""
    body = gzip.compress(rest.predictions())

    answer = start(lambda request: request.answer(200, body, Content_Encoding="gzip")).infer(ONE, timeout_s=20)

    assert answer["classes"].tolist() == [rest.CAT + 1]


def test_one_connection_is_kept_and_renewed_when_it_breaks() -> None:
    """A connection per request would cost a handshake each."""
    with Rest(rest.well) as server:
        serving = TfServing(server.predict_url, timeout_s=20)
        for _ in range(3):
            assert serving.infer(ONE, timeout_s=20)
        assert server.connections == 1

        server.behaviour = rest.reset
        with pytest.raises(ServingError):
            serving.infer(ONE, timeout_s=20)
        server.behaviour = rest.well

        assert serving.infer(ONE, timeout_s=20)
        serving.close()


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://127.0.0.1:9/", "\xff\xfe", "", "//", "http://a:b@[", "x" * 9000]
)
def test_a_redirection_is_a_refusal_wherever_it_leads(start: Start, location: str) -> None:
    """requests looks at `Location` even when it follows nothing, and raises ValueError for a malformed one."""
    serving = start(lambda request: request.answer(302, b"", Location=location))

    with pytest.raises(ServingRefusal, match="HTTP 302"):
        serving.infer(ONE, timeout_s=20)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate, gzip, br, zstd\r\n\r\n\x00\x01",
        b"HTTP/1.1 99999 \xff\r\n\r\n",
        b"HTTP/9.9 200\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Filler: filler\r\n" * 200 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: text; charset=\xff\x00\r\nSet-Cookie: \xff=\x00; expires=x\r\n\r\n{}",
        b"\x00\xff" * 1000,
        b"",
    ],
)
def test_every_fault_of_http_is_an_error_of_serving(start: Start, answer: bytes) -> None:
    """Never another exception: it would end the model's loop, and with it the service."""

    def raw(request: rest.Request) -> None:
        request.wfile.write(answer)
        request.close_connection = True

    with pytest.raises(ServingError):
        start(raw).infer(ONE, timeout_s=20)


def test_a_server_s_message_is_cut_and_shows_no_secrets(start: Start) -> None:
    """It goes into logs and on every viewer's page."""
    message = "\x1b]0;title\x07\n12:00 INFO forged http://me:hidden@host/ " + "x" * 1000

    with pytest.raises(ServingRefusal) as caught:
        start(rest.status(500, {"error": message})).infer(ONE, timeout_s=20)

    text = str(caught.value)
    assert text.isprintable()
    assert "hidden" not in text
    assert len(text) < 300


@pytest.mark.parametrize("compressed", [False, True])
def test_an_answer_that_is_too_large_is_not_read(start: Start, compressed: bool) -> None:
    """A megabyte is read, packed or not; a true answer has a fiftieth of that."""
    body = b'{"predictions": [' + b"[]," * 2_000_000 + b"[]]}"
    packed = gzip.compress(body, 1) if compressed else body
    headers = {"Content_Encoding": "gzip"} if compressed else {}

    with pytest.raises(ServingNonsense, match="larger than 1000000 bytes"):
        start(lambda request: request.answer(200, packed, **headers)).infer(ONE, timeout_s=20)


@pytest.mark.parametrize("open_size", [False, True])
def test_a_model_whose_metadata_promise_more_may_answer_more(open_size: bool) -> None:
    """The limit follows the shapes of the outputs and the number of pictures."""
    numbers = [0.5] * 300_000
    body = json.dumps({"predictions": [numbers]}).encode()
    assert LARGEST_ANSWER < len(body) < 9_600_000
    described = metadata({}, {"scores": ("DT_FLOAT", [-1, -1 if open_size else 300_000])})

    def promising(request: rest.Request) -> None:
        request.answer(200, json.dumps(described).encode() if request.path.endswith("/metadata") else body)

    with Rest(promising) as server:
        serving = TfServing(server.predict_url, timeout_s=20)
        with pytest.raises(ServingNonsense, match="larger than"):
            serving.infer(ONE, timeout_s=20)

        serving.signature()
        assert serving.infer(ONE, timeout_s=20)["scores"].shape == (1, 300_000)


def test_metadata_cannot_promise_without_bound() -> None:
    """A server that promises exabytes gets 64 MB at most."""

    def limit(*shapes: tuple[int, ...], rows: int = 1) -> int:
        outputs = {f"{index}": TensorSpec(f"{index}", "float32", shape) for index, shape in enumerate(shapes)}
        return largest_answer(Signature({}, outputs), rows)

    assert limit() == limit((-1, 10)) == LARGEST_ANSWER
    assert limit((-1, 50_000), rows=3) == 3 * 50_000 * 32
    assert limit((-1, 2**31 - 1, 2**31 - 1)) == limit((-1, 2**31 - 1), rows=64) == LARGEST_PROMISED_ANSWER
    assert limit((-1, 84, -1)) == LARGEST_OPEN_ANSWER
    assert limit(*[(-1, 2**31 - 1)] * 100) == LARGEST_PROMISED_ANSWER


@pytest.mark.parametrize("filler", [b"[],", b"{},", b"[[]],", b'"",', b"0,"])
def test_an_answer_that_would_fill_the_memory_is_not_parsed(filler: bytes) -> None:
    """Within the bytes that metadata may promise, lists of nothing take thirty times as much memory."""
    text = b'{"predictions": [' + filler * (60_000_000 // len(filler)) + b"0]}"

    with pytest.raises(ServingNonsense, match="need too much memory"):
        json_object(text)


def test_an_answer_of_numbers_may_be_as_large_as_promised() -> None:
    """Three million numbers of eight digits, as boxes of four."""
    text = b'{"predictions": [' + b"[0.123456, 0.123456, 0.123456, 0.123456], " * 800_000 + b"[]]}"

    assert len(json_object(text)["predictions"]) == 800_001
