"""The running suite, and a real Chromium looking at it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from bench.bench_suite import processes
from local.ports import LOOPBACK, free_port
from tests.requirements import need

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARTEFACTS = Path(__file__).parents[2] / "artefacts"


@dataclass(frozen=True)
class Running:
    """The suite: the page's address, and the process ids of its parts by name."""

    address: str
    pids: dict[str, int]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    need("Chromium", present=CHROMIUM is not None, install="apt-get install chromium")
    with sync_playwright() as playwright:
        # --no-sandbox: Chromium refuses its sandbox to root, which CI is.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def suite(browser: Browser) -> Iterator[Running]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "local"],
        env=dict(os.environ, DISPLAYPORT=f"{LOOPBACK}:{port}"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout or ():
            if "Live at" in line:
                break
        assert process.poll() is None, "the suite did not start"
        yield Running(f"http://{LOOPBACK}:{port}", processes(process.pid))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


@pytest.fixture(scope="session")
def artefacts() -> Path:
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS
