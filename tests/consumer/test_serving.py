"""The client of TensorFlow Serving, with real servers that misbehave."""

import gzip
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.servers.errors import ServingNonsense, ServingRefusal, ServingTimeout, ServingUnreachable
from consumer.serving import LARGEST_ANSWER, Serving, _promised_bytes
from local.ports import free_port
from shared.errors import ServingError
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.requirements import need
from tests.suite import LOOPBACK

Start = Callable[..., Serving]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a server with a behaviour; return a client of it."""
    opened: list[Rest] = []

    def started(behaviour: rest.Behaviour, *, timeout_s: float = 20.0) -> Serving:
        opened.append(Rest(behaviour).__enter__())
        return Serving(opened[-1].predict_url, timeout_s=timeout_s)

    yield started
    for server in opened:
        server.__exit__()


def test_predictions_come_as_they_were_sent(start: Start) -> None:
    """The result is the list of the row format, decoded."""
    assert start(rest.well).predict(b"{}") == json.loads(rest.predictions())["predictions"]


def test_the_request_is_sent_unchanged() -> None:
    """The path is that of the address, the body that of the handler."""
    with Rest(rest.well) as server:
        Serving(server.predict_url, timeout_s=20).predict(b'{"instances": []}')

        assert server.asked == [("POST", "/v1/models/tfModel:predict", b'{"instances": []}')]


def test_metadata_has_its_path_below_the_model(start: Start) -> None:
    """It is GET /v1/models/NAME/metadata."""
    assert start(rest.well).metadata()["model_spec"] == {"name": "tfModel"}


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
        (500, b"", "HTTP 500"),
        (302, b"", "HTTP 302"),
    ],
)
def test_an_http_error_is_a_refusal_with_the_server_s_message(start: Start, code: int, body: object, text: str) -> None:
    """It has the status; a redirection is not followed."""
    with pytest.raises(ServingRefusal) as caught:
        start(rest.status(code, body)).predict(b"{}")

    assert caught.value.status == code
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"{}", b'{"predictions": {"classes": 1}}', b"[" * 100_000, b"\xff\xfe"]
)
def test_an_answer_of_another_form_is_nonsense(start: Start, body: bytes) -> None:
    """It is not JSON, nested too deeply, or without a list of predictions."""
    with pytest.raises(ServingNonsense):
        start(rest.status(200, body)).predict(b"{}")


def test_a_server_that_is_down_is_unreachable() -> None:
    """The message says where and why, and does not show the library's objects."""
    url = f"http://{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable, match=r"cannot reach .*tfModel.*: Connection refused$"):
        Serving(url, timeout_s=20).predict(b"{}")


def test_credentials_in_an_address_are_not_in_messages() -> None:
    """They are sent to the server and go nowhere else."""
    url = f"http://me:hidden@{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable) as caught:
        Serving(url, timeout_s=20).predict(b"{}")

    assert "hidden" not in str(caught.value)


def test_a_long_password_is_not_cut_and_shown() -> None:
    """The message is cut after the address has been redacted."""
    url = f"http://me:hidden{'x' * 500}@{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable, match="Connection refused") as caught:
        Serving(url, timeout_s=20).predict(b"{}")

    assert "hidden" not in str(caught.value)


def test_a_connection_that_breaks_is_unreachable(start: Start) -> None:
    """It breaks before or within the answer."""
    with pytest.raises(ServingUnreachable):
        start(rest.reset).predict(b"{}")
    with pytest.raises(ServingUnreachable):
        start(lambda request: request.answer(200, b"{", Content_Length="900", Connection="close")).predict(b"{}")


def test_a_silent_server_is_given_up_in_time(start: Start) -> None:
    """This is after the time limit."""
    with pytest.raises(ServingTimeout, match=r"no answer within 0\.3 s"):
        start(rest.hang, timeout_s=0.3).predict(b"{}")


@pytest.mark.parametrize("behaviour", [rest.drip_head, rest.drip])
def test_the_time_limit_is_for_the_whole_answer(start: Start, behaviour: rest.Behaviour) -> None:
    """An answer whose head or body arrives byte by byte, each in time, would otherwise hold the loop for minutes."""
    began = time.monotonic()

    with pytest.raises(ServingTimeout, match=r"no answer within 0\.5 s"):
        start(behaviour, timeout_s=0.5).predict(b"{}")

    assert time.monotonic() - began < 30  # all of it takes minutes


def test_a_request_may_have_less_time_than_usual(start: Start) -> None:
    """A model that is down gets less time than one that is up."""
    serving = start(rest.hang, timeout_s=0.4)

    with pytest.raises(ServingTimeout, match=r"no answer within 0\.1 s"):
        serving.predict(b"{}", timeout_s=0.1)
    with pytest.raises(ServingTimeout, match=r"no answer within 0\.4 s"):
        serving.predict(b"{}")


def test_a_slow_answer_does_not_shorten_the_time_of_the_next() -> None:
    """The rest of the time is not kept with the connection."""
    with Rest(rest.well) as server:
        serving = Serving(server.predict_url, timeout_s=20)
        server.behaviour = rest.after(0.3)
        assert serving.predict(b"{}", timeout_s=10)
        assert serving.predict(b"{}")
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
        serving = Serving(server.predict_url, timeout_s=20)
        serving._session.verify = str(certificate)
        assert serving.predict(b"{}")

        server.behaviour = rest.drip_head
        with pytest.raises(ServingTimeout):
            serving.predict(b"{}", timeout_s=0.5)


def test_a_compressed_answer_is_read(start: Start) -> None:
    """The request accepts gzip, and TensorFlow Serving uses it."""
    body = gzip.compress(rest.predictions())

    answer = start(lambda request: request.answer(200, body, Content_Encoding="gzip")).predict(b"{}")

    assert answer == json.loads(rest.predictions())["predictions"]


def test_one_connection_is_kept_and_renewed_when_it_breaks() -> None:
    """A connection per request would cost a handshake each."""
    with Rest(rest.well) as server:
        serving = Serving(server.predict_url, timeout_s=20)
        for _ in range(3):
            assert serving.predict(b"{}")
        assert server.connections == 1

        server.behaviour = rest.reset
        with pytest.raises(ServingError):
            serving.predict(b"{}")
        server.behaviour = rest.well

        assert serving.predict(b"{}")
        serving.close()


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://127.0.0.1:9/", "\xff\xfe", "", "//", "http://a:b@[", "x" * 9000]
)
def test_a_redirection_is_a_refusal_wherever_it_leads(start: Start, location: str) -> None:
    """requests looks at `Location` even when it follows nothing, and raises ValueError for a malformed one."""
    serving = start(lambda request: request.answer(302, b"", Location=location))

    with pytest.raises(ServingRefusal, match="HTTP 302"):
        serving.predict(b"{}")


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
        start(raw).predict(b"{}")


def test_a_server_s_message_is_cut_and_shows_no_secrets(start: Start) -> None:
    """It goes into logs and on every viewer's page."""
    message = "\x1b]0;title\x07\n12:00 INFO forged http://me:hidden@host/ " + "x" * 1000

    with pytest.raises(ServingRefusal) as caught:
        start(rest.status(500, {"error": message})).predict(b"{}")

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
        start(lambda request: request.answer(200, packed, **headers)).predict(b"{}")


def test_a_model_whose_metadata_promise_more_may_answer_more() -> None:
    """The limit follows the shapes of the outputs after the first answer that was too large."""
    numbers = [0.5] * 300_000
    body = json.dumps({"predictions": [{"scores": numbers}]}).encode()
    outputs = {"scores": {"tensor_shape": {"dim": [{"size": "-1"}, {"size": "300000"}]}}}
    metadata = {"metadata": {"signature_def": {"signature_def": {"serving_default": {"outputs": outputs}}}}}

    def promising(request: rest.Request) -> None:
        is_metadata = request.path.endswith("/metadata")
        request.answer(200, json.dumps(metadata).encode() if is_metadata else body)

    with Rest(promising) as server:
        serving = Serving(server.predict_url, timeout_s=20)
        assert len(body) > LARGEST_ANSWER
        with pytest.raises(ServingNonsense, match="larger than"):
            serving.predict(b"{}")

        assert serving.predict(b"{}") == [{"scores": numbers}]
        serving.close()


def test_metadata_cannot_promise_without_bound() -> None:
    """A server that promises exabytes, or nonsense, gets 64 MB at most."""
    for size in ("9" * 18, "x", None):
        outputs = {"scores": {"tensor_shape": {"dim": [{"size": size}]}}}
        metadata = {"metadata": {"signature_def": {"signature_def": {"serving_default": {"outputs": outputs}}}}}
        assert LARGEST_ANSWER <= _promised_bytes(metadata) <= 64_000_000
