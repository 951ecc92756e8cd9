"""What one connection may send."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Recovery
from tests.video.client import HANDSHAKE, Client
from tests.video.stage import Stage
from tests.waiting import wait_until
from video import connection, websocket_connection


def rss_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    with Client(stage.port) as connected:
        yield connected


def answers(stage: Stage) -> bool:
    return stage.get("/healthz").status_code == 200


def test_a_head_of_sixteen_kilobytes_is_answered(client: Client) -> None:
    """Cookies of other pages on the same host may be long."""
    client.get("/healthz", {"Cookie": "a" * (connection.MAX_HEAD_BYTES - 100)})

    assert client.status() == 200


@pytest.mark.parametrize("piece", [b"a", b"a: b\r\n"], ids=["one line", "many lines"])
def test_a_head_without_end_is_refused_and_costs_next_to_nothing(stage: Stage, client: Client, piece: bytes) -> None:
    """httptools has no limit of its own."""
    before = rss_kb()
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nx: " + piece * (8_000_000 // len(piece)))

    assert client.status() == 431
    assert client.is_closed()
    assert rss_kb() - before < 20_000
    assert answers(stage)


@pytest.mark.fault(
    "a request or a handshake with a head over 16 KB or 100 lines",
    expects="431, and the connection is closed; others are answered",
)
@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101,
        b"GET / HTTP/1.1\r\nx: " + b"a" * 16_500 + b"\r\n",
        b"GET /" + b"a" * 16_500 + b" HTTP/1.1\r\n",
        HANDSHAKE + b"a: b\r\n" * 101,
        HANDSHAKE + b"x: " + b"a" * 16_500 + b"\r\n",
        HANDSHAKE + b"x: " + b"a" * 9_000 + b"\r\n",
    ],
    ids=["lines", "line", "target", "lines of a handshake", "head of a handshake", "line of a handshake"],
)
def test_a_head_that_is_too_large_is_answered_431_and_closed(
    stage: Stage, client: Client, head: bytes, recovery: Recovery
) -> None:
    """The limits hold before a WebSocket handshake, too."""
    client.send(head + b"\r\n")

    answer = client.head()
    assert answer[0].startswith("HTTP/1.1 431 ")
    assert "connection: close" in [line.lower() for line in answer]
    assert client.is_closed()
    assert answers(stage)
    recovery.seen("431 and closed; /healthz answered 200", seconds=None)


@pytest.mark.parametrize(
    ("handshake", "status"),
    [
        (b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400),
        (HANDSHAKE.replace(b"GET", b"POST") + b"\r\n", 405),
        (HANDSHAKE.replace(b": 13", b": 8") + b"\r\n", 400),
        (HANDSHAKE.replace(b"Key: ", b"Key: ?") + b"\r\n", 400),
        (HANDSHAKE.replace(b"/ws", b"/\xff") + b"\r\n", 400),
        (HANDSHAKE + b"bad name: x\r\n\r\n", 400),
        (HANDSHAKE.replace(b"/ws", b"/nowhere") + b"\r\n", 403),
    ],
    ids=["no key", "POST", "version", "wrong key", "path", "header", "unknown path"],
)
def test_a_handshake_that_is_not_understood_is_answered_and_closed(
    stage: Stage, client: Client, handshake: bytes, status: int
) -> None:
    """uvicorn takes no notice of what `websockets` refuses by itself."""
    client.send(handshake)

    assert client.status() == status
    assert client.is_closed()
    assert answers(stage)


def test_an_unfinished_handshake_is_cut(stage: Stage, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head stops in the middle of a handshake."""
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.2)
    with Client(stage.port) as unfinished:
        unfinished.send(HANDSHAKE)

        assert unfinished.is_closed()


def test_a_plain_request_for_the_websocket_is_told_to_upgrade(client: Client) -> None:
    """426 names what is missing."""
    answer = client.get("/ws").head()

    assert answer[0].startswith("HTTP/1.1 426 ")
    assert "upgrade: websocket" in [line.lower() for line in answer]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n",
        b"POST /cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        HANDSHAKE + b"Content-Length: 5\r\n\r\n",
    ],
    ids=["GET", "POST", "chunked", "expects", "handshake"],
)
def test_a_body_is_refused_before_it_comes(client: Client, request_: bytes) -> None:
    """No path takes one, and one that comes byte by byte would keep a place."""
    client.send(request_)

    assert client.status() == 413
    assert client.is_closed()


def test_an_empty_body_is_none(client: Client) -> None:
    """Some clients announce a length of 0."""
    assert client.get("/healthz", {"Content-Length": "0"}).status() == 200


def test_a_few_pipelined_requests_are_answered_in_turn(client: Client) -> None:
    """HTTP/1.1 allows it."""
    for _ in range(1 + connection.MAX_WAITING_REQUESTS):
        client.get("/healthz", method="HEAD")

    assert [client.status() for _ in range(1 + connection.MAX_WAITING_REQUESTS)] == [200] * 5


def test_what_exceeds_the_pipeline_ends_the_connection_after_the_answers(client: Client) -> None:
    """The requests before it are answered, and then the server closes in order."""
    client.send(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * (3 + connection.MAX_WAITING_REQUESTS))

    statuses = [client.status() for _ in range(2 + connection.MAX_WAITING_REQUESTS)]
    assert statuses == [200] * (1 + connection.MAX_WAITING_REQUESTS) + [0]


@pytest.mark.fault(
    "a client pipelines requests without end", expects="cut; it costs less than 20 MB; others are answered"
)
def test_pipelining_without_end_is_cut_and_costs_next_to_nothing(
    stage: Stage, client: Client, recovery: Recovery
) -> None:
    """Each waiting request would hold its head."""
    before = rss_kb()
    client.send(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50_000)

    assert client.is_closed()
    grown_kb = rss_kb() - before
    assert grown_kb < 20_000
    assert answers(stage)
    recovery.seen(f"cut; {max(0, grown_kb) / 1000:.0f} MB; /healthz answered 200", seconds=None)


def test_blank_lines_between_requests_do_not_keep_a_connection(
    stage: Stage, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stop uvicorn's timer and begin no request."""
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.2)
    client.get("/healthz", method="HEAD")
    assert client.status() == 200
    client.send(b"\r\n")

    assert client.is_closed()


def test_what_is_not_http_is_answered_400(client: Client) -> None:
    """It may be TLS on the plain port."""
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")

    assert client.status() == 400
    assert client.is_closed()


def test_every_refusal_says_what_browsers_must_not_do(client: Client) -> None:
    """This holds for those written before the application is asked, too."""
    assert "X-Content-Type-Options: nosniff" in client.get("/", {"Content-Length": "1"}).head()


@pytest.mark.fault(
    "one client opens every connection and sends nothing",
    expects="a newcomer from another address is served; the client gives up idle connections",
)
def test_a_client_that_holds_all_connections_gives_one_up(monkeypatch: pytest.MonkeyPatch, recovery: Recovery) -> None:
    """The places of the connections are shared by address."""
    monkeypatch.setattr("video.web_server.SPARE_CONNECTIONS", 0)
    with Stage(max_viewers=5) as stage, ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(Client(stage.port, source="127.0.0.2"))
        with Client(stage.port, source="127.0.0.2") as further:
            assert further.status() == 503

        served = [stack.enter_context(Client(stage.port, source="127.0.0.3")).get("/healthz") for _ in range(5)]

        assert [client.status() for client in served] == [200] * 5
        recovery.seen("5 of 5 newcomers served, the 11th of the same client 503", seconds=None)


def test_a_handshake_that_the_application_does_not_finish_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer runs until the handshake is done, not only until the head is complete."""
    monkeypatch.setattr(websocket_connection, "HANDSHAKE_TIMEOUT_S", 0.2)

    async def never(*_: object) -> None:
        await asyncio.sleep(20)

    monkeypatch.setattr("starlette.websockets.WebSocket.accept", never)
    with Stage() as stage, Client(stage.port) as client:
        client.upgrade()

        assert client.is_closed()


def test_the_connections_of_clients_that_left_are_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not matter whether they were unfinished, refused, answered or upgraded."""
    monkeypatch.setattr("video.web_server.SPARE_CONNECTIONS", 0)
    with Stage(max_viewers=3) as stage:
        for _ in range(4):
            with ExitStack() as stack:
                clients = [stack.enter_context(Client(stage.port)) for _ in range(5)]
                clients[0].send(b"GET")
                assert clients[1].get("/", {"Content-Length": "1"}).status() == 413
                assert clients[2].get("/healthz").status() == 200
                assert clients[3].upgrade().startswith("HTTP/1.1 101 ")
                assert clients[4].upgrade(b"x: " + b"a" * 9000 + b"\r\n").startswith("HTTP/1.1 431 ")
            wait_until(lambda: stage.get("/healthz").status_code == 200)
