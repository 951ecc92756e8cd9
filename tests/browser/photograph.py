"""Takes the README's screenshot of the page: `python -m tests.browser.photograph`, or `make picture`.

The suite runs with its own films, as `make run` does without any setting, until every model has answered often.
"""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import ViewportSize, expect

from tests.browser.conftest import chromium, running

PICTURE = Path(__file__).parents[2] / "docs" / "page.jpg"
SIZE: ViewportSize = {"width": 1440, "height": 900}
WATCH_S = 20.0


def main() -> None:
    """Write docs/page.jpg."""
    with chromium() as browser, running(own_films=True) as suite:
        page = browser.new_page(viewport=SIZE, color_scheme="dark")
        page.goto(suite.address)
        expect(page.locator(".tile[data-tone=ok] .tile-seen:not(:empty)").first).to_be_visible(timeout=120_000)
        page.wait_for_timeout(WATCH_S * 1000)
        shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").save(PICTURE, quality=88, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
