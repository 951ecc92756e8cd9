"""Measures how long a record takes from a writer to a reader: `python -m bench.bench_bus [SECONDS]`.

It sends 137 KB 25 times a second, like a 720p25 camera, through the embedded broker and a real Kafka on this machine at
once, so that both have the same conditions. The first 20 s are not measured: the JVM is cold then.
"""

import sys
import threading
import time

from bench.kafka import kafka
from bench.latency import percentile
from local.kafka.parts import version
from shared.bus import Bus, EmbeddedBroker, Reader, Writer

SIZE, RATE = 137_000, 25
WARM_UP_S = 20.0
TOPIC = "videocam"


class Measurement(threading.Thread):
    """Reads one topic on one bus, in its own thread."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(daemon=True)
        self.writer = Writer(bus)
        self.took_ms: list[float] = []
        self.begun = threading.Event()
        self._reader = Reader.in_group(bus, TOPIC, group="bench")

    def send(self) -> None:
        """Send one record with the current time in a header."""
        self.writer.send(
            TOPIC,
            key="camera",
            value=bytes(SIZE),
            headers=[("sent", str(time.perf_counter_ns()).encode())],
            on_delivery=lambda _: None,
        )

    def run(self) -> None:
        """Read for ever."""
        while True:
            for record in self._reader.read(0.1):
                if self.begun.is_set():
                    self.took_ms.append((time.perf_counter_ns() - int(record.headers["sent"])) / 1e6)


def line(name: str, took_ms: list[float]) -> str:
    """Return the result of one bus as a line of text."""
    p50, p99 = (percentile(took_ms, share) for share in (0.5, 0.99))
    return f"{name:<12} {len(took_ms):>5} records  p50 {p50:5.1f} ms  p99 {p99:5.1f} ms  longest {max(took_ms):5.1f} ms"


def main() -> None:
    """Print a line for each bus."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    embedded = EmbeddedBroker()
    with kafka() as bus:
        measurements = {"embedded": Measurement(embedded.bus()), f"Kafka {version()}": Measurement(bus)}
        for one in measurements.values():
            one.start()
        began = time.monotonic()
        due = began
        while due < began + WARM_UP_S + seconds:
            for one in measurements.values():
                one.send()
                if due > began + WARM_UP_S:
                    one.begun.set()
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))
        for name, one in measurements.items():
            print(line(name, one.took_ms))


if __name__ == "__main__":
    main()
