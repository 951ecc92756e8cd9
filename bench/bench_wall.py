"""What the wall costs a browser and the video service: main-thread time of the page, and CPU of both, per second.

    python -m bench.bench_wall [--cameras 16] [--fps 10] [--seconds 10] [--size 1440x900] [--view wall]

Three ways to draw alternate in one browser: `worker` is what the page does where the browser can draw from a worker,
`page` is what it does elsewhere (workers are taken away before it starts), `nothing` shows the same page without
pictures. The main thread's time is Chromium's own count (Performance.getMetrics: TaskDuration, and ThreadTime for CPU);
CPU time is that of Chromium's processes and of the server's, from /proc. The server runs in a process of its own, with
frames of real films put where the reading thread puts them; no broker.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.usage import cpu_of
from shared.clock import now_us
from shared.frames import pixels
from shared.frames.frame import Frame
from shared.frames.reader import ReceivedFrame
from tests.producer.cameras import BIKES, BUNNY
from tests.suite import children_of
from tests.video.stage import Stage

WAYS = ("worker", "page", "nothing")
FRAME_SIZE = (1280, 720)
FILM_FRAMES = 60
WARM_S = 4.0
SETTINGS = {
    "worker": "",
    "page": "delete window.Worker;",
    # The page is told that it is hidden: it stays as it is and asks for no pictures.
    "nothing": "Object.defineProperty(document, 'hidden', {get: () => true});",
}
# The longest time between two turns of a timer of 20 ms, from now on.
TIME_TURNS = """() => {
    window.longestMs = 0;
    let before = performance.now();
    setInterval(() => {
        const now = performance.now();
        window.longestMs = Math.max(window.longestMs, now - before);
        before = now;
    }, 20);
}"""
PREDICTIONS = b'[{"model": "imagenet_1", "state": "ok", "label": "tabby, tabby cat", "probability": 0.87}]'


@dataclass(frozen=True)
class Seen:
    """What one way cost per second.

    Attributes:
        main: the page's main thread, milliseconds.
        main_cpu: of these, on a processor.
        browser: all processes of the browser, milliseconds of CPU.
        server: the video service with its feeding threads, milliseconds of CPU.
        pictures: shown in a second, over all cameras.
        fewest: shown in a second of the camera that was shown least.
        longest: milliseconds between two turns of the main thread's timers, the longest.
    """

    main: float
    main_cpu: float
    browser: float
    server: float
    pictures: float
    fewest: float
    longest: float


def main() -> None:
    """Print a line for each round and way."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--cameras", type=int, default=16)
    arguments.add_argument("--fps", type=float, default=10.0)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--size", default="1440x900", help="of the window, CSS pixels")
    arguments.add_argument("--view", default="wall", help="part of the address after #")
    arguments.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        serve(options.cameras, options.fps)
        return
    size = f"{FRAME_SIZE[0]}x{FRAME_SIZE[1]}"
    print(f"{options.cameras} cameras of {size} at {options.fps:g} fps in {options.size}; ms per s")
    print(f"{'':10}{'main':>8}{'CPU':>8}{'browser':>9}{'server':>8}{'pictures/s':>12}{'fewest':>8}{'longest ms':>12}")
    with server(options.cameras, options.fps) as (pid, port):
        for way in options.ways * options.rounds:
            show(way, watch(way, pid, f"http://127.0.0.1:{port}/#{options.view}", options))


def show(way: str, seen: Seen) -> None:
    """Print one line."""
    print(
        f"{way:10}{seen.main:8.0f}{seen.main_cpu:8.0f}{seen.browser:9.0f}{seen.server:8.0f}"
        f"{seen.pictures:12.1f}{seen.fewest:8.1f}{seen.longest:12.0f}",
        flush=True,
    )


def watch(way: str, server_pid: int, address: str, options: argparse.Namespace) -> Seen:
    """Open the page in a browser of its own, and measure it for some seconds."""
    width, height = map(int, options.size.split("x"))
    with opened(address, SETTINGS[way], width=width, height=height) as page:
        page.wait_for_timeout(WARM_S * 1000)
        page.evaluate(TIME_TURNS)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        began, before, shown = time.monotonic(), metrics(devtools), pictures(page)
        cpu_s, server_cpu_s = cpu_of_browser(), cpu_of(server_pid)
        page.wait_for_timeout(options.seconds * 1000)
        after, later = metrics(devtools), pictures(page)
        seconds = time.monotonic() - began
        grown = [later.get(camera, 0) - shown.get(camera, 0) for camera in later]
        return Seen(
            main=(after["TaskDuration"] - before["TaskDuration"]) / seconds * 1000,
            main_cpu=(after["ThreadTime"] - before["ThreadTime"]) / seconds * 1000,
            browser=(cpu_of_browser() - cpu_s) / seconds * 1000,
            server=(cpu_of(server_pid) - server_cpu_s) / seconds * 1000,
            pictures=sum(grown) / seconds,
            fewest=min(grown, default=0) / seconds,
            longest=page.evaluate("window.longestMs"),
        )


@contextmanager
def opened(address: str, script: str, *, width: int, height: int) -> Iterator[Page]:
    """Open a page in a browser of its own.

    Args:
        address: of the page.
        script: runs before the page's own.
        width: of the window, pixels.
        height: of the window, pixels.
    """
    with sync_playwright() as playwright:
        # --no-sandbox: Chromium refuses its sandbox to root, which CI is.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(script)
        page.goto(address)
        yield page
        browser.close()


def metrics(devtools: CDPSession) -> dict[str, float]:
    """Return Chromium's counts of the page's main thread, seconds."""
    return {metric["name"]: metric["value"] for metric in devtools.send("Performance.getMetrics")["metrics"]}


def pictures(page: Page) -> dict[str, int]:
    """Return how many pictures each camera has been shown."""
    found: dict[str, int] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.tile')]
            .map((tile) => [tile.dataset.camera, Number(tile.querySelector('canvas').dataset.shown)]))"""
    )
    large = page.get_by_test_id("picture")
    if large.is_visible():
        return {large.get_attribute("data-camera") or "": int(large.get_attribute("data-presented") or 0)}
    return found


def cpu_of_browser() -> float:
    """Return user + system time of all processes of Chromium that this process started, seconds."""
    return sum(map(cpu_of, browser_pids()))


def browser_pids() -> list[int]:
    """Return the process ids of all processes of Chromium that this process started."""
    return [pid for pid in children_of(os.getpid()) if "chrom" in Path(f"/proc/{pid}/comm").read_text()]


@contextmanager
def server(cameras: int, fps: float) -> Iterator[tuple[int, int]]:
    """Yield process id and port of a server."""
    command = [sys.executable, "-m", "bench.bench_wall", "--serve", "--cameras", str(cameras), "--fps", str(fps)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, int(json.loads(process.stdout.readline())["port"])
    finally:
        process.kill()
        process.wait()


def serve(cameras: int, fps: float) -> None:
    """Serve frames of several cameras for ever."""
    films = [list(film(path)) for path in (BUNNY, BIKES)]
    with Stage() as stage:
        run = now_us()
        for number in range(cameras):
            frames = itertools.islice(itertools.cycle(films[number % 2]), number * 7, None)
            due_s = number / cameras / fps
            threading.Thread(
                target=feed, args=(stage, f"cam-{number:02}", run, frames, fps, due_s), daemon=True
            ).start()
        print(json.dumps({"port": stage.port}), flush=True)
        threading.Event().wait()


def film(path: Path) -> Iterator[bytes]:
    """Yield the first frames of a film as JPEGs."""
    reading = cv2.VideoCapture(str(path))
    for _ in range(FILM_FRAMES):
        yield pixels.encode(cv2.resize(reading.read()[1], FRAME_SIZE), 80)
    reading.release()


def feed(stage: Stage, camera: str, run: int, frames: Iterator[bytes], fps: float, due_s: float) -> None:
    """Put frames where the reading thread puts them."""
    began = time.monotonic() + due_s
    for seq, jpeg in enumerate(frames, 1):
        time.sleep(max(0.0, began + seq / fps - time.monotonic()))
        now = now_us()
        frame = Frame(camera, run, seq, now, *FRAME_SIZE, jpeg, imprinted_at=now, predictions=PREDICTIONS)
        stage.latest.put(ReceivedFrame(frame, clock_suspect=False))


if __name__ == "__main__":
    main()
