"""What anyone may write on the bus, seen by a real browser: it costs the one picture that it is in, and no more."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from shared.frames.frame import Frame
from shared.frames.reader import ReceivedFrame
from shared.reports import MAX_NAME
from tests.browser.looking import DESKTOP, PHONE, fits, shown_seq, wait_until
from tests.video.stage import Stage, entry, frame, jpeg
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.browser

LARGEST = 2**63 - 1
LONG_LABEL = "x" * 10_000
LONG_REASON = "x" * 10_000
LONG_NAME = "x" * MAX_NAME
ODD_FRAMES: dict[str, dict[str, Any]] = {
    "predictions with NaN": {"predictions": b'[{"model": "m", "state": "ok", "label": "x", "probability": NaN}]'},
    "predictions of other types": {
        "predictions": b'[null, 5, {"model": "m", "label": 5, "probability": "x", "boxes": 7}]'
    },
    "a sequence number beyond 2^53": {"seq": LARGEST},
    "a broken picture": {"jpeg": b"\xff\xd8\xff\xe0 nothing else \xff\xd9"},
    "a picture that breaks off": {"jpeg": jpeg()[:200]},
    "no picture at all": {"jpeg": b""},
}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        for camera in ("bad", "good"):
            stage.show(camera, 1)
            stage.knows(camera)
        yield stage


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(**DESKTOP)
    yield page
    page.close()


def put(stage: Stage, odd: Frame) -> None:
    stage.latest.put(ReceivedFrame(odd, clock_suspect=False))


@pytest.mark.parametrize("kind", ODD_FRAMES)
def test_a_frame_that_cannot_be_shown_costs_no_other(stage: Stage, page: Page, kind: str) -> None:
    """The page acknowledges it all the same: the same camera's next picture is shown, and the other camera's too.

    Without the acknowledgement the server would send nothing more of this camera, and close the connection after 30 s.
    """
    closed: list[str] = []
    errors: list[str] = []
    page.on("websocket", lambda socket: socket.on("close", lambda _: closed.append("closed")))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{stage.url}/#camera=bad")
    wait_until(page, lambda: shown_seq(page) == "1", "the first picture")

    for seq in (10, 20, 30):
        sent = stage.metric("video_viewer_frames_sent_total", camera="bad")
        put(stage, replace(frame("bad", seq), **ODD_FRAMES[kind]))
        wait_until(page, lambda sent=sent: stage.metric("video_viewer_frames_sent_total", camera="bad") > sent, kind)  # type: ignore[misc]
        stage.show("bad", seq + 1)
        wait_until(page, lambda seq=seq: shown_seq(page) == str(seq + 1), "the same camera's next picture")  # type: ignore[misc]
    page.goto(f"{stage.url}/#camera=good")
    stage.show("good", 2)
    wait_until(page, lambda: shown_seq(page) == "2", "the other camera's picture")

    assert (closed, errors) == ([], [])
    expect(page.get_by_test_id("bus-state")).to_have_text("ok")


def test_a_frame_that_cannot_be_shown_is_counted_once(stage: Stage, page: Page) -> None:
    """Although the server repeats it every second while nothing new comes."""
    page.goto(f"{stage.url}/#camera=bad")
    wait_until(page, lambda: shown_seq(page) == "1", "the first picture")

    put(stage, replace(frame("bad", 2), jpeg=b"\xff\xd8nothing\xff\xd9"))

    counted = page.locator("[data-stage=viewer][data-reason=undecodable]")
    expect(counted).to_have_attribute("data-count", "1", timeout=PATIENCE_S * 1000)
    page.wait_for_timeout(2500)
    expect(counted).to_have_attribute("data-count", "1")


def test_long_names_and_reasons_never_make_the_page_wider_than_the_window(browser: Browser, stage: Stage) -> None:
    """They are cut at 200 characters; the whole label is in the title."""
    down = {"bad": {"state": "down", "since": 1_700_000_000_000_000, "reason": LONG_REASON}}
    models = {"m": {"state": "down", "since": 1_700_000_000_000_000, "reason": LONG_REASON}, LONG_NAME: {"state": "up"}}
    stage.heard = lambda: [entry("producer", cameras=down), entry("consumer", models=models)]
    predictions = f'[{{"model": "m", "state": "ok", "label": "{LONG_LABEL}", "probability": 0.5}}]'.encode()
    for device in (PHONE, DESKTOP):
        page = browser.new_page(**device)
        page.goto(f"{stage.url}/#camera=bad")
        stage.show("bad", 5, predictions=predictions)
        label = page.locator("[data-testid=label][data-model=m]")
        expect(label).to_have_attribute("title", LONG_LABEL, timeout=PATIENCE_S * 1000)
        expect(label).to_have_text("x" * 199 + "…")
        assert fits(page)
        expect(page.get_by_test_id("notice")).to_contain_text("CAMERA DOWN", timeout=PATIENCE_S * 1000)
        assert fits(page)
        page.close()


def test_the_reason_of_a_camera_and_of_a_model_is_shown(stage: Stage, page: Page) -> None:
    """Also the one that says that the pictures are too large for the bus."""
    reason = (
        "a picture of 1.4 MB is too large for the bus, which takes 1.0 MB: lower QUALITY or raise max.message.bytes"
    )
    stage.heard = lambda: [
        entry("producer", cameras={"bad": {"state": "down", "since": 1_700_000_000_000_000, "reason": reason}}),
        entry("consumer", models={"m": {"state": "down", "since": 1_700_000_000_000_000, "reason": "HTTP 503"}}),
    ]
    stage.show("bad", 2, predictions=b'[{"model": "m", "state": "down", "label": null}]')
    page.goto(f"{stage.url}/#camera=bad")

    expect(page.get_by_test_id("notice")).to_contain_text(f"A{reason[1:]}.", timeout=PATIENCE_S * 1000)
    states = page.locator("#states")
    expect(states).to_contain_text(f"A{reason[1:]}")
    expect(states).to_contain_text("HTTP 503")
    expect(page.locator("[data-testid=label][data-model=m]")).to_contain_text("HTTP 503")
