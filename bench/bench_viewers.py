"""CPU time of the video service per frame sent to a viewer, and the age of the frames that arrive.

    python -m bench.bench_viewers [--viewers 50] [--seconds 10] [--fps 25] [--kilobytes 137] [--rounds 2]
    python -m bench.bench_viewers --viewers 200 --bad 20

Two ways to write a part alternate, round by round, each in a server process of its own: `shared` hands the same
picture to every connection (what video/mjpeg_response.py does), `chunked` copies it for each into a chunk (what an ASGI
server does with a streaming response). The viewers are raw sockets in this process, over loopback; the figures are
user + system time of the server process alone. No broker: frames are put where the reading thread puts them.

With `--bad` the good viewers watch alone, and then beside so many that never read, that read 10 kB/s, and that vanish
without closing, in a storm of connects and disconnects; then it waits until the server has let go of them all.
"""

import argparse
import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from bench import crowd
from bench.picture import picture
from shared.clock import now_us
from shared.frames.frame import Frame
from shared.frames.reader import ReceivedFrame
from shared.go_notation import Address
from tests.ledgers import ledger_of
from video import mjpeg_response
from video.access.access import Access
from video.app import create_app
from video.display import Sources
from video.latest import LatestFrames
from video.metrics import ViewerMetrics
from video.readiness import CameraReadiness
from video.viewer_connection import ViewerConnection
from video.viewers import Viewers
from video.web_server import WebServer

WAYS = ("shared", "chunked")
PATH = "/cameras/front/stream"
MOST_VIEWERS = 500  # as by default


def main() -> None:
    """Print a line for each round and way."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--viewers", type=int, default=50)
    arguments.add_argument("--seconds", type=float, default=10.0, help="for each round of each way")
    arguments.add_argument("--fps", type=float, default=25.0)
    arguments.add_argument("--kilobytes", type=int, default=137, help="size of a picture")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    arguments.add_argument("--bad", type=int, default=0, help="viewers of each bad kind")
    arguments.add_argument("--serve", choices=WAYS, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        serve(options.serve, options.fps, options.kilobytes)
        return
    print(f"{options.viewers} viewers x {options.fps:g} fps x {options.kilobytes} KB")
    print(
        f"{'':10}{'frames/s':>10}{'CPU us/frame':>14}{'core':>8}{'age p50 ms':>12}{'p99':>8}{'least':>8}{'RSS MB':>8}"
    )
    if options.bad:
        among_bad_ones(options)
        return
    for _ in range(options.rounds):
        for way in options.ways:
            measure(way, options)


def measure(way: str, options: argparse.Namespace) -> None:
    """Print what one way cost in one round."""
    with server(way, options) as (pid, port):
        show(way, asyncio.run(watch(port, pid, options.viewers, options.seconds)))


async def watch(port: int, pid: int, viewers: int, seconds: float) -> crowd.Window:
    """Return what good viewers got in a time."""
    watching = await crowd.connect_good(port, PATH, viewers)
    await asyncio.sleep(1)
    seen = await crowd.window(watching, seconds, pid)
    for viewer in watching:
        viewer.end()
    return seen


def show(name: str, seen: crowd.Window) -> None:
    """Print a line of figures."""
    frames = max(1, len(seen.ages_ms))
    print(
        f"{name:10}{frames / seen.seconds:10.0f}{seen.cpu_s / frames * 1e6:14.1f}{seen.cpu_s / seen.seconds:8.0%}"
        f"{seen.age_ms(0.5):12.1f}{seen.age_ms(0.99):8.1f}{seen.fewest / seen.seconds:8.1f}{seen.rss_mb:8.0f}",
        flush=True,
    )


def among_bad_ones(options: argparse.Namespace) -> None:
    """Print what bad viewers of every kind cost the good ones, and what is left of them."""
    with server("shared", options) as (pid, port):
        measuring = crowd.measure(port, pid, PATH, good=options.viewers, bad=options.bad, seconds=options.seconds)
        seen = asyncio.run(measuring)
        refused, taken = asyncio.run(crowd.one_too_many(port, PATH, MOST_VIEWERS))
    show("alone", seen.alone)
    show("crowded", seen.crowded)
    gone = "none could be made here" if seen.gone_freed_s is None else f"let go after {seen.gone_freed_s:.1f} s"
    print(f"{options.bad} that never read: let go after {seen.idle_freed_s:.1f} s")
    print(f"{options.bad} that vanished: {gone}")
    print(f"{seen.storm} connections came and went; descriptors {seen.files_before} before, {seen.files_after} after")
    told = f"{refused.status}, Retry-After {refused.retry_after}"
    print(f"viewer {MOST_VIEWERS + 1}: {told}; when one has left: {taken.status}")


@contextmanager
def server(way: str, options: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """Yield process id and port of a server."""
    command = [sys.executable, "-m", "bench.bench_viewers", "--serve", way]
    command += ["--fps", str(options.fps), "--kilobytes", str(options.kilobytes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def serve(way: str, fps: float, kilobytes: int, access: Access | None = None) -> None:
    """Serve frames of one camera for ever."""
    if way == "chunked":
        setattr(mjpeg_response, "ViewerConnection", Chunked)  # noqa: B010 - mypy: the module does not export it
    stop, ledger = threading.Event(), ledger_of("video")
    latest = LatestFrames(ledger)
    sources = Sources(
        latest=latest,
        ledger=ledger,
        viewers=Viewers(MOST_VIEWERS, ViewerMetrics(CollectorRegistry())),
        entries=list,
        bus_silent_s=lambda: 0.0,
        frame_interval_s=0.01,
        ending=stop.is_set,
        readiness=CameraReadiness(),
        access=access or Access(),
    )
    web = WebServer(
        Address("0.0.0.0", 0), lambda beat, failed: create_app(sources, beat, failed), max_viewers=MOST_VIEWERS
    )
    threading.Thread(target=feed, args=(latest, fps, picture(kilobytes)), daemon=True).start()
    print(web.port, flush=True)
    web.run(stop, lambda: None)


class Chunked(ViewerConnection):
    """Copies each part once per viewer, as a chunk."""

    def write(self, *pieces: bytes) -> None:
        """Send a chunk."""
        if self.open:
            self._transport.write(b"".join((b"%x\r\n" % sum(map(len, pieces)), *pieces, b"\r\n")))


def feed(latest: LatestFrames, fps: float, jpeg: bytes) -> None:
    """Put frames where the reading thread puts them."""
    run, began, seq = now_us(), time.monotonic(), 0
    while True:
        seq += 1
        time.sleep(max(0.0, began + seq / fps - time.monotonic()))
        latest.put(ReceivedFrame(Frame("front", run, seq, now_us(), 1280, 720, jpeg), clock_suspect=False))


if __name__ == "__main__":
    main()
