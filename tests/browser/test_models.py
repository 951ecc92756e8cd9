"""The panel of the models, in a real browser."""

import itertools
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from shared.clock import now_us
from tests.browser.looking import DESKTOP, PHONE, fits, wait_until
from tests.video.stage import Stage, entry, jpeg
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.browser

REASON = "the document says size 320, the model has an input of (1, 3, 640, 640)"
THINGS: dict[str, Any] = {
    "model": "things",
    "state": "ok",
    "label": "car",
    "probability": 0.93,
    "boxes": [
        *({"box": [1, 2, 3, 4], "label": "person", "probability": 0.9 - at / 10} for at in range(4)),
        {"box": [1, 2, 3, 4], "label": "car", "probability": 0.93},
    ],
    "left_out": 3,
    "seq": 1,
    "version": "7",
}
IMAGENET: dict[str, Any] = {
    "model": "imagenet_1",
    "state": "ok",
    "label": "tabby, tabby cat",
    "probability": 0.62,
    "findings": [
        {"class": 281, "label": "tabby, tabby cat", "probability": 0.62},
        {"class": 282, "label": "tiger cat", "probability": 0.21},
        {"class": 285, "label": "Egyptian cat", "probability": 0.14},
    ],
    "boxes": [],
    "seq": 1,
    "version": "1",
}
FACES: dict[str, Any] = {"model": "faces", "state": "down", "label": None, "boxes": []}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        faces = FACES | {"since": now_us() - 42_000_000}
        drawn = json.dumps([THINGS, IMAGENET, faces]).encode()
        up = {"state": "up", "since": now_us()}
        shadow = up | {"kind": "classification", "shadow": True, "compare_with": "imagenet_1"}
        models = {
            "things": up | {"kind": "detection", "version": "7", "ms": 61.2, "batch": 3.5, "rate": 24.4},
            "imagenet_1": up | {"kind": "classification", "version": "1", "ms": 38.4, "batch": 1.0, "rate": 12.5},
            "faces": {"state": "down", "since": faces["since"], "reason": REASON, "kind": "detection"},
            "lite": shadow | {"compared": 80, "agreement": 0.75, "ms": 9.5},
            "nano": shadow | {"state": "down", "reason": "no answer in 10 s"},
        }
        cameras = {"front": {"state": "up", "since": 1}}
        stage.heard = lambda: [entry("consumer", models=models), entry("producer", cameras=cameras)]
        over = threading.Event()
        showing = threading.Thread(target=keep_showing, args=(stage, drawn, over))
        showing.start()
        stage.knows("front")
        yield stage
        over.set()
        showing.join()


def keep_showing(stage: Stage, drawn: bytes, over: threading.Event) -> None:
    """Show ten frames a second."""
    for seq in itertools.count(1):
        stage.show("front", seq, jpeg(1280, 720), predictions=drawn)
        if over.wait(0.1):
            return


def opened(browser: Browser, stage: Stage, **options: Any) -> Page:
    page = browser.new_page(**options)
    page.goto(f"{stage.url}/#camera=front")
    expect(page.get_by_test_id("findings")).to_have_count(3)
    wait_until(page, lambda: page.get_by_test_id("model-figures").first.inner_text() != "", "the figures")
    return page


def lines(page: Page, test_id: str, model: str) -> list[str]:
    """Return the rows of a list of a model, each as one line."""
    rows = page.locator(f"[data-testid={test_id}][data-model={model}] > *")
    return [" ".join(text.split()) for text in rows.all_inner_texts()]


def test_each_model_shows_what_it_found_and_how_it_works(browser: Browser, stage: Stage) -> None:
    """Boxes by label, the best labels of a picture, the figures, the shadows, and why a model is down."""
    page = opened(browser, stage, **DESKTOP, color_scheme="dark")

    assert lines(page, "findings", "things") == ["person ×4 90 %", "car ×1 93 %"]
    expect(page.get_by_text("3 more boxes without a label here")).to_be_visible()
    assert lines(page, "findings", "imagenet_1") == ["tabby, tabby cat 62 %", "tiger cat 21 %", "Egyptian cat 14 %"]
    figures = ["Time per frame 61 ms", "Frames per request 3.5", "Frames per second 24"]
    assert lines(page, "model-figures", "things") == figures
    assert lines(page, "shadows", "imagenet_1") == [
        "Shadow lite 9.5 ms Agrees in 75 % of 80 answers",
        "Shadow nano Down. No answer in 10 s.",
    ]
    reason = page.locator("[data-testid=model-reason][data-model=faces]")
    expect(reason).to_have_text(f"{REASON[0].upper()}{REASON[1:]}.")
    expect(page.locator(".model[data-model=faces] .note")).to_have_text(re.compile(r"for (4[2-9]|[5-9]\d) s|for 1 min"))
    page.close()


def test_a_screen_reader_gets_lists_and_headings(browser: Browser, stage: Stage) -> None:
    """Each model is a heading, and its lists say whose they are; bars are not read."""
    page = opened(browser, stage, **DESKTOP)
    panel = page.locator("#sees")

    snapshot = panel.aria_snapshot()

    for line in (
        'heading "What the models see now" [level=2]',
        'heading "things · version 7 · detection" [level=3]',
        'list "What things found"',
        'list "Models compared with imagenet_1"',
    ):
        assert line in snapshot
    assert panel.locator(".bar:not([aria-hidden=true])").count() == 0
    page.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_panel_fits(browser: Browser, stage: Stage, artefacts: Path, scheme: str) -> None:
    """Large and on a telephone; the pictures of both are kept to be looked at."""
    for name, device in (("desktop", DESKTOP), ("phone", PHONE)):
        page = opened(browser, stage, **device, color_scheme=scheme)
        page.screenshot(path=artefacts / f"models-{name}-{scheme}.png", full_page=True)

        assert fits(page)
        page.close()


def test_a_model_that_is_not_asked_any_more_leaves_the_panel(browser: Browser) -> None:
    """With the next frame that it is not on; it is named until a report comes that does not name it."""
    with Stage() as stage:
        models = {name: {"state": "up", "since": 1} for name in ("things", "imagenet_1")}
        stage.heard = lambda: [entry("consumer", models=models)]
        stage.show("front", 1, jpeg(1280, 720), predictions=json.dumps([THINGS, IMAGENET]).encode())
        stage.knows("front")
        page = browser.new_page(**DESKTOP)
        page.goto(f"{stage.url}/#camera=front")
        expect(page.locator(".model")).to_have_count(2)

        stage.show("front", 2, jpeg(1280, 720), predictions=json.dumps([THINGS]).encode())
        expect(page.locator(".model")).to_have_count(1)
        expect(page.get_by_role("heading", name="What the model")).to_be_visible()
        others = page.get_by_test_id("not-asked")
        expect(others).to_have_text("Not asked about this camera: imagenet_1.")

        del models["imagenet_1"]

        expect(others).to_be_hidden(timeout=PATIENCE_S * 1000)
        page.close()
