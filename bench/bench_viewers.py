"""CPU time of the video service per frame sent to a viewer, and the age of the frames that arrive.

    python -m bench.bench_viewers [--viewers 50] [--seconds 10] [--fps 25] [--kilobytes 137] [--rounds 2]

Two ways to write a part alternate, round by round, each in a server process of its own: `shared` hands the same
picture to every connection (what video/stream.py does), `chunked` copies it for each into a chunk (what an ASGI
server does with a streaming response). The viewers are raw sockets in this process, over loopback; the figures are
user + system time of the server process alone. No broker: frames are put where the reading thread puts them.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFilter
from prometheus_client import CollectorRegistry

from shared.clock import now_us
from shared.frame import Frame
from shared.inlet import Arrival
from shared.ledger import Ledger
from shared.quantities import Address
from video import stream
from video.app import Sources, create_app
from video.latest import LatestFrames
from video.serve import WebServer
from video.standing import Standing
from video.viewers import Viewers

WAYS = ("shared", "chunked")
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print a line for each round and way."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--viewers", type=int, default=50)
    arguments.add_argument("--seconds", type=float, default=10.0, help="for each round of each way")
    arguments.add_argument("--fps", type=float, default=25.0)
    arguments.add_argument("--kilobytes", type=int, default=137, help="size of a picture")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    arguments.add_argument("--serve", choices=WAYS, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        serve(options.serve, options.fps, options.kilobytes)
        return
    print(f"{options.viewers} viewers x {options.fps:g} fps x {options.kilobytes} KB")
    print(f"{'':10}{'frames/s':>10}{'CPU us/frame':>14}{'core':>8}{'age p50 ms':>12}{'p99':>8}")
    for _ in range(options.rounds):
        for way in options.ways:
            measure(way, options)


def measure(way: str, options: argparse.Namespace) -> None:
    """Print what one way cost in one round."""
    with server(way, options) as (pid, port):
        viewers = asyncio.run(watch(port, options.viewers, options.seconds, pid))
    frames, ages, cpu_s, wall_s = viewers
    ages.sort()
    p50, p99 = ages[len(ages) // 2], ages[int(len(ages) * 0.99)]
    print(
        f"{way:10}{frames / wall_s:10.0f}{cpu_s / frames * 1e6:14.1f}{cpu_s / wall_s:8.0%}{p50:12.1f}{p99:8.1f}",
        flush=True,
    )


async def watch(port: int, viewers: int, seconds: float, pid: int) -> tuple[int, list[float], float, float]:
    """Return frames received, their ages in ms, CPU seconds of the server, and wall seconds."""
    loop = asyncio.get_running_loop()
    eyes = [(await loop.create_connection(Eye, "127.0.0.1", port))[1] for _ in range(viewers)]
    await asyncio.sleep(1)
    for eye in eyes:
        eye.ages.clear()
    began, cpu_s = time.monotonic(), cpu_of(pid)
    await asyncio.sleep(seconds)
    wall_s, cpu_s = time.monotonic() - began, cpu_of(pid) - cpu_s
    ages = [age for eye in eyes for age in eye.ages]
    for eye in eyes:
        eye.end()
    return len(ages), ages, cpu_s, wall_s


class Eye(asyncio.Protocol):
    """A viewer that counts the parts it has received whole, and notes the age of each."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self._left = 0
        self._captured_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = transport
        transport.write(b"GET /cameras/front/stream HTTP/1.1\r\nHost: bench\r\n\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Look only at the heads of the parts: the viewers must not cost more than what is measured."""
        while data:
            if self._left > len(data):
                self._left -= len(data)
                return
            if self._left:
                self.ages.append((time.time() - self._captured_at) * 1000)
                data, self._left = data[self._left :], 0
            begin = data.find(b"X-Timestamp: ")
            end = data.find(b"\r\n\r\n", begin)
            if begin < 0 or end < 0:
                return  # the head of the answer, or a head cut in two: the next one will do
            self._captured_at = float(data[begin + 13 : data.find(b"\r", begin)])
            size = data.find(b"Content-Length: ")
            self._left = int(data[size + 16 : data.find(b"\r", size)])
            data = data[end + 4 :]

    def end(self) -> None:
        """Go."""
        self._transport.close()


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


def serve(way: str, fps: float, kilobytes: int) -> None:
    """Serve frames of one camera for ever."""
    if way == "chunked":
        stream._Pipe = Chunked  # type: ignore[misc]
    stop, ledger = threading.Event(), Ledger("video", CollectorRegistry())
    latest = LatestFrames(ledger)
    sources = Sources(
        latest=latest,
        ledger=ledger,
        viewers=Viewers(10_000, CollectorRegistry()),
        entries=list,
        bus_silent_s=lambda: 0.0,
        frame_interval_s=0.01,
        ending=stop.is_set,
        standing=Standing(),
    )
    web = WebServer(
        Address("127.0.0.1", 0), lambda beat, failed: create_app(sources, beat, failed), most_viewers=10_000
    )
    threading.Thread(target=feed, args=(latest, fps, picture(kilobytes)), daemon=True).start()
    print(web.port, flush=True)
    web.run(stop, lambda: None)


class Chunked(stream._Pipe):
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
        latest.put(Arrival(Frame("front", run, seq, now_us(), 1280, 720, jpeg), clock_suspect=False))


def picture(kilobytes: int) -> bytes:
    """Return a JPEG of about that size."""
    noise = Image.effect_noise((1280, 720), 60).filter(ImageFilter.GaussianBlur(1)).convert("RGB")
    for quality in range(95, 5, -5):
        coded = BytesIO()
        noise.save(coded, "JPEG", quality=quality)
        if coded.tell() <= kilobytes * 1000:
            break
    return coded.getvalue() + bytes(max(0, kilobytes * 1000 - coded.tell()))


def cpu_of(pid: int) -> float:
    """Return user + system time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
