import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from shared.clock import now_us
from tests.video.stage import RUN, Stage, Stream, entry, jpeg
from tests.waiting import wait_until


class Browser:
    """A page that reads what it waits for and sends what it is told to."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.status: dict[str, Any] = {}

    def say(self, **message: object) -> None:
        self._socket.send(json.dumps(message))

    def hear(self, kind: str) -> dict[str, Any]:
        """Read on to the next text of a type."""
        while True:
            message = self._socket.recv(timeout=10)
            if isinstance(message, str) and json.loads(message)["type"] == kind:
                return dict(json.loads(message))

    def see(self, *, ack: bool = True) -> tuple[dict[str, Any], bytes]:
        """Read on to the next frame, and acknowledge it."""
        while True:
            message = self._socket.recv(timeout=10)
            if isinstance(message, bytes):
                size = int.from_bytes(message[:4], "big")
                header = json.loads(message[4 : 4 + size])
                if ack:
                    self.acknowledge(header)
                return header, message[4 + size :]

    def see_now(self) -> int:
        """Read what is there, and acknowledge the frames in it; return how many are new."""
        new = 0
        with suppress(TimeoutError):
            while True:
                message = self._socket.recv(timeout=0)
                if isinstance(message, bytes):
                    header = json.loads(message[4 : 4 + int.from_bytes(message[:4], "big")])
                    self.acknowledge(header)
                    new += not header["repeated"]
        return new

    def acknowledge(self, header: dict[str, Any]) -> None:
        self.say(type="ack", camera=header["camera"], run=header["run"], seq=header["seq"])

    def closed(self) -> int:
        """Read on to the end, and return its code."""
        while True:
            try:
                self._socket.recv(timeout=10)
            except ConnectionClosed as exc:
                return exc.rcvd.code if exc.rcvd else 0


def shown_is(stage: Stage, number: int) -> None:
    """Wait until a frame is the newest."""
    wait_until(lambda: stage.get("/cameras/front/predictions").json()["seq"] == number)


@contextmanager
def page(stage: Stage) -> Iterator[Browser]:
    with connect(f"ws://127.0.0.1:{stage.port}/ws", max_size=None) as socket:
        yield Browser(socket)


@pytest.fixture
def browser(stage: Stage) -> Iterator[Browser]:
    stage.show("front", 1, jpeg(640, 360))
    stage.knows("front")
    with page(stage) as opened:
        yield opened


def test_it_begins_with_hello_and_a_status_and_no_frames(browser: Browser) -> None:
    """Until the page says what it wants to see, there is only text."""
    hello = browser.hear("hello")
    status = browser.hear("status")

    assert hello.keys() == {"type", "version", "now", "instance"}
    assert abs(hello["now"] - now_us()) < 30_000_000
    assert status["cameras"][0]["id"] == "front"
    assert status["bus"]["state"] == "ok"
    assert (status["services"], status["models"], status["viewer"]) == ([], [], {})
    assert status["ledger"]["front"]["video"] == {"in": 1, "out": 1, "dropped": {}, "lost_upstream": 0}


def test_a_frame_explains_itself(stage: Stage, browser: Browser) -> None:
    """Its header names camera, run, number, times, size, clock and predictions; then comes the picture."""
    browser.say(type="watch", cameras={"front": {"width": 640}})

    header, picture = browser.see()

    assert picture == jpeg(640, 360)
    assert (header["camera"], header["run"], header["seq"]) == ("front", RUN, 1)
    assert (header["width"], header["height"], header["clock"]) == (640, 360, "ok")
    assert (header["repeated"], header["notice"]) == (False, None)
    assert header["captured_at"] <= header["imprinted_at"] <= header["sent_at"] <= now_us()
    assert header["predictions"][0]["label"] == "tabby"


def test_a_frame_goes_out_only_when_the_previous_one_was_acknowledged(stage: Stage, browser: Browser) -> None:
    """The next one is then the newest; what came in between was skipped and is counted for this page."""
    browser.say(type="watch", cameras={"front": {"width": 640}})
    first, _ = browser.see(ack=False)
    for number in range(2, 10):
        stage.show("front", number)
        shown_is(stage, number)
    browser.say(type="ping", t=1)
    browser.say(type="ack", camera="front", run=RUN, seq=77)
    browser.hear("status")

    browser.acknowledge(first)

    assert browser.see()[0]["seq"] == 9
    status = browser.hear("status")
    assert status["viewer"]["front"]["sent"] == 2
    assert (
        status["viewer"]["front"]["skipped"] == stage.metric("video_viewer_frames_skipped_total", camera="front") == 7
    )
    assert stage.metric("video_viewer_frames_sent_total", camera="front") == 2


def test_frames_come_in_order_at_the_cameras_rate(stage: Stage, browser: Browser) -> None:
    """A page that acknowledges at once sees every frame, once."""
    browser.say(type="watch", cameras={"front": {"width": 640}})
    seen = [browser.see()[0]["seq"]]

    for number in range(2, 12):
        stage.show("front", number)
        header, _ = browser.see()
        while header["repeated"]:
            header, _ = browser.see()
        seen.append(header["seq"])

    assert seen == list(range(1, 12))


def test_the_width_is_the_nearest_of_four_and_may_change(stage: Stage, browser: Browser) -> None:
    """A page that was made larger asks again."""
    browser.say(type="watch", cameras={"front": {"width": 150}})
    header, picture = browser.see()
    assert (header["width"], header["height"]) == Image.open(BytesIO(picture)).size == (160, 90)

    browser.say(type="watch", cameras={"front": {"width": 600}})
    browser.say(type="ping", t=1)
    browser.hear("pong")
    stage.show("front", 2, jpeg(640, 360))

    wait_until(lambda: browser.see()[0]["width"] == 640)


def test_a_rate_is_kept_and_what_it_leaves_out_is_not_skipped(stage: Stage, browser: Browser) -> None:
    """A tile of the wall wants a few pictures a second: the others are not missed for being slow."""
    browser.say(type="watch", cameras={"front": {"fps": 1}})
    browser.see()
    began = time.monotonic()
    seen = 0
    for number in range(2, 200):
        stage.show("front", number)
        seen += browser.see_now()
        if time.monotonic() - began > 2.5:
            break
        time.sleep(0.02)

    assert 1 <= seen <= time.monotonic() - began + 1
    left_out = number - seen
    # A few are skipped where a busy machine is late with one that was due.
    assert browser.hear("status")["viewer"]["front"]["skipped"] < left_out / 2
    assert stage.metric("video_viewer_frames_skipped_total", camera="front") < left_out / 2


@pytest.mark.parametrize("wish", [{"fps": 0}, {"fps": "fast"}, {"fps": True}, {"fps": 1e9}, {"width": "wide"}])
def test_a_wish_that_makes_no_sense_is_as_none(stage: Stage, browser: Browser, wish: dict[str, object]) -> None:
    browser.say(type="watch", cameras={"front": wish})
    header, _ = browser.see()
    stage.show("front", 2)

    assert header["width"] == 640
    wait_until(lambda: browser.see()[0]["seq"] == 2)


def test_a_viewer_learns_how_late_its_acknowledgements_are(stage: Stage, browser: Browser) -> None:
    """So that the page can tell a slow connection from slow cameras."""
    browser.say(type="watch", cameras={"front": {}})
    header, _ = browser.see(ack=False)
    wait_until(lambda: (browser.hear("status")["viewer"]["front"]["ack_ms"] or 0) >= 500)
    browser.acknowledge(header)
    for number in range(2, 12):
        stage.show("front", number)
        browser.see()

    assert browser.hear("status")["viewer"]["front"]["ack_ms"] < 500


def test_several_cameras_share_the_connection(stage: Stage, browser: Browser) -> None:
    """One that is not acknowledged holds up no other; `all` includes those that come later."""
    browser.say(type="watch", cameras="all")
    browser.see(ack=False)

    stage.show("yard", 1)
    header, _ = browser.see()
    assert header["camera"] == "yard"
    stage.show("front", 2)
    stage.show("yard", 2)
    wait_until(lambda: (seen := browser.see()[0])["camera"] == "yard" and seen["seq"] == 2)
    wait_until(
        lambda: stage.metric("video_viewers", camera="front") == stage.metric("video_viewers", camera="yard") == 1
    )

    browser.say(type="watch", cameras={})
    wait_until(
        lambda: stage.metric("video_viewers", camera="front") == stage.metric("video_viewers", camera="yard") == 0
    )


def test_a_ping_is_answered_with_our_clock(browser: Browser) -> None:
    """The page subtracts the difference of the clocks from the age."""
    browser.say(type="ping", t=12.5)

    pong = browser.hear("pong")

    assert pong["t"] == 12.5
    assert abs(pong["now"] - now_us()) < 30_000_000


def test_a_page_that_never_acknowledges_is_let_go(
    stage: Stage, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place is free for others."""
    monkeypatch.setattr("video.websocket.ACK_TIMEOUT_S", 0.3)
    browser.say(type="watch", cameras={"front": {"width": 640}})

    assert browser.closed() == 4408
    wait_until(lambda: stage.metric("video_viewers", camera="front") == 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"type": "dance"}', '{"type": "watch", "cameras": 3}', "[" * 50_000, b"\x00\x01"]
)
def test_a_message_that_is_none_of_ours_ends_the_connection(stage: Stage, browser: Browser, text: str | bytes) -> None:
    """The service continues."""
    browser._socket.send(text)

    assert browser.closed() == 4400
    assert stage.get("/healthz").status_code == 200


def test_a_page_gets_the_picture_without_the_notice_and_the_notice_in_words(stage: Stage, browser: Browser) -> None:
    """The page draws notices itself; those drawn into a stream would appear twice."""
    down = {"front": {"state": "down", "since": now_us(), "reason": "connection refused"}}
    stage.heard = lambda: [
        entry("producer", cameras={**down, "attic": {"state": "down", "since": 1, "reason": "gone"}})
    ]
    browser.say(type="watch", cameras="all")

    header, picture = browser.see()
    while header["notice"] is None:
        header, picture = browser.see()

    assert (header["camera"], header["notice"], header["repeated"]) == ("front", "CAMERA DOWN", True)
    assert picture == jpeg(640, 360)
    assert (header["width"], header["height"]) == (640, 360)


def test_an_unknown_camera_is_waited_for(stage: Stage, browser: Browser) -> None:
    """A page may ask for one that is not there yet."""
    browser.say(type="watch", cameras={"yard": {"width": 10}})
    browser.hear("status")

    stage.show("yard", 5)

    assert browser.see()[0]["seq"] == 5


def test_one_viewer_too_many_is_refused_before_the_handshake() -> None:
    """The answer is 503 with Retry-After, as for a stream."""
    with Stage(max_viewers=1) as stage, Stream(stage.port, "/") as viewer:
        viewer.start()

        with pytest.raises(InvalidStatus) as refused, page(stage):
            pass

        assert refused.value.response.status_code == 503
        assert "retry-after" in refused.value.response.headers


def test_a_change_is_told_at_once_with_everything_the_page_shows(stage: Stage, browser: Browser) -> None:
    """The status has services, models, bus and ledgers, as the services report them."""
    browser.hear("status")
    account = {"in": 9, "out": 7, "dropped": {"model_busy": 2}, "lost_upstream": 1}
    models = {"imagenet_1": {"state": "down", "since": 5, "version": "3", "reason": "connection refused"}}
    stage.heard = lambda: [
        entry("producer", cameras={"front": {"state": "up", "since": 1, "reason": None}}),
        entry("consumer", models=models, ledger={"front": account}),
    ]

    status = browser.hear("status")
    while not status["models"]:
        status = browser.hear("status")

    assert status["models"] == [{"name": "imagenet_1", **models["imagenet_1"]}]
    states = {service["service"]: service["state"] for service in status["services"]}
    assert states == {"producer": "live", "consumer": "live"}
    assert status["ledger"]["front"]["consumer"] == account

    stage.bus_silent_s = 4.0
    while browser.hear("status")["bus"]["state"] != "stalled":
        pass


def test_the_end_of_the_service_ends_the_connection(stage: Stage, browser: Browser) -> None:
    """The page then knows that it has to reconnect."""
    browser.say(type="watch", cameras="all")
    browser.see()

    stage.end()

    assert browser.closed() in {1001, 1012}
