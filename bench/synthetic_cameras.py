"""A producer whose cameras need no processes: `python -m bench.synthetic_cameras CAMERAS RATE`.

A capture takes 63 MB, so that a thousand do not fit most machines. Here one thread hands over the pictures of all of
them, each RATE a second, evenly spread. The rest is the producer's own: settings, publisher, ledger, metrics, probes
and status. So its records are, byte for byte, those of a producer with so many cameras.

A reader learns of a frame that it missed from the camera's next one, and of the first ones never. So the first frame of
each camera comes gently, and so do all after SIGUSR1: a machine that was too slow in between can then show every gap.
"""

import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from bench.small_pictures import HEIGHT, WIDTH, camera_names, coded, number_of
from producer.metrics import ProducerMetrics
from producer.protocol import Message, MessageKind
from producer.publisher import FramePublisher
from producer.settings import ProducerSettings
from shared.bus import Bus, Writer
from shared.clock import now_us
from shared.frames.writer import FrameWriter
from shared.process.probes import Readiness, ReadinessCheck
from shared.process.service import Service, run_service
from shared.reports import CameraReport
from shared.states import CameraState

PURPOSE = "Publishes numbered pictures of many cameras to Kafka."
GENTLE_FPS = 100.0  # of all cameras together
LATEST_S = 0.5


def main() -> int:
    """Run until a signal; return the exit status."""
    ending = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: ending.set())
    joined = partial(build, cameras=int(sys.argv[1]), rate=float(sys.argv[2]), ending=ending)
    return run_service(ProducerSettings, "producer", PURPOSE, joined, argv=[])


def build(service: Service[ProducerSettings], *, cameras: int, rate: float, ending: threading.Event) -> ReadinessCheck:
    """Join the parts of the producer, and a loop in place of its captures.

    Args:
        service: whose parts they are.
        cameras: their number.
        rate: frames a second of each.
        ending: set when the frames are to come gently.
    """
    settings, run = service.settings, now_us()
    metrics = ProducerMetrics(service.registry)
    bus = Bus(settings.servers, settings.kafka_config)
    frames = Writer(bus, compression=settings.compression)
    service.owns(frames)
    publisher = FramePublisher(FrameWriter(frames, settings.topic, metrics.ledger), form=settings.frame_format)
    names, pictures = camera_names(cameras), coded()
    reports = {name: CameraReport(CameraState.UP, run, title=f"Camera {name[-4:]}") for name in names}
    for name in names:
        metrics.ledger.open(name)
        metrics.camera_up.labels(name).set(1)
    publish = {name: publisher.for_camera(name, run) for name in names}
    status = service.reports(Writer(bus), metrics, cameras=lambda: reports)

    def capture(stop: threading.Event, beat: Callable[[], None]) -> None:
        due = time.monotonic()
        for turn, name in enumerate(itertools.cycle(names)):
            full = cameras * rate
            due += 1 / (min(full, GENTLE_FPS) if turn < cameras or ending.is_set() else full)
            due = max(due, time.monotonic() - LATEST_S)  # what a starved machine missed does not come all at once
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            beat()
            at = now_us()
            picture = pictures[number_of(name, at)]
            publish[name](Message(MessageKind.FRAME, captured_at=at, width=WIDTH, height=HEIGHT, payload=picture))

    service.loop("cameras", capture)

    def readiness() -> Readiness:
        parts = {"broker": status.broker()} | {f"camera/{name}": "ok" for name in names}
        return Readiness(ready=status.broker_answered(), parts=parts)

    return readiness


if __name__ == "__main__":
    sys.exit(main())
