"""The page in a real browser, against the whole suite."""

import json
import os
import re
import signal
import statistics
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import FRONT, YARD, Running
from tests.browser.looking import DESKTOP, PHONE, fits, shown, wait_until
from tests.conftest import Recovery
from tests.processes import freeze, thaw
from tests.video.stage import Stage, Stream, jpeg
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.browser

NOTHING = "Nothing detected"  # of a model that found nothing in the frame


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """Errors in the browser's console; none must be left at the end."""
    found: list[str] = []
    yield found
    assert found == [], "the browser's console"


@pytest.fixture
def page(browser: Browser, suite: Running, problems: list[str]) -> Iterator[Page]:
    context = browser.new_context(**DESKTOP, color_scheme="dark")
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{suite.address}/#camera={FRONT}")
    wait_until(page, lambda: shown(page) > 5, "five pictures")
    yield page
    context.close()


def predictions(suite: Running) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{suite.address}/cameras/{FRONT}/predictions", timeout=5) as answer:
        return list(json.load(answer)["predictions"])


def test_picture_moves(page: Page) -> None:
    """Two screenshots of the picture, some frames apart, differ."""
    picture = page.get_by_test_id("picture")
    before, count = picture.screenshot(), shown(page)

    wait_until(page, lambda: shown(page) > count + 25, "25 more pictures")

    assert picture.screenshot() != before


def test_label_on_the_page_is_the_label_of_the_frame(page: Page, suite: Running) -> None:
    """The page and /predictions name the same label for the same frame."""
    wait_until(page, lambda: any(one["label"] for one in predictions(suite)), "a label")

    def agrees() -> bool:
        by_frame = {(one["model"], str(one["seq"])): one["label"] for one in predictions(suite)}
        labels = page.evaluate(
            "[...document.querySelectorAll('[data-testid=label]')]"
            ".map(e => [e.dataset.model, e.dataset.seq, e.textContent.trim()])"
        )
        pairs = [(by_frame[model, seq], text) for model, seq, text in labels if (model, seq) in by_frame]
        assert all((label or NOTHING) == text for label, text in pairs), pairs
        return any(label for label, _ in pairs)

    wait_until(page, agrees, "a moment at which the page and /predictions show the same frame")


def test_age_on_the_page_is_within_100_ms_of_the_truth(page: Page, artefacts: Path) -> None:
    """Browser and camera share a clock here: the true age is now − captured-at, taken as soon as a frame is drawn.

    The page shows the median of the last second, and is compared with the median of the true ages of that second.
    """
    off_ms = age_is_off_by_ms(page, artefacts / "page-age.json")

    assert off_ms < 100


@pytest.mark.parametrize(
    "ahead_h",
    [
        pytest.param(
            1,
            marks=pytest.mark.fault(
                "a browser's clock is an hour ahead", expects="the age shown is within 100 ms of the truth"
            ),
        ),
        pytest.param(
            -1,
            marks=pytest.mark.fault(
                "a browser's clock is an hour behind", expects="the age shown is within 100 ms of the truth"
            ),
        ),
    ],
)
def test_a_clock_that_is_wrong_does_not_change_the_age(
    browser: Browser, suite: Running, artefacts: Path, recovery: Recovery, ahead_h: int
) -> None:
    """The page reads the monotonic clock, which starts at the wall clock's time; the true age is taken from `Date`."""
    with browser.new_context(**DESKTOP) as context:
        context.add_init_script(
            "Object.defineProperty(performance, 'timeOrigin', "
            f"{{value: performance.timeOrigin + {ahead_h * 3_600_000}}})"
        )
        page = context.new_page()
        page.goto(f"{suite.address}/#camera={FRONT}")
        assert abs(page.evaluate("performance.timeOrigin + performance.now() - Date.now()") / 3_600_000 - ahead_h) < 0.1

        off_ms = age_is_off_by_ms(page, artefacts / f"page-age-clock{ahead_h:+d}h.json")

    recovery.seen(f"off by {off_ms:.0f} ms", seconds=None)
    assert off_ms < 100


def age_is_off_by_ms(page: Page, kept: Path) -> float:
    """Return the median difference in ms between the age shown and the true age at ten moments; write all to a file."""
    wait_until(page, lambda: bool(page.get_by_test_id("age").get_attribute("data-ms")), "an age")
    pairs = page.evaluate(
        """async () => {
            const picture = document.querySelector('[data-testid=picture]');
            const age = document.querySelector('[data-testid=age]');
            const true_ages = [], pairs = [];
            const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
            const began = performance.now();
            new MutationObserver((changes) => {
                const now = performance.now();
                if (changes.some((change) => change.attributeName === 'data-presented'))
                    true_ages.push([now, Date.now() - picture.dataset.capturedAt / 1000]);
                const recent = true_ages.filter(([at]) => now - at < 1000).map(([, ms]) => ms);
                if (changes.some((change) => change.attributeName === 'data-ms') && recent.length && now - began > 1000)
                    pairs.push([median(recent), +age.dataset.ms]);
            }).observe(document.body, {subtree: true, attributeFilter: ['data-presented', 'data-ms']});
            while (pairs.length < 10) await new Promise((resolve) => setTimeout(resolve, 50));
            return pairs;
        }"""
    )
    off_ms = float(statistics.median(abs(true_ms - shown_ms) for true_ms, shown_ms in pairs))
    kept.write_text(json.dumps({"true and shown, ms": pairs, "off by, ms": off_ms}) + "\n")
    return off_ms


def seconds_until_live(page: Page) -> float:
    """Wait until there is no notice over the picture and it moves; return the seconds that this took."""
    began, count = time.monotonic(), shown(page)
    expect(page.get_by_test_id("notice")).to_be_hidden(timeout=PATIENCE_S * 1000)
    wait_until(page, lambda: shown(page) > count, "another picture")
    return time.monotonic() - began


@pytest.mark.fault(
    "seen on the page: the model server hangs",
    expects="pictures continue; the page names the model with the time since, and is live again by itself",
)
def test_page_says_that_the_model_is_down_and_back(
    page: Page, suite: Running, artefacts: Path, recovery: Recovery
) -> None:
    """A model server that hangs is shown as down while the picture continues, and as up when it is back."""
    state = page.locator("[data-testid=model-state]").first
    label = page.get_by_test_id("label").first
    expect(state).to_have_attribute("data-state", "up", timeout=PATIENCE_S * 1000)

    frozen = suite.pid("tfserving")
    freeze(frozen)
    try:
        expect(state).to_have_attribute("data-state", "down", timeout=PATIENCE_S * 1000)
        expect(label).to_contain_text("MODEL DOWN", timeout=PATIENCE_S * 1000)
        expect(page.locator(".model .note").first).to_have_text(re.compile(r"^for \d+ s$"))
        count = shown(page)
        wait_until(page, lambda: shown(page) > count + 25, "pictures without a model")
        page.screenshot(path=artefacts / "page-model-down.png")
    finally:
        thaw(frozen)
    began = time.monotonic()

    expect(state).to_have_attribute("data-state", "up", timeout=PATIENCE_S * 1000)
    expect(label).not_to_contain_text("MODEL DOWN", timeout=PATIENCE_S * 1000)
    recovery.seen("MODEL DOWN for some seconds, at least 25 pictures meanwhile", seconds=time.monotonic() - began)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        pytest.param(
            "producer",
            "PRODUCER DOWN",
            marks=pytest.mark.fault(
                "seen on the page: the producer hangs",
                expects="the page names it with the time since, and is live again by itself",
            ),
        ),
        pytest.param(
            "consumer",
            "CONSUMER DOWN",
            marks=pytest.mark.fault(
                "seen on the page: the consumer hangs",
                expects="the page names it with the time since, and is live again by itself",
            ),
        ),
        pytest.param(
            "local.broker",
            "BUS STALLED",
            marks=pytest.mark.fault(
                "seen on the page: the broker hangs",
                expects="the page names it with the time since, and is live again by itself; no other part is named",
            ),
        ),
    ],
)
def test_page_names_the_part_that_is_down_and_recovers_by_itself(
    page: Page, suite: Running, artefacts: Path, recovery: Recovery, part: str, says: str
) -> None:
    """A part that hangs is named over the picture with the time since; the page needs no reload afterwards."""
    notice = page.get_by_test_id("notice")

    frozen = suite.pid(part)
    freeze(frozen)
    try:
        expect(notice).to_have_text(re.compile(rf"{says}\s*For \d+ s\."), timeout=PATIENCE_S * 1000)
        wait_until(page, lambda: still(page), "a picture that stands still")
        page.screenshot(path=artefacts / f"page-{says.lower().replace(' ', '-')}.png")
    finally:
        thaw(frozen)

    recovery.seen(f"{says} with the time since", seconds=seconds_until_live(page))


def still(page: Page) -> bool:
    """Return whether the frame rate says that the picture stands still."""
    return page.get_by_test_id("fps").get_attribute("data-fps") in {"", "0.00"}


@pytest.mark.fault(
    "seen on the page: a camera is unplugged",
    expects="the page names it with the time since, and is live again by itself; the other camera is not affected",
)
def test_page_says_that_a_camera_is_down_and_shows_the_other(
    page: Page, suite: Running, artefacts: Path, recovery: Recovery
) -> None:
    """The notice is on the camera in the yard, with its reason; the camera in front stays live."""
    notice = page.get_by_test_id("notice")
    open_camera(page, YARD)
    wait_until(page, lambda: watched(page) == YARD, "the yard")

    suite.yard.unplug()
    try:
        expect(notice).to_have_text(
            re.compile(r"CAMERA DOWN\s*For \d+ s\. .*[Cc]onnection refused"), timeout=PATIENCE_S * 1000
        )
        page.screenshot(path=artefacts / "page-camera-down.png")
        open_camera(page, FRONT)
        wait_until(page, lambda: watched(page) == FRONT, "the front")
        expect(notice).to_be_hidden()
        open_camera(page, YARD)
        expect(notice).to_contain_text("CAMERA DOWN")
    finally:
        suite.yard.plug_in()

    recovery.seen("CAMERA DOWN with the time since and the reason", seconds=seconds_until_live(page))


def open_camera(page: Page, camera: str) -> None:
    page.evaluate("camera => { location.hash = `camera=${camera}`; }", camera)


def watched(page: Page) -> str | None:
    return page.get_by_test_id("picture").get_attribute("data-camera")


@pytest.mark.fault(
    "seen on the page: video is killed (SIGKILL) and restarted",
    expects="the page names it with the time since, and is live again by itself",
)
def test_page_reconnects_by_itself(
    page: Page, suite: Running, artefacts: Path, recovery: Recovery, problems: list[str]
) -> None:
    """The last picture stays, with a notice over it; the same page is live again without a reload."""
    notice, connection = page.get_by_test_id("notice"), page.get_by_test_id("connection")
    page.evaluate("window.opened = 'before the fault'")

    os.kill(suite.pid("video"), signal.SIGKILL)
    expect(connection).to_have_attribute("data-state", re.compile("waiting|connecting"), timeout=PATIENCE_S * 1000)
    expect(notice).to_contain_text("Disconnected")
    page.screenshot(path=artefacts / "page-disconnected.png")
    wait_until(page, lambda: answers(suite), "video answers again")
    seconds = seconds_until_live(page)

    assert page.evaluate("window.opened") == "before the fault"
    expect(connection).to_have_attribute("data-state", "open")
    # The browser itself logs each attempt to connect to a dead server, and each check for a place.
    own = ("WebSocket connection", "ERR_CONNECTION_REFUSED")
    problems[:] = [text for text in problems if not any(words in text for words in own)]
    recovery.seen("Disconnected, then live on the same page", seconds=seconds)


@pytest.mark.fault(
    "seen on the page: the viewer limit is reached", expects="the page says so, and is live as soon as there is a place"
)
def test_page_names_the_viewer_limit_and_takes_the_next_free_place(
    browser: Browser, artefacts: Path, recovery: Recovery
) -> None:
    """The page does not call the server silent, and needs no reload when a viewer leaves."""
    picture = jpeg(640, 360, "white")
    page = browser.new_page(**DESKTOP)
    with Stage(max_viewers=1) as stage:
        stage.show("front", 1, picture)
        stage.knows("front")
        with Stream(stage.port, "/cameras/front/stream") as other:
            other.start()
            page.goto(stage.url)
            expect(page.get_by_test_id("notice")).to_contain_text(
                "The viewer limit is reached", timeout=PATIENCE_S * 1000
            )
            page.screenshot(path=artefacts / "page-no-place.png")
        began = time.monotonic()
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "open", timeout=PATIENCE_S * 1000)
        stage.show("front", 2, picture)
        wait_until(page, lambda: shown(page) > 0, "a picture")
        seconds = time.monotonic() - began
        page.close()

    recovery.seen("The viewer limit is reached, then live on the same page", seconds=seconds)


def answers(suite: Running) -> bool:
    try:
        with urllib.request.urlopen(f"{suite.address}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _has_shown(page: Page, pictures: int) -> bool:
    return shown(page) > pictures


def test_page_fits_a_phone_and_a_desktop(browser: Browser, suite: Running, artefacts: Path) -> None:
    """Nothing is wider than the window, dark or light, on a phone or a desktop."""
    for name, device in (("phone", PHONE), ("desktop", DESKTOP)):
        for scheme in ("dark", "light"):
            context = browser.new_context(**device, color_scheme=scheme)
            page = context.new_page()
            page.goto(f"{suite.address}/#camera={FRONT}")
            wait_until(page, partial(_has_shown, page, 5), "pictures")
            wait_until(page, lambda: any(one["label"] for one in predictions(suite)), "a label")
            page.screenshot(path=artefacts / f"page-{name}-{scheme}.png")

            assert fits(page)
            context.close()


def test_img_element_shows_the_stream(browser: Browser, suite: Running) -> None:
    """An <img> with the bare address shows live video, as with the original."""
    page = browser.new_page()
    page.set_content(f'<img id="live" src="{suite.address}/" width="640">')
    picture = page.locator("#live")
    wait_until(page, lambda: page.evaluate("document.getElementById('live').naturalWidth") == 1280, "a picture")
    before = picture.screenshot()

    wait_until(page, lambda: picture.screenshot() != before, "another picture")
    page.close()
