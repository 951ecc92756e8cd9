"""Measures a suite with as many cameras as it takes: `python -m bench.bench_thousand [--cameras 1000] [--seconds 60]`.

A producer without captures (bench/synthetic_cameras.py) writes small numbered pictures of all cameras. The consumer
with a model that answers at once, `video`, Kafka and the page in Chromium are the real ones; all run on this machine. A
further viewer follows up to --watched cameras and checks each picture's number. At the end the cameras stop, and the
books of producer, consumer and `video` are compared for every camera. The exit status is 1 if some do not balance, if a
camera was called anything but up, or if a picture was not what its headers say.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import kafka, thousand_report
from bench.bench_bus import WARM_UP_S
from bench.books import mistakes
from bench.client import LOOPBACK
from bench.program import Program, module
from bench.small_pictures import camera_names
from bench.status_topic import StatusTopic
from bench.synthetic_cameras import GENTLE_FPS
from bench.thousand_report import STAGES, Measured, metrics_of
from bench.usage import Meter
from bench.watched_wall import WatchedWall, watched_wall
from bench.websocket_viewer import Got
from local.ports import free_port
from shared.bus import Bus
from tests.suite import Service, get_json
from tests.waiting import becomes_true, wait_until

UP_WITHIN_S = 120.0
GENTLE_ROUNDS = 2.5  # of all cameras
SETTLED_WITHIN_S = 30.0  # frames are on their way when the cameras stop, and their statuses a second later


@dataclass(frozen=True)
class Suite:
    """What runs.

    Attributes:
        port: of the page.
        services: by name.
        parts: process id by name.
        statuses: what is read of `videostatus`.
    """

    port: int
    services: dict[str, Service]
    parts: dict[str, int]
    statuses: StatusTopic


def main() -> int:
    """Print the figures; return the exit status."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cameras", type=int, default=1000)
    arguments.add_argument("--rate", type=float, default=1.0, help="frames a second of each camera (default: 1)")
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--asked", type=float, default=0.1, help="predictions a second and camera (default: 0.1)")
    arguments.add_argument("--watched", type=int, default=100, help="cameras of the further viewer (default: 100)")
    options = arguments.parse_args()
    names = camera_names(options.cameras)
    watched = names[:: max(1, len(names) // options.watched)]
    with running_suite(options.cameras, options.rate, options.asked) as suite:
        wait_until(lambda: pictured(suite.port) >= set(names), "a picture of every camera", within_s=UP_WITHIN_S)
        with (
            module("bench.websocket_viewer", str(suite.port), json.dumps(watched)) as viewer,
            watched_wall(suite.port) as wall,
        ):
            viewer.line()
            wall.wait_for(len(names))
            wall.sleep(WARM_UP_S)
            measured = measure(suite, viewer, wall, options.seconds)
        scrapes = {name: metrics_of(service) for name, service in suite.services.items()}
        wrong = unsettled(suite, cameras=options.cameras, rate=options.rate)
    print(f"{len(names):,} cameras at {options.rate:g} fps, each asked about {options.asked:g} times a second")
    print(thousand_report.text(measured, scrapes))
    print(thousand_report.books(wrong, cameras=len(names)))
    is_well = measured.wall.tiles == {"up": len(names)} and not measured.got.not_up and not measured.got.wrong
    return int(bool(wrong) or not is_well)


@contextmanager
def running_suite(cameras: int, rate: float, asked: float) -> Iterator[Suite]:
    """Run Kafka, a model, the services, and at last the cameras.

    Args:
        cameras: their number.
        rate: frames a second of each.
        asked: predictions a second of each.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(kafka.node())
        kafka.declare(broker, "")
        servers, port = broker.servers[0], free_port()
        model = stack.enter_context(module("bench.model_stub"))
        models = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "models.json"
        url = f"http://{LOOPBACK}:{model.line()}/v1/models/tfModel:predict"
        models.write_text(json.dumps({"models": {"things": {"kind": "classification", "url": url, "rate": asked}}}))
        settings = {"KAFKAPORTIN": servers, "KAFKAPORTOUT": servers, "MODELSFILE": str(models)}
        consumer = stack.enter_context(Service("consumer", **settings))
        video = stack.enter_context(Service("video", KAFKAPORT=servers, DISPLAYPORT=f"{LOOPBACK}:{port}"))
        for service, topic in ((consumer, "videocam"), (video, "videodisplay")):  # every frame will be in the books
            wait_until(partial(reads, service, topic), f"{service.name} reads {topic}")
        statuses = stack.enter_context(StatusTopic(Bus(servers)))
        command = ("bench.synthetic_cameras", str(cameras), f"{rate:g}")
        source = {"VIDEODEVICE": "/dev/video0"}  # the settings ask for one; it is not opened
        producer = stack.enter_context(Service("producer", command=command, KAFKAPORT=servers, **source))
        services = {"producer": producer, "consumer": consumer, "video": video}
        parts = {name: service.process.pid for name, service in services.items()}
        yield Suite(port, services, {**parts, "broker": broker.pid, "model": model.pid}, statuses)


def reads(service: Service, topic: str) -> bool:
    """Return whether a service says that it has partitions of a topic."""
    return any(" partitions " in line and topic in line for line in list(service.lines))


def pictured(port: int) -> set[str]:
    """Return the cameras that have given a picture, whatever their state is now."""
    listed = get_json(f"http://{LOOPBACK}:{port}/cameras") or []
    return {one["id"] for one in listed if one["age_ms"] is not None}


def measure(suite: Suite, viewer: Program, wall: WatchedWall, seconds: float) -> Measured:
    """Let everything run for so long; return what was seen."""
    before = {stage: suite.statuses.newest(stage) for stage in STAGES}
    suite.statuses.traffic()
    viewer.ask()
    meter = Meter({**suite.parts, "viewer": viewer.pid})
    walled = wall.measure(seconds)
    spent = meter.spent()
    got = Got(**json.loads(viewer.ask()))
    traffic = suite.statuses.traffic()
    after = {stage: suite.statuses.newest(stage) for stage in STAGES}
    return Measured(spent, before, after, got, walled, traffic)


def unsettled(suite: Suite, *, cameras: int, rate: float) -> list[str]:
    """Stop the cameras; return what is wrong with the books when the last frame has come.

    Before they stop, each sends a few frames gently, so that it is known of all earlier ones what became of them.
    """
    producer = suite.services["producer"]
    producer.process.send_signal(signal.SIGUSR1)
    time.sleep(GENTLE_ROUNDS * max(1 / rate, cameras / GENTLE_FPS))
    producer.ends(signal.SIGTERM)
    wait_until(lambda: suite.statuses.newest("producer").ending, "the cameras' last status")
    found: list[str] = []

    def balance() -> bool:
        found[:] = mistakes({stage: suite.statuses.newest(stage).report.ledger for stage in STAGES})
        return not found

    becomes_true(balance, within_s=SETTLED_WITHIN_S, poll_s=1.0)
    return found


if __name__ == "__main__":
    sys.exit(main())
