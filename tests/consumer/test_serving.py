"""The client of TensorFlow Serving, against real servers that misbehave."""

import gzip
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.serving import Serving, ServingNonsense, ServingRefusal, ServingTimeout, ServingUnreachable
from shared.errors import ServingError
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.requirements import need
from tests.suite import LOOPBACK, free_port

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
    """The list of the row format, decoded."""
    assert start(rest.well).predict(b"{}") == json.loads(rest.predictions())["predictions"]


def test_the_request_is_sent_as_it_is() -> None:
    """Path and body of the address and the handler."""
    with Rest(rest.well) as server:
        Serving(server.predict_url, timeout_s=20).predict(b'{"instances": []}')

        assert server.asked == [("POST", "/v1/models/tfModel:predict", b'{"instances": []}')]


def test_metadata_is_asked_beside_the_model(start: Start) -> None:
    """GET /v1/models/NAME/metadata."""
    assert start(rest.well).metadata()["model_spec"] == {"name": "tfModel"}


@pytest.mark.parametrize(
    ("states", "newest"),
    [
        ([("9", "AVAILABLE"), ("10", "AVAILABLE"), ("11", "LOADING")], "10"),
        ([("3", "END")], None),
        ([], None),
    ],
)
def test_the_newest_version_that_answers_is_the_version(
    start: Start, states: list[tuple[str, str]], newest: str | None
) -> None:
    """By number, not by text; one that is loading or gone does not count."""
    assert start(rest.status(200, rest.versions(*states))).version() == newest


@pytest.mark.parametrize(
    "document", [{}, {"model_version_status": [{"state": "AVAILABLE"}]}, {"model_version_status": 3}]
)
def test_a_status_that_is_none_is_nonsense(start: Start, document: object) -> None:
    """Whatever is missing in it."""
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
def test_an_error_of_http_is_a_refusal_in_the_server_s_own_words(
    start: Start, code: int, body: object, text: str
) -> None:
    """With its status; a redirection is not followed."""
    with pytest.raises(ServingRefusal) as caught:
        start(rest.status(code, body)).predict(b"{}")

    assert caught.value.status == code
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"{}", b'{"predictions": {"classes": 1}}', b"[" * 100_000, b"\xff\xfe"]
)
def test_an_answer_of_another_form_is_nonsense(start: Start, body: bytes) -> None:
    """Not JSON, nested too deeply, or without a list of predictions."""
    with pytest.raises(ServingNonsense):
        start(rest.status(200, body)).predict(b"{}")


def test_nobody_there_is_unreachable() -> None:
    """The message says where and why, and nothing of the library's objects."""
    url = f"http://{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable, match=r"cannot reach .*tfModel.*: Connection refused$"):
        Serving(url, timeout_s=20).predict(b"{}")


def test_credentials_in_an_address_are_not_in_messages() -> None:
    """They go to the server and nowhere else."""
    url = f"http://me:hidden@{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"

    with pytest.raises(ServingUnreachable) as caught:
        Serving(url, timeout_s=20).predict(b"{}")

    assert "hidden" not in str(caught.value)


def test_a_connection_that_breaks_is_unreachable(start: Start) -> None:
    """Before or within the answer."""
    with pytest.raises(ServingUnreachable):
        start(rest.reset).predict(b"{}")
    with pytest.raises(ServingUnreachable):
        start(lambda request: request.answer(200, b"{", Content_Length="900", Connection="close")).predict(b"{}")


def test_a_server_that_says_nothing_is_left_in_time(start: Start) -> None:
    """After the time limit."""
    with pytest.raises(ServingTimeout, match=r"no answer within 0\.3 s"):
        start(rest.hang, timeout_s=0.3).predict(b"{}")


@pytest.mark.parametrize("behaviour", [rest.drip_head, rest.drip])
def test_the_time_limit_is_for_the_whole_answer(start: Start, behaviour: rest.Behaviour) -> None:
    """An answer whose head or body comes byte by byte, each in time, would else hold the model's loop for minutes."""
    began = time.monotonic()

    with pytest.raises(ServingTimeout, match=r"no answer within 0\.5 s"):
        start(behaviour, timeout_s=0.5).predict(b"{}")

    assert time.monotonic() - began < 30  # all of it takes minutes


def test_one_question_may_have_less_time_than_the_others(start: Start) -> None:
    """A model that is down is not waited for as long as one that is well."""
    serving = start(rest.hang, timeout_s=0.4)

    with pytest.raises(ServingTimeout, match=r"no answer within 0\.1 s"):
        serving.predict(b"{}", timeout_s=0.1)
    with pytest.raises(ServingTimeout, match=r"no answer within 0\.4 s"):
        serving.predict(b"{}")


def test_a_slow_answer_leaves_the_next_question_its_own_time() -> None:
    """On the connection that is kept, nothing stays behind of the time that was left."""
    with Rest(rest.well) as server:
        serving = Serving(server.predict_url, timeout_s=20)
        server.behaviour = rest.after(0.3)
        assert serving.predict(b"{}", timeout_s=10)
        assert serving.predict(b"{}")
        assert server.connections == 1
        serving.close()


def test_the_time_limit_holds_over_tls(tmp_path: Path) -> None:
    """A model server behind https is read the same way."""
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
    """We say that we take gzip, and TensorFlow Serving makes use of it."""
    body = gzip.compress(rest.predictions())

    answer = start(lambda request: request.answer(200, body, Content_Encoding="gzip")).predict(b"{}")

    assert answer == json.loads(rest.predictions())["predictions"]


def test_one_connection_is_kept_and_renewed_when_it_breaks() -> None:
    """A new one for each question would cost a handshake each."""
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
