"""What readers of /predictions/stream cost the video service: `python -m bench.bench_events --readers 100`.

A web server in its own process gets predictions from an embedded broker; readers in this process take everything. It
prints the CPU time of the server's process for each second, and for each event that a reader was sent.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from shared.bus import Bus, EmbeddedBroker, Reader, Replay, Writer
from shared.go_notation import Address
from tests.ledgers import ledger_of
from tests.video.events.records import document
from video.app import create_app
from video.display import Sources
from video.events.events import EventSource
from video.events.feed import EventFeed
from video.latest import LatestFrames
from video.metrics import EventMetrics, ViewerMetrics
from video.readiness import CameraReadiness
from video.viewers import Viewers
from video.web_server import WebServer

TOPIC = "videopredictions"
MOST_READERS = 1000


def main() -> None:
    """Measure without readers and with them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=100, help="predictions per second")
    parser.add_argument("--boxes", type=int, default=5, help="of each prediction")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--serve", metavar="BROKERS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    broker = EmbeddedBroker()
    command = [sys.executable, "-m", "bench.bench_events", "--serve", broker.servers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, Writer(broker.bus()) as writer:
        assert server.stdout is not None
        over = threading.Event()
        feed = threading.Thread(target=write, args=(writer, options.rate, options.boxes, over))
        feed.start()
        port = int(server.stdout.readline())
        for readers in (0, 1, options.readers):
            cpu_s, events = asyncio.run(measure(server.pid, port, readers, options.seconds))
            each = f", {cpu_s / events * 1e6:.0f} µs for each of {events} events" if events else ""
            print(f"{readers} readers: {cpu_s / options.seconds * 1000:.0f} ms of CPU a second{each}")
        over.set()
        feed.join()
        server.kill()
    del broker


async def measure(pid: int, port: int, readers: int, seconds: float) -> tuple[float, int]:
    """Return the server's CPU seconds, and the events that the readers got."""
    counts = [0] * readers
    tasks = [asyncio.create_task(read(port, counts, number)) for number in range(readers)]
    await asyncio.sleep(2)
    before, cpu = sum(counts), cpu_s(pid)
    await asyncio.sleep(seconds)
    used, got = cpu_s(pid) - cpu, sum(counts) - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return used, got


async def read(port: int, counts: list[int], number: int) -> None:
    """Count events until cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /predictions/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        while data := await reader.read(1 << 16):
            counts[number] += data.count(b"\ndata: ")
    finally:
        writer.close()


def write(writer: Writer, rate: float, boxes: int, over: threading.Event) -> None:
    """Write predictions of eight cameras at a rate."""
    finding = {"class": 2, "label": "car", "probability": 0.87, "box": [212, 140, 180, 96]}
    began, seq = time.monotonic(), 0
    while not over.wait(max(0.0, began + seq / rate - time.monotonic())):
        seq += 1
        camera = f"camera-{seq % 8}"
        value = json.dumps(document(seq, camera, predictions=[finding] * boxes)).encode()
        writer.send(TOPIC, key=camera, value=value, headers=[], on_delivery=lambda _: None)


def serve(brokers: str) -> None:
    """Serve predictions for ever."""
    bus, registry, stop = Bus(brokers, EmbeddedBroker.PROPERTIES), CollectorRegistry(), threading.Event()
    metrics, ledger = EventMetrics(registry), ledger_of("video")
    feed = EventFeed(Reader.of_all_partitions(bus, TOPIC, group="bench"), metrics.ignored)
    sources = Sources(
        latest=LatestFrames(ledger),
        ledger=ledger,
        viewers=Viewers(MOST_READERS, ViewerMetrics(registry)),
        entries=list,
        bus_silent_s=lambda: 0.0,
        frame_interval_s=0.01,
        ending=stop.is_set,
        readiness=CameraReadiness(),
        events=EventSource(feed, partial(Replay, bus, TOPIC, group="bench"), metrics),
    )
    web = WebServer(
        Address("127.0.0.1", 0), lambda beat, failed: create_app(sources, beat, failed), max_viewers=MOST_READERS
    )
    threading.Thread(target=feed.run, args=(stop, lambda: None), daemon=True).start()
    print(web.port, flush=True)
    web.run(stop, lambda: None)


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, seconds: utime + stime of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
