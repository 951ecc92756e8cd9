"""Measures what TLS, passwords and rules cost: `python -m bench.bench_secured [--rounds 10] [--seconds 6]`.

Two suites with a camera of 720p25 each run side by side, one on an open Kafka, one on a secured one, each service as
its own user. So both see the same machine at the same time, whatever else it does. In each round, the user + system
time of every part is divided by the frames that it passed on, and the secured suite's by the open one's; of the ratios
the median counts. The age is that of a picture when its last byte has come to a viewer: one machine, one clock.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.bench_bus import WARM_UP_S
from bench.bench_cameras import UP_WITHIN_S, Viewer
from bench.latency import percentile
from bench.usage import cpu_of
from local.kafka.configuration import Ports
from local.kafka.node import Node
from local.kafka.parts import jars
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import KafkaChain
from tests.kafka.secured import Credentials, make_users
from tests.suite import Service
from tests.waiting import wait_until

CAMERA = "camera"
FRAMES = 125  # of the film, which is played again and again
PREDICTION_S = 0.2  # a model that costs nothing, as often as a real one
PARTS = ("broker", "producer", "consumer", "video")


@dataclass
class Suite:
    """A running suite, and what it has used since the last look."""

    node: Node
    chain: KafkaChain
    producer: Service
    viewer: Viewer
    _before: dict[str, tuple[float, int]] = field(default_factory=dict)

    def look(self) -> dict[str, float]:
        """Return the CPU time of each part per frame that it passed on, since the last look, in microseconds."""
        now = {part: (cpu_of(self._pid(part)), self._frames(part)) for part in PARTS}
        before, self._before = self._before or now, now
        return {part: (now[part][0] - before[part][0]) / max(1, now[part][1] - before[part][1]) * 1e6 for part in PARTS}

    def _pid(self, part: str) -> int:
        return self.node.pid if part == "broker" else self._service(part).process.pid

    def _frames(self, part: str) -> int:
        return self._service("producer" if part == "broker" else part).books(CAMERA).out

    def _service(self, part: str) -> Service:
        return {"producer": self.producer, "consumer": self.chain.consumer, "video": self.chain.video}[part]


def main() -> None:
    """Print the CPU time per frame and the ages of both suites."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=6.0, help="of each round")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        film = write_video(Path(folder) / "film.mkv", FRAMES, 1280, 720)
        open_node = stack.enter_context(Node(jars(), Path(folder) / "open", Ports.free()))
        credentials = Credentials.make(Path(folder) / "credentials")
        secured_node = stack.enter_context(credentials.node(jars(), Path(folder) / "secured"))
        make_users(secured_node, credentials)
        suites = {
            name: stack.enter_context(suite(node, film))
            for name, node in (("open", open_node), ("secured", secured_node))
        }
        time.sleep(WARM_UP_S)
        report(*measure(suites, options.rounds, options.seconds), suites)


@contextmanager
def suite(node: Node, film: Path) -> Iterator[Suite]:
    """Run the services on a broker, and a viewer."""
    with ModelServer(takes_s=lambda _: PREDICTION_S) as models, KafkaChain(node, models, suffix="") as chain:
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}), FRAMEINTERVAL="0")
        wait_until(lambda: chain.ask(f"/cameras/{CAMERA}/predictions"), "a first frame", within_s=UP_WITHIN_S)
        viewer = Viewer(chain.port, CAMERA)
        viewer.start()
        yield Suite(node, chain, producer, viewer)


def measure(suites: dict[str, Suite], rounds: int, seconds: float) -> tuple[dict[str, list[dict[str, float]]], float]:
    """Return what each suite used in each round, and how long all of them took."""
    used: dict[str, list[dict[str, float]]] = {name: [] for name in suites}
    for one in suites.values():
        one.look()
        one.viewer.measuring.set()
    began = time.monotonic()
    for _ in range(rounds):
        time.sleep(seconds)
        for name, one in suites.items():
            used[name].append(one.look())
    for one in suites.values():
        one.viewer.measuring.clear()
    return used, time.monotonic() - began


def report(used: dict[str, list[dict[str, float]]], seconds: float, suites: dict[str, Suite]) -> None:
    """Print it."""
    print(f"{len(used['open'])} rounds, {seconds:.0f} s; CPU us per frame, medians; ratio: median, of the rounds")
    for part in PARTS:
        pairs = [(plain[part], tls[part]) for plain, tls in zip(used["open"], used["secured"], strict=True)]
        plain, tls = (statistics.median(values) for values in zip(*pairs, strict=True))
        ratios = sorted(tls_us / plain_us for plain_us, tls_us in pairs if plain_us)
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"{part:<9} open {plain:7.0f}  secured {tls:7.0f}  ratio {statistics.median(ratios):5.2f} ({spread})")
    for name, one in suites.items():
        ages = one.viewer.ages_ms
        rate = len(ages) / seconds
        print(
            f"{name:<9} {rate:5.1f} fps  age p50 {statistics.median(ages):.1f} ms  p99 {percentile(ages, 0.99):.1f} ms"
        )


if __name__ == "__main__":
    main()
