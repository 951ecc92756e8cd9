"""One camera of 720p25 and one viewer: what a shown picture costs, how late it is, how many bytes it is on the bus."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench import kafka
from bench.latency import percentile, since_sent_ms
from bench.rtsp_camera import Measured
from bench.systems import System
from bench.usage import Meter
from bench.watcher import Watcher
from local.kafka.node import Node
from tests.end_to_end.numbered import read_number

FIRST_PICTURE_S = 180.0
SERVICES = ("producer", "consumer", "video", "server")


@dataclass(frozen=True)
class Round:
    """What one system did in one round.

    Attributes:
        seconds: how long it was measured.
        shown: different pictures that the viewer got.
        cpu_ms: CPU time per shown picture by part, milliseconds.
        rss_mb: resident memory by part.
        latency_ms: of each picture from the camera's last byte to the viewer's.
        kilobytes: per record, by topic.
        records_per_s: by topic.
    """

    seconds: float
    shown: int
    cpu_ms: dict[str, float]
    rss_mb: dict[str, float]
    latency_ms: list[float]
    kilobytes: dict[str, float]
    records_per_s: dict[str, float]

    @property
    def fps(self) -> float:
        """Return the pictures shown a second."""
        return self.shown / self.seconds

    @property
    def services_ms(self) -> float:
        """Return the CPU time per shown picture of everything but the broker, milliseconds."""
        return sum(self.cpu_ms.get(part, 0.0) for part in SERVICES)

    def latency(self, share: float) -> float:
        """Return the latency that a share of the pictures does not exceed, milliseconds."""
        return percentile(self.latency_ms, share)


def measure(system: System, camera: Measured, broker: Node | None, *, seconds: float, warm_s: float) -> Round:
    """Run a system for one round.

    Args:
        system: to measure.
        camera: that it shows; its pictures carry numbers.
        broker: whose topics are counted.
        seconds: to measure.
        warm_s: to run before, from the first picture on.

    Raises:
        TimeoutError: no picture comes.
    """
    camera.sent()
    with ExitStack() as stack:
        running = stack.enter_context(system.running(camera.link))
        watcher = stack.enter_context(Watcher(running.port, running.request))
        deadline = time.monotonic() + FIRST_PICTURE_S
        while not watcher.taken():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{system.name} shows no picture within {FIRST_PICTURE_S:.0f} s")
            time.sleep(0.05)
        time.sleep(warm_s)
        topics = list(running.topics.values())
        written = kafka.traffic(broker, topics) if broker else {}
        meter = Meter(running.parts)
        watcher.taken()
        time.sleep(seconds)
        spent, received = meter.spent(), watcher.taken()
        later = kafka.traffic(broker, topics) if broker else {}
        sent = camera.sent()
    seen: dict[int, float] = {}
    for picture in received:
        seen.setdefault(read_number.__wrapped__(picture.jpeg), picture.at)
    traffic = {name: later[topic] - written[topic] for name, topic in running.topics.items() if topic in later}
    shown = max(1, len(seen))
    return Round(
        seconds=spent.seconds,
        shown=len(seen),
        cpu_ms={part: used / shown * 1e3 for part, used in spent.cpu_s.items()},
        rss_mb=spent.rss_mb,
        latency_ms=since_sent_ms([(at, number) for number, at in seen.items()], sent),
        kilobytes={name: one.bytes / one.records / 1e3 for name, one in traffic.items() if one.records},
        records_per_s={name: one.records / spent.seconds for name, one in traffic.items()},
    )


def compare(
    systems: Sequence[System],
    camera: Measured,
    broker: Node | None,
    *,
    rounds: int,
    seconds: float,
    warm_s: float,
    say: Callable[[str], None],
) -> tuple[dict[str, list[Round]], dict[str, str]]:
    """Run all systems in turn, several times; return what each did, and why others did not run."""
    skipped = {system.name: lacks for system in systems if (lacks := system.missing())}
    done: dict[str, list[Round]] = {}
    for number in range(rounds):
        for system in systems:
            if system.name in skipped:
                continue
            try:
                one = measure(system, camera, broker, seconds=seconds, warm_s=warm_s)
            except Exception as exc:  # whatever fails in a reference, the others still count
                skipped[system.name] = str(exc)
                say(f"  {system.name}: {exc}")
                continue
            done.setdefault(system.name, []).append(one)
            cost = f"{one.services_ms:.2f} ms CPU per picture + broker {one.cpu_ms.get('broker', 0.0):.2f}"
            say(f"  {number + 1}. {system.name}: {one.fps:.1f} pictures/s, {cost}, p50 {one.latency(0.5):.0f} ms")
    return done, skipped
