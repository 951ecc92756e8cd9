"""Requests and messages of strangers to a running web server: each is answered or its connection closed.

Afterwards the server is as it was: it answers, shows new frames to good viewers, and has logged no traceback.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from shared.errors import BadRecord
from shared.report_reader import read_entry
from tests.fuzz import odd
from tests.fuzz.runner import any_of, fuzz, mutated
from tests.fuzz.test_records import STATUS
from tests.video.stage import RUN, Stage
from tests.waiting import wait_until

pytestmark = pytest.mark.fuzz

ANSWER_S = 10.0
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n",
    b"GET /cameras HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"HEAD /cameras/front/stream?fps=5&width=320 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /cameras/front/snapshot.jpg HTTP/1.0\r\n\r\n",
    b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\nbody",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3,
]
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MESSAGES: list[dict[str, Any]] = [
    {"type": "watch", "cameras": {"front": {"width": 320}}},
    {"type": "watch", "cameras": "all", "width": 64},
    {"type": "ack", "camera": "front", "run": RUN, "seq": 1},
    {"type": "ping", "t": 1},
]
# A masked text frame {}, a ping, a close, and a frame that announces 2^63 bytes (RFC 6455, section 5.2).
FRAMES = [
    b"\x81\x82\x00\x00\x00\x00{}",
    b"\x89\x80\x00\x00\x00\x00",
    b"\x88\x82\x00\x00\x00\x00\x03\xe8",
    b"\x81\xff" + b"\x7f" * 8 + bytes(4),
]


@pytest.fixture
def stage(caplog: pytest.LogCaptureFixture) -> Iterator[Stage]:
    """A server with one camera, which must be well at the end."""
    with Stage() as stage:
        stage.show("front", 1)
        stage.knows("front")
        yield stage
        stage.show("front", 2)
        wait_until(lambda: stage.get("/cameras/front/predictions").json()["seq"] == 2, "the next frame is shown")
        wait_until(lambda: stage.metric("video_viewers", camera="front") == 0, "no viewer is left")
        assert stage.get("/healthz").status_code == 200
        assert stage.failure is None
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send pieces and the end of input, and return the beginning of what is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
        try:
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            return client.recv(65536)
        except TimeoutError:
            raise
        except OSError:  # the server closed the connection before it had everything
            return b""


def test_any_request_is_answered_or_closed(stage: Stage) -> None:
    def check(random: Random) -> None:
        request = any_of(random, REQUESTS)
        cut = random.randint(0, len(request))
        answer = exchange(stage.port, request[:cut], request[cut:])
        assert answer == b"" or answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))
        assert not answer.startswith(b"HTTP/1.1 500")

    fuzz(check, rounds=400)


def test_any_path_is_answered(stage: Stage) -> None:
    def check(random: Random) -> None:
        name = random.choice(odd.TEXTS).encode(errors="surrogatepass").hex()
        camera = "".join(f"%{name[at : at + 2]}" for at in range(0, len(name), 2)) or "front"
        number = random.choice(odd.NUMBERS)
        path = random.choice(
            (f"/cameras/{camera}/stream?fps={number}", f"/cameras/front/stream?width={number}", f"/static/{camera}")
        )[:2000]
        answer = exchange(stage.port, f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert answer.split(b" ")[1] in {b"200", b"400", b"404", b"422"}, path
        assert b"X-Injected" not in answer

    fuzz(check, rounds=200)


def test_any_message_is_understood_or_ends_the_connection(stage: Stage) -> None:
    def check(random: Random) -> None:
        with suppress(WebSocketException, ConnectionError), connect(f"ws://127.0.0.1:{stage.port}/ws") as browser:
            for _ in range(random.randint(1, 6)):
                message = odd.text(odd.altered(random, random.choice(MESSAGES)))
                match random.randrange(4):
                    case 0:
                        browser.send(mutated(random, message).decode(errors="replace"))
                    case 1:
                        browser.send(message)
                    case _:
                        browser.send(message.decode())
            browser.send('{"type": "ping", "t": "last"}')
            while True:
                answer = browser.recv(ANSWER_S)
                if isinstance(answer, str) and json.loads(answer, parse_constant=refused).get("t") == "last":
                    break

    fuzz(check, rounds=150)


def test_any_bytes_behind_a_handshake_end_the_connection(stage: Stage) -> None:
    def check(random: Random) -> None:
        upgrade = UPGRADE if random.random() < 0.7 else mutated(random, UPGRADE)
        answer = exchange(stage.port, upgrade, any_of(random, FRAMES))
        assert answer == b"" or answer.startswith(b"HTTP/1.")

    fuzz(check, rounds=150)


def test_any_status_can_be_shown(stage: Stage) -> None:
    """What the services report, whoever wrote it, is JSON that every browser reads."""

    def check(random: Random) -> None:
        document = odd.altered(random, odd.altered(random, STATUS))
        with suppress(BadRecord):
            entry = read_entry(odd.text(document), heard_at=0.0)
            stage.heard = lambda: [entry]
            shown = stage.get("/cameras")
            assert shown.status_code == 200
            json.loads(shown.text, parse_constant=refused)

    fuzz(check, rounds=60)
    stage.heard = list


def refused(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
