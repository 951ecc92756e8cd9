"""Ways to look at the page: waiting while its events run, and what its picture shows."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests import waiting

DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def wait_until(page: Page, condition: Callable[[], object], what: str) -> None:
    """Wait until a condition is true, while the page's events run; fail if it does not become true in time."""
    waiting.wait_until(condition, what, poll_s=0.05, sleep=lambda seconds: page.wait_for_timeout(seconds * 1000))


def shown(page: Page) -> int:
    """Return the number of pictures that the page has shown large."""
    return int(page.get_by_test_id("picture").get_attribute("data-presented") or 0)


def shown_seq(page: Page) -> str | None:
    """Return the sequence number of the picture that is shown large."""
    return page.get_by_test_id("picture").get_attribute("data-seq")


def fits(page: Page) -> bool:
    """Return whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
