"""Measures how soon video is live after a frozen broker: `python -m bench.bench_freeze [--runs 15] [--frozen 10]`.

A real Kafka and the three services run on this machine, with one camera at 25 frames a second. Each run stops the
broker with SIGSTOP and continues it. The times start with its first answer to a probe and end with the first frame
captured since then that is acknowledged to the producer, that has left the consumer, and that a viewer has received.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from local.kafka.node import Node, Ports
from local.kafka.parts import jars
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import KafkaChain
from tests.kafka.faults import Viewer
from tests.processes import freeze, thaw
from tests.suite import Service
from tests.waiting import wait_until

CAMERA = "film"
PROMISED_S = 5.0
LONGEST_S = 60.0
CALM_S = 3.0  # between two runs


def main() -> None:
    """Print a line for each run and the distribution of all runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument(
        "--frozen", type=float, nargs="+", default=[10.0], help="seconds; several values are used in turn"
    )
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        node = stack.enter_context(Node(jars(), folder / "kafka", Ports.free()))
        models = stack.enter_context(ModelServer())
        chain = stack.enter_context(KafkaChain(node, models, suffix="-freeze"))
        film = write_video(folder / "film.mkv", 50)
        producer = chain.produce(CAMERAS=json.dumps({CAMERA: str(film)}))
        wait_until(lambda: chain.ask(f"/cameras/{CAMERA}/predictions"), "a first frame")
        viewer = stack.enter_context(Viewer(chain.port, CAMERA))
        took = []
        for run in range(arguments.runs):
            frozen_s = arguments.frozen[run % len(arguments.frozen)]
            viewer.sees_something_newer()
            time.sleep(CALM_S)
            seconds = one_run(node, viewer, producer, chain.consumer, frozen_s)
            took.append(seconds.get("viewer", LONGEST_S))
            stages = ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())
            print(f"run {run + 1}, frozen for {frozen_s:.0f} s: {stages}", flush=True)
            if "viewer" not in seconds:
                for service in (producer, chain.consumer, chain.video):
                    print(service.name, service.books(CAMERA), *service.lines[-20:], sep="\n  ")
        late = sum(seconds > PROMISED_S for seconds in took)
        middle, most = statistics.median(took), max(took)
        print(f"{len(took)} runs: median {middle:.2f}, max {most:.2f} s; {late} above {PROMISED_S:.0f} s")


def one_run(node: Node, viewer: Viewer, producer: Service, consumer: Service, frozen_s: float) -> dict[str, float]:
    """Return the seconds from the end of the fault until each stage was live."""
    freeze(node.pid)
    try:
        time.sleep(frozen_s)  # the fault itself
    finally:
        thaw(node.pid)
    thawed_at = time.monotonic()
    node.wait_until_ready()
    began, wall = time.monotonic(), time.time()
    before = {service.name: service.books(CAMERA).out for service in (producer, consumer)}
    stages: dict[str, Callable[[], bool]] = {
        "producer": lambda: producer.books(CAMERA).out > before["producer"] + 5,
        "consumer": lambda: consumer.books(CAMERA).out > before["consumer"] + 5,
        "viewer": lambda: viewer.captured_at > wall,
    }
    seconds: dict[str, float] = {"probe": began - thawed_at}
    while len(seconds) <= len(stages) and time.monotonic() - began < LONGEST_S:
        for name, holds in stages.items():
            if name not in seconds and holds():
                seconds[name] = time.monotonic() - began
        time.sleep(0.01)
    return seconds


if __name__ == "__main__":
    main()
