"""What one WebSocket may send, and when it has to give up its place."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from tests.conftest import Recovery
from tests.video.client import CONTINUATION, PING, TEXT, Client, ws_frame
from tests.video.stage import RUN, Stage
from tests.waiting import wait_until
from video import message_rate, websocket_connection, websocket_messages


@pytest.fixture
def viewer(stage: Stage) -> Iterator[Client]:
    stage.show("front", 1)
    stage.knows("front")
    with Client(stage.port) as client:
        assert client.upgrade().startswith("HTTP/1.1 101 ")
        client.hear("hello")
        yield client


def say(client: Client, **message: object) -> None:
    client.send(ws_frame(json.dumps(message).encode()))


def test_messages_beyond_the_limit_are_read_later(stage: Stage, viewer: Client) -> None:
    """A flood waits in the client's own buffers; nothing is cut and nothing else is slower."""
    flood = ws_frame(b'{"type": "ack", "camera": "front", "run": 1, "seq": 1}')
    began = time.monotonic()
    viewer.send(flood * (3 * message_rate.MAX_MESSAGES_PER_S))
    say(viewer, type="ping", t=1)

    viewer.hear("pong")

    assert time.monotonic() - began > 1.5, "three hundred messages take at least two seconds, less what is saved up"
    assert stage.get("/healthz").status_code == 200


def test_acknowledgements_of_frames_are_free(stage: Stage, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall of many fast cameras acknowledges more than a hundred frames a second."""
    monkeypatch.setattr(message_rate, "MAX_MESSAGES_PER_S", 1)
    monkeypatch.setattr("video.websocket.ACK_TIMEOUT_S", 2.0)
    say(viewer, type="watch", cameras={"front": {}})
    shown = 0
    while shown < 30:
        opcode, data = viewer.message()
        if opcode == TEXT:
            continue
        header = json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")])
        say(viewer, type="ack", camera="front", run=RUN, seq=header["seq"])
        stage.show("front", header["seq"] + 1)
        shown += 1


def test_a_flood_of_messages_does_not_fill_the_memory_and_is_not_answered_in_full(stage: Stage) -> None:
    """What is not read stays with the client, which cannot send on."""
    with Client(stage.port) as flooder:
        flooder.upgrade()
        flooder.socket.settimeout(2)
        sent = 0
        flood = ws_frame(b'{"type": "ack"}') * 10_000

        with suppress(TimeoutError):
            while sent < 200_000_000:
                sent += flooder.socket.send(flood)

        assert sent < 200_000_000
        assert stage.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "frame", [ws_frame(b"", PING), ws_frame(b"", CONTINUATION, final=False)], ids=["pings", "fragments"]
)
def test_frames_that_are_no_messages_are_limited_too(viewer: Client, frame: bytes) -> None:
    """The connection is closed with 1008 and a reason."""
    viewer.send(ws_frame(b"", TEXT, final=False) if frame != ws_frame(b"", PING) else b"")
    viewer.send(frame * (2 * websocket_connection.MAX_SILENT_FRAMES))

    assert viewer.close_code() == 1008


@pytest.mark.parametrize(("cameras", "code"), [(1001, 4400), (1000, 0)])
def test_a_viewer_may_watch_a_thousand_names(viewer: Client, cameras: int, code: int) -> None:
    """A longer list is refused with a reason."""
    say(viewer, type="watch", cameras={f"c{number}": {} for number in range(cameras)})
    say(viewer, type="ping", t=1)

    if code:
        assert viewer.close_code() == code
    else:
        viewer.hear("pong")


def test_text_that_is_not_utf_8_is_refused_without_a_word_in_the_log(
    viewer: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """uvicorn would log a traceback for each."""
    with caplog.at_level(logging.WARNING):
        viewer.send(ws_frame(b"\xff\xfe"))

        assert viewer.close_code() == 1007
    assert caplog.records == []


def test_a_client_that_goes_on_sending_after_the_end_is_cut(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn would go on parsing for ten seconds."""
    monkeypatch.setattr(websocket_connection, "MAX_BYTES_AFTER_CLOSE", 10_000)
    viewer.send(ws_frame(b"nonsense") + ws_frame(b"x" * 1000) * 2000)

    assert viewer.is_closed()


@pytest.mark.parametrize("t", [2**60, 1e400, "x" * 5000, [1], None])
def test_a_pong_sends_back_what_a_browser_can_read(viewer: Client, t: object) -> None:
    """It sends back nothing large and no number that JavaScript rounds."""
    viewer.send(ws_frame(json.dumps({"type": "ping", "t": t}).encode()))

    pong = viewer.hear("pong")

    assert pong["t"] is None or pong["t"] == "x" * websocket_messages.MAX_PING_CHARACTERS


@pytest.mark.fault(
    "one client takes every place of a viewer",
    expects="a viewer from another address is admitted; the client gives up idle WebSockets, closed with 1013",
)
def test_a_client_that_holds_all_places_gives_one_up(monkeypatch: pytest.MonkeyPatch, recovery: Recovery) -> None:
    """It gives up to half of them up; a further viewer of its own is refused."""
    monkeypatch.setattr("video.viewers.IDLE_AFTER_S", 0.0)
    with Stage(max_viewers=6) as stage, ExitStack() as stack:
        greedy = [stack.enter_context(Client(stage.port, source="127.0.0.2")) for _ in range(6)]
        for client in greedy:
            assert client.upgrade().startswith("HTTP/1.1 101 ")
        with Client(stage.port, source="127.0.0.2") as further:
            assert further.upgrade().startswith("HTTP/1.1 503 ")

        for _ in range(3):
            newcomer = stack.enter_context(Client(stage.port, source="127.0.0.3"))
            assert newcomer.upgrade().startswith("HTTP/1.1 101 ")

        codes: list[int] = []
        threads = [threading.Thread(target=lambda one=client: codes.append(one.close_code())) for client in greedy]
        for thread in threads:
            thread.start()
        wait_until(lambda: codes == [1013] * 3, "three were told to go")
        with Client(stage.port, source="127.0.0.3") as fourth:
            assert fourth.upgrade().startswith("HTTP/1.1 503 ")
        stage.end()
        for thread in threads:
            thread.join()
    recovery.seen("3 of 3 newcomers admitted, 3 WebSockets closed with 1013", seconds=None)
