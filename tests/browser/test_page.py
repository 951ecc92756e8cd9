"""The page in a real browser, against the whole suite."""

import json
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Running
from tests.processes import freeze, thaw

pytestmark = pytest.mark.browser

PATIENCE_S = 30.0
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def page(browser: Browser, suite: Running) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, color_scheme="dark")
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(suite.address)
    wait_until(page, lambda: shown(page) > 5, "five pictures")
    yield page
    context.close()
    assert problems == [], "the browser's console"


def wait_until(page: Page, reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE_S:.0f} s"
        page.wait_for_timeout(50)


def shown(page: Page) -> int:
    return int(page.get_by_test_id("picture").get_attribute("data-presented") or 0)


def predictions(suite: Running) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{suite.address}/cameras/camera/predictions", timeout=5) as answer:
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
        assert all(label == text for label, text in pairs), pairs
        return bool(pairs)

    wait_until(page, agrees, "a moment at which page and /predictions speak of the same frame")


def test_age_on_the_page_is_within_100_ms_of_the_truth(page: Page) -> None:
    """Browser and camera share a clock here, so now − captured-at is the truth to compare with."""
    wait_until(page, lambda: bool(page.get_by_test_id("age").get_attribute("data-ms")), "an age")

    pairs = page.evaluate(
        """async () => {
            const picture = document.querySelector('[data-testid=picture]');
            const age = document.querySelector('[data-testid=age]');
            const found = []; let last = picture.dataset.seq; const end = performance.now() + 3000;
            while (performance.now() < end) {
                await new Promise(requestAnimationFrame);
                if (picture.dataset.seq === last) continue;
                last = picture.dataset.seq;
                found.push([Date.now() - picture.dataset.capturedAt / 1000, +age.dataset.ms]);
            }
            return found;
        }"""
    )

    true_ms, shown_ms = (statistics.median(values) for values in zip(*pairs, strict=True))
    assert len(pairs) > 10
    assert abs(true_ms - shown_ms) < 100


def test_page_says_that_the_model_is_down_and_back(page: Page, suite: Running, artefacts: Path) -> None:
    """A model server that hangs shows as down while the picture goes on, and as up when it is back."""
    state = page.locator("[data-testid=model-state]").first
    expect(state).to_have_attribute("data-state", "up", timeout=PATIENCE_S * 1000)

    freeze(suite.pids["tfserving"])
    try:
        expect(state).to_have_attribute("data-state", "down", timeout=PATIENCE_S * 1000)
        count = shown(page)
        wait_until(page, lambda: shown(page) > count + 25, "pictures without a model")
        page.screenshot(path=artefacts / "page-model-down.png")
    finally:
        thaw(suite.pids["tfserving"])

    expect(state).to_have_attribute("data-state", "up", timeout=PATIENCE_S * 1000)


@pytest.mark.parametrize("part", ["producer", "consumer"])
def test_page_says_which_service_is_down_and_goes_on_by_itself(
    page: Page, suite: Running, artefacts: Path, part: str
) -> None:
    """A service that hangs is named over the picture with the time since; the page needs no reload afterwards."""
    notice = page.get_by_test_id("notice")

    freeze(suite.pids[part])
    try:
        expect(notice).to_contain_text(f"{part.upper()} DOWN", timeout=PATIENCE_S * 1000)
        page.screenshot(path=artefacts / f"page-{part}-down.png")
    finally:
        thaw(suite.pids[part])

    expect(notice).to_be_hidden(timeout=PATIENCE_S * 1000)
    count = shown(page)
    wait_until(page, lambda: shown(page) > count + 5, "pictures after the end")


def test_page_says_that_the_bus_stalls(page: Page, suite: Running, artefacts: Path) -> None:
    """A broker that does not answer is named, and nobody else is blamed."""
    notice = page.get_by_test_id("notice")

    freeze(suite.pids["local.broker"])
    try:
        expect(notice).to_contain_text("BUS STALLED", timeout=PATIENCE_S * 1000)
        page.screenshot(path=artefacts / "page-bus-stalled.png")
    finally:
        thaw(suite.pids["local.broker"])

    expect(notice).to_be_hidden(timeout=PATIENCE_S * 1000)


def test_page_fits_a_phone_and_a_desk(browser: Browser, suite: Running, artefacts: Path) -> None:
    """Nothing is wider than the window, dark or light, on a phone or a desk."""
    for name, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
        for scheme in ("dark", "light"):
            context = browser.new_context(viewport=viewport, color_scheme=scheme)
            page = context.new_page()
            page.goto(suite.address)
            wait_until(page, lambda page=page: shown(page) > 60, "pictures")
            wait_until(page, lambda: any(one["label"] for one in predictions(suite)), "a label")
            page.screenshot(path=artefacts / f"page-{name}-{scheme}.png")

            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            context.close()


def test_img_element_shows_the_stream(browser: Browser, suite: Running) -> None:
    """An <img> of the address alone is live video, as with the original."""
    page = browser.new_page()
    page.set_content(f'<img id="live" src="{suite.address}/" width="640">')
    picture = page.locator("#live")
    wait_until(page, lambda: page.evaluate("document.getElementById('live').naturalWidth") == 1280, "a picture")
    before = picture.screenshot()

    wait_until(page, lambda: picture.screenshot() != before, "another picture")
    page.close()
