"""The page where things are not as usual: below a path of a proxy, and without JavaScript."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.looking import DESKTOP, PHONE, shown_seq, wait_until
from tests.browser.prefix_proxy import PrefixProxy
from tests.video.stage import Stage, jpeg

pytestmark = pytest.mark.browser


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.show("front", 1, jpeg(320, 240))
        stage.knows("front")
        yield stage


def test_the_page_works_below_any_path_of_a_proxy(browser: Browser, stage: Stage) -> None:
    """All its addresses are relative: files, WebSocket, snapshots and the links that it shows."""
    page = browser.new_page(**DESKTOP)
    with PrefixProxy(stage.port, "/cams/live/") as proxy:
        page.goto(proxy.url)
        wait_until(page, lambda: shown_seq(page) == "1", "a picture")
        assert all(path.startswith("/cams/live/") for path in proxy.requests), proxy.requests
        assert page.locator("#snapshot").get_attribute("href") == f"{proxy.url}cameras/front/snapshot.jpg"
        page.goto(f"{proxy.url}docs")
        expect(page.locator("h1")).to_contain_text("video")
        assert page.evaluate("document.styleSheets.length") == 1
        page.close()


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_without_javascript_the_first_camera_is_shown(browser: Browser, stage: Stage, device: dict[str, Any]) -> None:
    context = browser.new_context(**device, java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.url, wait_until="commit")  # the picture never ends, and neither does the loading

    picture = page.locator("noscript img")
    expect(picture).to_be_visible()
    wait_until(page, lambda: picture.evaluate("image => image.naturalWidth") == 320, "a picture")
    for part in ("#states-card", "#streams", "#theme", "#connection"):
        expect(page.locator(part)).to_be_hidden()
    context.close()
