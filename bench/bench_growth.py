"""CPU time of what each service does for all its cameras at once: `python -m bench.bench_growth [--cameras 100 1000]`.

No broker, no sockets: the functions themselves, on a suite of four instances that report every camera. What costs ten
times as much for ten times as many cameras is linear.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from bench.markdown import table
from producer.metrics import ProducerMetrics
from shared.clock import now_us
from shared.frames.frame import Frame
from shared.frames.gaps import Gaps
from shared.frames.pixels import encode
from shared.frames.reader import ReceivedFrame
from shared.report_reader import read_entry
from shared.reports import CameraReport, LedgerReport, Report, ServiceName
from shared.states import CameraState
from shared.status import encode_status
from video.cameras import Cameras
from video.metrics import VideoMetrics
from video.suite_status import SuiteStatus

REPEAT = 5
PARTITIONS = 12
HEAD = {"service": "producer", "instance": "host-1", "at": 1_764_512_345_678_901, "ending": False}
SERVICES: tuple[ServiceName, ...] = ("producer", "producer", "consumer", "video")
SIZE = 160, 120


def main() -> None:
    """Print a table."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--cameras", type=int, nargs="+", default=[100, 1000])
    counts = arguments.parse_args().cameras
    found = [asyncio.run(measure(count)) for count in counts]
    header = ["what", "how often", *(f"{count:,} cameras" for count in counts)]
    print("\n".join(table(header, ([*row, *(one[row] for one in found)] for row in found[0]))))


async def measure(cameras: int) -> dict[tuple[str, str], str]:
    """Return the figures of a number of cameras."""
    names = [f"camera-{number:04}" for number in range(cameras)]
    report = Report(
        {name: CameraReport(CameraState.UP, now_us(), None, f"Camera {name}") for name in names},
        ledger={name: LedgerReport(123_456, 123_400, {"superseded": 56}) for name in names},
    )
    record_ms, record = timed(lambda: encode_status(HEAD, report))
    entry_ms, entry = timed(lambda: read_entry(record, heard_at=time.monotonic()))

    gaps = Gaps()
    for number, name in enumerate(names):
        gaps.before(_frame(name, b""), number % PARTITIONS)
    notes_ms, _ = timed(lambda: [gaps.note(partition) for partition in range(PARTITIONS)])

    registry = CollectorRegistry()
    metrics = ProducerMetrics(registry)
    for name in names:
        metrics.ledger.out(name, age_s=0.01)
        metrics.camera_up.labels(name).set(1)
    scrape_ms, text = timed(lambda: generate_latest(registry))
    series = sum(not line.startswith(b"#") for line in text.splitlines())

    shown, ledger = Cameras(), VideoMetrics(CollectorRegistry()).ledger
    jpeg = encode(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 80)
    for name in names:
        shown.put(ReceivedFrame(_frame(name, jpeg), clock_suspect=False))
        ledger.out(name, age_s=0.01)
    entries = [
        replace(entry, service=service, instance=str(number), heard_at=time.monotonic())
        for number, service in enumerate(SERVICES)
    ]
    status = SuiteStatus(shown, ledger, entries=lambda: entries, bus_silent_s=lambda: 0.0)
    update_ms, _ = timed(lambda: status.update(time.monotonic()))
    message_ms, message = timed(lambda: _message(status))
    histories_ms, _ = timed(lambda: shown.note_histories(status.ledgers(), time.monotonic()))
    return {
        ("a status is written", "a second, each instance"): f"{record_ms:.1f} ms, {len(record) / 1e3:.0f} KB",
        ("`video` reads a status", "a second, each instance"): f"{entry_ms:.1f} ms",
        ("the consumer's notes for its commits", "five times a second"): f"{notes_ms:.1f} ms",
        (
            "`/metrics` of the producer",
            "each scrape",
        ): f"{scrape_ms:.0f} ms, {series:,} series, {len(text) / 1e3:.0f} KB",
        ("`video` diagnoses every camera", "ten times a second"): f"{update_ms:.1f} ms",
        ("`video` writes the page's status", "a second"): f"{message_ms:.1f} ms, {len(message) / 1e3:.0f} KB",
        ("`video` continues the histories", "a second"): f"{histories_ms:.1f} ms",
    }


Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return CPU milliseconds of one call, on average, and what it returned."""
    began = time.process_time()
    for _ in range(REPEAT):
        result = work()
    return (time.process_time() - began) / REPEAT * 1e3, result


def _message(status: SuiteStatus) -> str:
    time.sleep(0.11)  # the text of the last 0.1 s is written once
    return status.message({})


def _frame(camera: str, jpeg: bytes) -> Frame:
    return Frame(camera, 1, 1, now_us(), *SIZE, jpeg, imprinted_at=now_us())


if __name__ == "__main__":
    main()
