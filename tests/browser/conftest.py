"""The running suite, and a real Chromium that shows its page."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, sync_playwright

from bench.bench_suite import processes
from local.ports import LOOPBACK, free_port
from shared.frames import pixels
from tests.producer.cameras import BIKES, BUNNY, HttpCamera
from tests.requirements import need
from tests.waiting import PATIENCE_S

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARTEFACTS = Path(__file__).parents[2] / "artefacts"


FRONT, YARD = "front", "yard"


class Yard:
    """A network camera that can be unplugged: a film over HTTP."""

    def __init__(self) -> None:
        self.port = free_port()
        self._over = threading.Event()
        self._frames = list(_film(BIKES))
        self._camera: HttpCamera | None = None
        self._playing = threading.Thread(target=self._play, daemon=True)

    def plug_in(self) -> None:
        self._camera = HttpCamera(port=self.port)

    def unplug(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def __enter__(self) -> "Yard":
        self.plug_in()
        self._playing.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._playing.join()
        self.unplug()

    def _play(self) -> None:
        for jpeg in itertools.cycle(self._frames):
            if self._over.wait(0.04):
                return
            if self._camera is not None:
                self._camera.frame = jpeg


def _film(path: Path) -> Iterator[bytes]:
    film = cv2.VideoCapture(str(path))
    while (read := film.read())[0]:
        yield pixels.encode(read[1], 80)
    film.release()


@dataclass(frozen=True)
class Running:
    """The suite: the page's address, its process, and the camera in the yard."""

    address: str
    root: int
    yard: Yard

    def pid(self, part: str) -> int:
        """Return the current process id of a part."""
        return processes(self.root)[part]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser."""
    with sync_playwright() as playwright:
        # --no-sandbox: Chromium refuses its sandbox to root, which CI is.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def running(*, own_films: bool = False) -> Iterator[Running]:
    """Run the whole suite with two cameras: a film as `front`, and a network camera as `yard`.

    Args:
        own_films: run it without any camera instead, so that it shows its own films.
    """
    port = free_port()
    with Yard() as yard:
        two = {FRONT: str(BUNNY), YARD: f"http://{LOOPBACK}:{yard.port}/stream"}
        cameras = {} if own_films else {"CAMERAS": json.dumps(two)}
        process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            env=dict(os.environ, DISPLAYPORT=f"{LOOPBACK}:{port}", MODELENGINE="tensorflow") | cameras,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "Live at" in line:
                    break
            assert process.poll() is None, "the suite did not start"
            # A pipe that is full would hold up the suite.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield Running(f"http://{LOOPBACK}:{port}", process.pid, yard)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    need("Chromium", present=CHROMIUM is not None, install="apt-get install chromium")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def suite(browser: Browser) -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture(scope="session")
def artefacts() -> Path:
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS
