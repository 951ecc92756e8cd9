"""Measures what a real Kafka costs per shown frame, and what each setting changes: `python -m bench.bench_broker`.

The load is that of one camera of 720p25 through the whole suite (bench/broker_load.py). A base broker and one with the
row's setting run side by side, in the same windows, so that both have the same machine; each row prints the CPU time of
its JVM (user + system) per shown frame beside the base's, and the latency from the first writer to the last reader.
Before that, both take frames at a higher rate until the JVM has compiled what it will: frames of a few KB do for that.

    python -m bench.bench_broker                          # all rows
    python -m bench.bench_broker --row 'JVM' --row acks   # those whose name contains one of these
    python -m bench.bench_broker --cold                   # the first minutes of a new broker, with and without a row
    python -m bench.bench_broker --requests               # how many requests of each kind the base gets
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from bench.broker_load import Shape, SuiteLoad
from bench.broker_rows import ROWS, Row
from bench.usage import cpu_of, rss_of
from local.kafka.configuration import LISTENERS, Ports
from local.kafka.node import Node
from local.kafka.parts import FOLDER, jars, java, version
from local.ports import LOOPBACK, free_port
from shared.bus import Bus, DeclaredTopic, Topics
from shared.errors import BusError
from shared.topics import read_list
from tests.waiting import wait_until

WARM_UP = Shape(rate=150.0, predictions=60.0, frame_bytes=4_000)
SETTLE_S = 3.0
READS_WITHIN_S = 120.0
BASE = "base"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that runs, with the suite's topics."""

    node: Node

    @property
    def listeners(self) -> Mapping[str, str]:
        """Return the address of each of its listeners by name."""
        return dict(zip(LISTENERS, self.node.servers, strict=True))

    def declare(self, suffix: str, partitions: int | None) -> None:
        """Create the suite's topics under names with a suffix, and with so many partitions if given."""
        admin = Topics(Bus(self.node.servers[0]))
        for topic in read_list(FOLDER / "topics.toml"):
            declared = DeclaredTopic(topic.name + suffix, partitions or topic.partitions, topic.config)
            while True:
                try:
                    admin.apply(declared)
                except BusError as exc:  # a broker that has only just started, on a busy machine: say so and try again
                    print(exc, file=sys.stderr)
                else:
                    break


class Measured(NamedTuple):
    """What one window showed: CPU in ms per frame and per second, latency in ms, memory in MB."""

    per_frame_ms: float
    per_second_ms: float
    p50_ms: float
    p99_ms: float
    rss_mb: float


@contextmanager
def running(row: Row | None = None, *, options: Sequence[str] = ()) -> Iterator[Broker]:
    """Run a broker with a row's setting."""
    row = row or Row(BASE)
    with (
        tempfile.TemporaryDirectory() as folder,
        Node(
            jars(),
            Path(folder) / "data",
            Ports.free(),
            java_options=(*row.java, *options),
            overrides=row.overrides,
        ) as node,
    ):
        broker = Broker(node)
        broker.declare("", None)
        yield broker


def warm_up(brokers: Sequence[Broker], seconds: float) -> None:
    """Let brokers take more frames than in the measurement, for some seconds."""
    with ExitStack() as loads:
        for broker in brokers:
            loads.enter_context(SuiteLoad(broker.listeners, WARM_UP))
        time.sleep(seconds)


def shape_of(row: Row, broker: Broker) -> Shape:
    """Return the load of a row; its topics are created if they differ."""
    suffix = "" if row.partitions is None else f"-{row.partitions}"
    if suffix:
        broker.declare(suffix, row.partitions)
    return replace(Shape(), suffix=suffix, **row.load)


def windows(loads: Sequence[tuple[Broker, Shape]], seconds: float, count: int) -> list[list[Measured]]:
    """Put loads on brokers at the same time; return for each one what its windows showed."""
    with ExitStack() as stack:
        pairs = [(broker, stack.enter_context(SuiteLoad(broker.listeners, shape))) for broker, shape in loads]
        for (_, shape), (_, load) in zip(loads, pairs, strict=True):
            if shape.rate:  # readers of a busy broker need a while before they get their partitions
                wait_until(partial(_shows, load), "frames arrive", within_s=READS_WITHIN_S)
        time.sleep(SETTLE_S)
        found: list[list[Measured]] = [[] for _ in pairs]
        for _ in range(count):
            before = []
            for broker, load in pairs:
                load.took_ms.clear()
                before.append((cpu_of(broker.node.pid), load.shown, time.monotonic()))
            time.sleep(seconds)
            for (broker, load), (cpu_s, shown, at), results in zip(pairs, before, found, strict=True):
                used_ms = (cpu_of(broker.node.pid) - cpu_s) * 1e3
                took = sorted(load.took_ms) or [float("nan")]
                results.append(
                    Measured(
                        used_ms / max(1, load.shown - shown),
                        used_ms / (time.monotonic() - at),
                        took[len(took) // 2],
                        took[int(len(took) * 0.99)],
                        rss_of(broker.node.pid),
                    )
                )
        return found


def _shows(load: SuiteLoad) -> bool:
    return load.shown > 0


def typical(results: Sequence[Measured]) -> Measured:
    """Return the median of each figure."""
    return Measured(*(statistics.median(values) for values in zip(*results, strict=True)))


def line(name: str, row: Measured, base: Measured) -> str:
    """Return a row of the table."""
    return (
        f"| {name} | {row.per_frame_ms:.2f} | {base.per_frame_ms:.2f} | {row.per_second_ms / base.per_second_ms:.2f} "
        f"| {row.p50_ms:.1f} / {row.p99_ms:.0f} | {base.p50_ms:.1f} / {base.p99_ms:.0f} | {row.rss_mb:.0f} |"
    )


def compare(rows: Sequence[Row], warm_up_s: float, seconds: float, count: int) -> None:
    """Print a row for each setting."""
    print("| one setting changed | ms per frame | base | ratio | p50 / p99 ms | base | RSS MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with ExitStack() as stack:
        base, other = (stack.enter_context(running()) for _ in range(2))
        warm_up([base, other], warm_up_s)
        for row in rows:
            with ExitStack() as own:
                broker = own.enter_context(running(row)) if row.needs_broker else other
                if row.needs_broker:
                    warm_up([broker], warm_up_s)
                if row.commit_every_s is not None:  # not a setting of users; readers take it when they are made
                    own.enter_context(patch("shared.bus.commits.COMMIT_EVERY_S", row.commit_every_s))
                    own.enter_context(patch("shared.bus.commits.REPORT_EVERY_S", row.commit_every_s))
                found = windows([(base, Shape()), (broker, shape_of(row, broker))], seconds, count)
            print(line(row.name, typical(found[1]), typical(found[0])), flush=True)


def cold(rows: Sequence[Row], seconds: float, count: int) -> None:
    """Print what new brokers use in each of their first windows, the base and one for each row at the same time."""
    with ExitStack() as stack:
        brokers = [stack.enter_context(running(row)) for row in (Row(BASE), *rows)]
        found = windows([(broker, Shape()) for broker in brokers], seconds, count)
    print("| CPU in ms per frame, seconds after the load began | " + " | ".join([BASE, *(row.name for row in rows)]))
    print("| --- " * (len(brokers) + 1) + "|")
    for number, results in enumerate(zip(*found, strict=True)):
        began = SETTLE_S + number * seconds
        print(f"| {began:.0f} to {began + seconds:.0f} | " + " | ".join(f"{one.per_frame_ms:.1f}" for one in results))


def requests(seconds: float) -> None:
    """Print how many requests of each kind the base gets a second."""
    port = free_port()
    remote = "-Dcom.sun.management.jmxremote"
    options = (
        *(f"{remote}.port={port}", f"{remote}.authenticate=false", f"{remote}.ssl=false"),
        f"-Djava.rmi.server.hostname={LOOPBACK}",
    )
    with running(options=options) as broker, SuiteLoad(broker.listeners, Shape()):
        time.sleep(SETTLE_S)
        before, at = _request_counts(port), time.monotonic()
        time.sleep(seconds)
        difference, elapsed = _request_counts(port) - before, time.monotonic() - at
    print("  ".join(f"{name} {count / elapsed:.1f}" for name, count in difference.most_common()))


def _request_counts(port: int) -> Counter[str]:
    tool = [str(java()), "-cp", f"{jars()}/*", "org.apache.kafka.tools.JmxTool", "--one-time"]
    tool += ["--jmx-url", f"service:jmx:rmi:///jndi/rmi://{LOOPBACK}:{port}/jmxrmi", "--attributes", "Count"]
    tool += ["--object-name", "kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*"]
    done = subprocess.run(
        [*tool, "--report-format", "properties"], capture_output=True, text=True, check=True, timeout=60
    )
    counts: Counter[str] = Counter()
    for name, count in re.findall(r"request=(\w+),version=\d+:Count=(\d+)", done.stdout):
        counts[name] += int(count)
    return counts


def main() -> None:
    """Print what was asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--row", action="append", help="part of a row's name; may be repeated")
    options.add_argument("--warm-up", type=float, default=90.0, help="seconds before the measurement")
    options.add_argument("--seconds", type=float, default=10.0, help="of a window")
    options.add_argument("--windows", type=int, default=3)
    options.add_argument("--cold", action="store_true", help="measure the first minutes of new brokers")
    options.add_argument("--requests", action="store_true", help="count the requests of each kind")
    given = options.parse_args()
    rows = [row for row in ROWS if not given.row or any(text in row.name for text in given.row)]
    if not rows:
        sys.exit("no row has such a name: " + "; ".join(row.name for row in ROWS))
    print(f"Kafka {version()}, {Shape().rate:.0f} frames of {Shape().frame_bytes} bytes a second")
    if given.requests:
        requests(given.seconds)
    elif given.cold:
        cold(rows if given.row else rows[1:2], given.seconds, given.windows)
    else:
        compare(rows, given.warm_up, given.seconds, given.windows)


if __name__ == "__main__":
    main()
