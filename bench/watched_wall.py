"""The page's wall in a browser, as it is measured: its main thread, its updates, and what its tiles say."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page

from bench.bench_wall import TIME_TURNS, browser_pids, metrics, opened, pictures
from bench.client import LOOPBACK
from bench.usage import cpu_of, rss_of
from tests.browser.looking import DESKTOP, wait_until

# The page reads each status with JSON.parse; the microtask runs when everything that the status caused there is done.
NOTE_UPDATES = """
window.updates = [];
const parse = JSON.parse;
JSON.parse = (text, ...further) => {
    const began = performance.now();
    const value = parse(text, ...further);
    if (value?.type === "status") queueMicrotask(() => updates.push([performance.now() - began, text.length]));
    return value;
};
"""


@dataclass(frozen=True)
class Wall:
    """What the page did in a period.

    Attributes:
        main_ms: the main thread's time a second.
        main_cpu_ms: of this, on a processor.
        browser_ms: CPU of all processes of the browser a second.
        browser_mb: resident memory of all of them; pages that they share are counted in each.
        longest_ms: between two turns of a timer of 20 ms, the longest.
        updates: statuses that came.
        update_ms: main thread's time of each, from the message to the end of what it causes at once, on average.
        update_kb: size of each, on average.
        tiles: on the wall, by the state that they show.
        in_view: tiles whose pictures were drawn.
        pictures: drawn a second, all of them.
    """

    main_ms: float
    main_cpu_ms: float
    browser_ms: float
    browser_mb: float
    longest_ms: float
    updates: int
    update_ms: float
    update_kb: float
    tiles: Counter[str]
    in_view: int
    pictures: float


class WatchedWall:
    """The wall in a browser of its own."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable")

    def wait_for(self, tiles: int) -> None:
        """Wait until there is a tile for each of so many cameras, and some have drawn a picture."""
        wait_until(self._page, lambda: self._states().total() == tiles and self._drawn(), f"{tiles} tiles")

    def sleep(self, seconds: float) -> None:
        """Wait while the browser's events are served."""
        self._page.wait_for_timeout(seconds * 1000)

    def measure(self, seconds: float) -> Wall:
        """Return what the page does in this time."""
        self._page.evaluate("window.updates = []")
        self._page.evaluate(TIME_TURNS)
        pids = browser_pids()
        began, before, drawn, cpu = time.monotonic(), metrics(self._devtools), self._drawn(), sum(map(cpu_of, pids))
        self.sleep(seconds)
        took, after, now_drawn = time.monotonic() - began, metrics(self._devtools), self._drawn()
        cpu = sum(map(cpu_of, pids)) - cpu
        updates: list[tuple[float, int]] = self._page.evaluate("window.updates")
        grown = {camera: count - drawn.get(camera, 0) for camera, count in now_drawn.items()}
        return Wall(
            main_ms=(after["TaskDuration"] - before["TaskDuration"]) / took * 1e3,
            main_cpu_ms=(after["ThreadTime"] - before["ThreadTime"]) / took * 1e3,
            browser_ms=cpu / took * 1e3,
            browser_mb=sum(map(rss_of, pids)),
            longest_ms=self._page.evaluate("window.longestMs"),
            updates=len(updates),
            update_ms=sum(ms for ms, _ in updates) / max(1, len(updates)),
            update_kb=sum(size for _, size in updates) / max(1, len(updates)) / 1e3,
            tiles=self._states(),
            in_view=sum(count > 0 for count in grown.values()),
            pictures=sum(grown.values()) / took,
        )

    def _states(self) -> Counter[str]:
        return Counter(self._page.evaluate("[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.state)"))

    def _drawn(self) -> dict[str, int]:
        """Return how many pictures each tile has drawn; no tile without one."""
        return {camera: count for camera, count in pictures(self._page).items() if count > 0}


@contextmanager
def watched_wall(port: int) -> Iterator[WatchedWall]:
    """Open the wall of a page on this machine in a window of 1440×900."""
    with opened(f"http://{LOOPBACK}:{port}/#wall", NOTE_UPDATES, **DESKTOP["viewport"]) as page:
        yield WatchedWall(page)
