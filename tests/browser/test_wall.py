"""The wall in a real browser: all cameras in one window, with a mouse, a keyboard and a finger."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from producer.polygons import polygon
from shared.clock import now_us
from shared.reports import Entry
from tests.browser.forwarder import Forwarder
from tests.browser.looking import DESKTOP, PHONE, fits, shown_seq, wait_until
from tests.browser.slow_link import SlowLink
from tests.conftest import Recovery
from tests.video.stage import Stage, entry, jpeg
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.browser

SIZE = (1280, 720)
COLOURS = ("navy", "darkgreen", "purple", "maroon")
WITHOUT_WORKERS = "delete window.Worker;"


class Cameras:
    """Cameras that send ten pictures a second, and a producer that reports them."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.reports: dict[str, dict[str, Any]] = {}
        self.mistakes: dict[str, str] = {}
        self.silent: set[str] = set()
        for index in range(number):
            self.add(f"cam-{index:02}", title=f"Gate {index}", tags=["outside" if index % 4 else "inside"])
        stage.heard = self._heard
        self._over = threading.Event()
        self._sending = threading.Thread(target=self._send, daemon=True)

    def add(self, camera: str, **report: object) -> None:
        self.reports[camera] = {"state": "up", "since": now_us(), **report}

    def _heard(self) -> list[Entry]:
        return [entry("producer", cameras=dict(self.reports), documents=self.mistakes)]

    def _send(self) -> None:
        seq = 0
        while not self._over.wait(0.1):
            seq += 1
            for index, (camera, report) in enumerate(list(self.reports.items())):
                if report["state"] == "up" and camera not in self.silent:
                    self.stage.show(camera, seq, jpeg(*SIZE, COLOURS[(index + seq) % len(COLOURS)]))

    def __enter__(self) -> "Cameras":
        self._sending.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._sending.join()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    errors: list[str] = []
    page = browser.new_page(**DESKTOP)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert errors == [], "the browser's console"


def tile(page: Page, camera: str) -> Any:
    return page.locator(f".tile[data-camera={camera}]")


def count(page: Page, camera: str) -> int:
    """Return how many pictures of a camera the wall has shown."""
    return int(tile(page, camera).locator("canvas").get_attribute("data-shown") or 0)


def watched(stage: Stage) -> set[str]:
    """Return the cameras that a viewer follows."""
    cameras = stage.get("/cameras").json()
    return {camera["id"] for camera in cameras if camera["viewers"]}


@pytest.mark.parametrize("script", ["", WITHOUT_WORKERS], ids=["worker", "page"])
def test_sixteen_cameras_fit_the_window_and_are_all_live(
    stage: Stage, page: Page, artefacts: Path, script: str
) -> None:
    """Each with its title, its state and its age, in pictures no larger than needed; without workers, too."""
    if script:
        page.add_init_script(script)
    with Cameras(stage, 16) as cameras:
        page.goto(stage.url)
        expect(page.locator(".tile")).to_have_count(16, timeout=PATIENCE_S * 1000)
        for camera in cameras.reports:
            wait_until(page, lambda camera=camera: count(page, camera) > 5, f"pictures of {camera}")  # type: ignore[misc]
        page.screenshot(path=artefacts / f"wall-16-{'page' if script else 'worker'}.png")

        assert fits(page)
        assert page.evaluate(
            "document.querySelector('#wall').scrollHeight <= document.querySelector('#wall').clientHeight"
        )
        widths = page.eval_on_selector_all(".tile canvas", "all => all.map((canvas) => Number(canvas.dataset.width))")
        assert set(widths) == {320}, "345 CSS pixels wide"
        expect(page.get_by_role("link", name="Gate 7: live")).to_be_visible()
        expect(tile(page, "cam-07").get_by_test_id("tile-age")).to_have_text(re.compile(r"^\d\.\d s$"))


def test_the_wall_follows_the_cameras_that_there_are(stage: Stage, page: Page) -> None:
    """One comes, one is switched off, one is unplugged, one is removed and leaves; a mistake in a document is shown."""
    with Cameras(stage, 2) as cameras:
        page.goto(f"{stage.url}/#wall")
        wait_until(page, lambda: count(page, "cam-01") > 2, "pictures")
        cameras.add("cam-99", title="New one")
        wait_until(page, lambda: count(page, "cam-99") > 2, "the new camera's pictures")

        cameras.add("cam-00", title="Gate 0", state="disabled")
        cameras.add("cam-01", title="Gate 1", state="down", reason="connection refused", since=now_us() - 5_000_000)
        expect(tile(page, "cam-00")).to_have_text(re.compile("Disabled"), timeout=PATIENCE_S * 1000)
        expect(tile(page, "cam-00")).to_have_attribute("data-tone", "idle")
        expect(page.get_by_role("link", name="Gate 1: camera down")).to_be_visible(timeout=PATIENCE_S * 1000)
        expect(tile(page, "cam-01")).to_have_attribute("data-tone", "bad")
        expect(tile(page, "cam-99")).to_have_attribute("data-tone", "ok")

        cameras.mistakes["CAMERASFILE"] = "line 7: cameras.front.interval: got 'abc'"
        expect(page.get_by_test_id("ribbon")).to_contain_text(
            "line 7: cameras.front.interval", timeout=PATIENCE_S * 1000
        )
        cameras.mistakes.clear()
        expect(page.get_by_test_id("ribbon")).to_be_hidden(timeout=PATIENCE_S * 1000)

        cameras.add("cam-00", state="removed", since=now_us() - 61_000_000)
        expect(tile(page, "cam-00")).to_have_count(0, timeout=PATIENCE_S * 1000)


def test_the_keyboard_is_enough(stage: Stage, page: Page) -> None:
    """Filter, move, open, step, and back; the address names each view, and the browser's own way back works."""
    with Cameras(stage, 8):
        page.goto(stage.url)
        expect(page.locator(".tile")).to_have_count(8, timeout=PATIENCE_S * 1000)
        page.keyboard.press("/")
        page.keyboard.type("inside")
        expect(page.locator(".tile")).to_have_count(2)
        expect(page).to_have_url(re.compile(r"#wall&filter=inside$"))
        page.keyboard.press("Enter")
        expect(tile(page, "cam-00")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(tile(page, "cam-04")).to_be_focused()
        page.keyboard.press("Enter")

        expect(page).to_have_url(re.compile(r"#camera=cam-04&filter=inside$"))
        expect(page.get_by_test_id("camera")).to_have_text("Gate 4")
        wait_until(page, lambda: shown_seq(page) is not None, "its picture")
        wait_until(page, lambda: watched(stage) == {"cam-04"}, "only this camera's pictures")
        expect(page.get_by_test_id("past")).to_contain_text("tabby", timeout=PATIENCE_S * 1000)
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(r"#camera=cam-00&filter=inside$"))
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile(r"#wall&filter=inside$"))
        expect(tile(page, "cam-00")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".tile")).to_have_count(8)
        page.keyboard.press("3")
        expect(page.get_by_test_id("camera")).to_have_text("Gate 2")
        page.go_back()
        expect(page.get_by_test_id("wall")).to_be_visible()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.goto(f"{stage.url}/#camera=cam-05")
        expect(page.get_by_test_id("camera")).to_have_text("Gate 5")


def test_a_telephone_gets_only_the_pictures_in_view(browser: Browser, stage: Stage, artefacts: Path) -> None:
    """It scrolls, taps and swipes; a hidden page gets nothing."""
    page = browser.new_context(**PHONE).new_page()
    with Cameras(stage, 24):
        page.goto(stage.url)
        expect(page.locator(".tile")).to_have_count(24, timeout=PATIENCE_S * 1000)
        wait_until(page, lambda: 8 <= len(watched(stage)) <= 18, "the cameras in view")
        assert "cam-23" not in watched(stage)
        assert fits(page)
        page.screenshot(path=artefacts / "wall-phone.png")
        tile(page, "cam-23").scroll_into_view_if_needed()
        wait_until(page, lambda: "cam-23" in watched(stage) and "cam-00" not in watched(stage), "those further down")
        wait_until(page, lambda: count(page, "cam-23") > 2, "their pictures")

        tile(page, "cam-23").tap()
        expect(page.get_by_test_id("camera")).to_have_text("Gate 23")
        swipe(page, -150)
        expect(page.get_by_test_id("camera")).to_have_text("Gate 0")
        swipe(page, 150)
        expect(page.get_by_test_id("camera")).to_have_text("Gate 23")
        page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        wait_until(page, lambda: not watched(stage), "no viewer")
    page.context.close()


def swipe(page: Page, way: int) -> None:
    """Move a finger over the picture."""
    page.evaluate(
        """(way) => {
            const stage = document.querySelector('#stage');
            const at = (x) => [new Touch({identifier: 1, target: stage, clientX: x, clientY: 200})];
            stage.dispatchEvent(new TouchEvent('touchstart', {touches: at(200), bubbles: true}));
            stage.dispatchEvent(new TouchEvent('touchend', {changedTouches: at(200 + way), bubbles: true}));
        }""",
        way,
    )


@pytest.mark.fault(
    "a viewer's link is slow",
    expects="the page says that its connection is slow, and shows no camera as down; the notice goes by itself",
)
def test_a_slow_link_is_not_the_cameras_fault(stage: Stage, page: Page, artefacts: Path, recovery: Recovery) -> None:
    """The age is that of the picture that is shown; the cameras stay live."""
    ribbon = page.get_by_test_id("ribbon")
    with SlowLink(stage.port) as link, Cameras(stage, 4):
        page.goto(link.url)
        wait_until(page, lambda: count(page, "cam-03") > 5, "pictures")
        expect(ribbon).to_be_hidden()

        link.bytes_per_s = 30_000
        expect(ribbon).to_contain_text("Slow connection", timeout=PATIENCE_S * 1000)
        for camera in ("cam-00", "cam-03"):
            expect(tile(page, camera)).to_have_attribute("data-tone", "ok")
        page.screenshot(path=artefacts / "wall-slow-link.png")

        link.bytes_per_s = None
        began = time.monotonic()
        expect(ribbon).to_be_hidden(timeout=PATIENCE_S * 1000)
    recovery.seen("Slow connection, and every camera live", seconds=time.monotonic() - began)


def test_a_lost_connection_can_be_tried_at_once(stage: Stage, browser: Browser) -> None:
    """The wall says that it is lost; its button connects without waiting, here for a back-off that never ends."""
    page = browser.new_page(**DESKTOP)
    page.add_init_script(
        "const real = setTimeout;"
        "window.setTimeout = (call, ms, ...rest) => window.held && ms > 400 ? 0 : real(call, ms, ...rest);"
    )
    ribbon = page.get_by_test_id("ribbon")
    with Forwarder(stage.port) as link, Cameras(stage, 2):
        page.goto(link.url)
        wait_until(page, lambda: count(page, "cam-01") > 0, "pictures")
        page.evaluate("window.held = true")
        link.cut()
        expect(ribbon).to_contain_text("Disconnected", timeout=PATIENCE_S * 1000)
        link.mend()

        ribbon.get_by_role("button", name="Try now").click()
        page.evaluate("window.held = false")

        expect(ribbon).to_be_hidden(timeout=PATIENCE_S * 1000)
    page.close()


def test_a_mask_is_drawn_and_copied(stage: Stage, page: Page, artefacts: Path) -> None:
    """With the mouse and with the keyboard alone; what is copied is what the producer takes."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with Cameras(stage, 1):
        page.goto(stage.url)
        wait_until(page, lambda: shown_seq(page) is not None, "a picture")
        page.keyboard.press("m")
        layer = page.get_by_test_id("mask-layer")
        box = layer.bounding_box()
        assert box is not None
        for x, y in ((0.005, 0.005), (0.3, 0.1), (0.25, 0.4), (0.005, 0.005)):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        for keys in ("ArrowDown", "ArrowRight", "ArrowUp"):
            for _ in range(4):
                page.keyboard.press(f"Shift+{keys}")
            page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.screenshot(path=artefacts / "mask.png")
        page.locator("#mask-copy").click()
        expect(page.locator("#mask-copy")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        layer.focus()
        page.keyboard.press("Escape")
        expect(page.locator("#mask-bar")).to_be_hidden()

    document = yaml.safe_load(f"cameras:\n  front:\n{copied}")
    first, second = document["cameras"]["front"]["masks"]
    assert first[0] == [0, 0]
    assert [len(polygon(tuple(map(tuple, points)))) for points in (first, second)] == [3, 3]
