"""A video service with an access document, and a browser."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page
from prometheus_client import CollectorRegistry

from shared.document import document_valid_gauge
from tests.browser.conftest import CHROMIUM, chromium
from tests.requirements import need
from tests.video.stage import Stage
from video.access.access import Access
from video.access.watched import watch_access


class Video:
    """A running web server with two cameras, whose document the test writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.yml"
        self.access = Access()
        self.stage = Stage(access=self.access, loopback_only=False)
        self.address = self.stage.url
        self._stop = threading.Event()
        self._exit = ExitStack()
        self._seq = 0

    def begin(self, document: dict[str, Any]) -> None:
        """Start to serve by a document."""
        self.path.write_text(yaml.safe_dump(document))
        gauge = document_valid_gauge("video", CollectorRegistry())
        watched = watch_access(str(self.path), self.access, gauge)
        assert watched is not None
        self._exit.enter_context(self.stage)
        self._run(partial(watched.run, self._stop, lambda: None, self.access.use))
        self._run(self._show)

    def end(self) -> None:
        """Stop."""
        self._stop.set()
        self._exit.close()

    def _show(self) -> None:
        while not self._stop.wait(0.1):
            self._seq += 1
            for camera in ("front", "yard"):
                self.stage.show(camera, self._seq)

    def _run(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._exit.callback(thread.join, 10)


@pytest.fixture
def video(tmp_path: Path) -> Iterator[Video]:
    served = Video(tmp_path)
    yield served
    served.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("Chromium", present=CHROMIUM is not None, install="apt-get install chromium")
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()
