"""The producer: its parts, joined."""

import sys
import threading
import time
from collections.abc import Callable
from functools import partial

from producer import check, preview
from producer.camera import Camera
from producer.camera_set import LINGER_S, TICK_S, CameraSet
from producer.configured import ConfiguredCameras
from producer.document import CameraConfig
from producer.metrics import ProducerMetrics
from producer.publisher import FramePublisher
from producer.settings import ProducerSettings
from producer.sharing import AllCameras, GroupShare
from shared.bus import Bus, Membership, Writer
from shared.clock import now_us
from shared.frames.writer import FrameWriter
from shared.process.probes import Readiness, ReadinessCheck
from shared.process.service import Service, run_service
from shared.states import CameraState

PURPOSE = (
    "Publishes the pictures of cameras to Kafka. "
    "With --check [LINK] it tries the configured cameras, or one, and prints what they send. "
    "With --preview CAMERA OUT.jpg it writes a picture with a grid of fractions, to find polygons for masks."
)
LEAVE_S = 1.0  # as long as leaving the group takes at most (shared/bus/client.py)
# How to make pictures smaller that are too large for the bus, by FRAMEFORMAT.
_SMALLER = {
    "jpeg": "lower JPEGQUALITY, IMAGESCALEX or IMAGESCALEY",
    "json": "lower IMAGESCALEX or IMAGESCALEY, or set FRAMEFORMAT=jpeg",
}


def main() -> int:
    """Run the producer, check its cameras, or write a picture of one; return the exit status."""
    if check.OPTION in sys.argv[1:]:
        return check.main(sys.argv[1:])
    if preview.OPTION in sys.argv[1:]:
        return preview.main(sys.argv[1:])
    return run_service(ProducerSettings, "producer", PURPOSE, build)


def build(service: Service[ProducerSettings]) -> ReadinessCheck:
    """Join the parts of the producer.

    Raises:
        SettingsError: librdkafka refuses KAFKACONFIG, or CAMERASFILE is wrong.
    """
    settings = service.settings
    metrics = ProducerMetrics(service.registry)
    configured = ConfiguredCameras(settings, valid=metrics.document_valid)
    bus = Bus(settings.servers, settings.kafka_config)
    frames = Writer(bus, compression=settings.compression)
    service.owns(frames)
    writer = FrameWriter(frames, settings.topic, metrics.ledger, advice=_SMALLER[settings.frame_format])
    publisher = FramePublisher(writer, form=settings.frame_format)
    started = now_us()
    shared = _share(settings, bus, started) if configured.is_watched else None
    sharing = shared or AllCameras(started)

    def changed(run: int, camera: Camera) -> None:
        if cameras.captures(camera):
            metrics.camera_up.labels(camera.name).set(camera.state.state is CameraState.UP)
        sharing.tried(camera.name, run)
        status.changed()

    def make(name: str, config: CameraConfig, run: int) -> Camera:
        metrics.camera_up.labels(name).set(0)
        return Camera(
            name,
            config.job,
            ledger=metrics.ledger,
            publish=publisher.for_camera(name, run),
            oversize=writer.oversize,
            changed=partial(changed, run),
            title=config.title,
            tags=config.tags,
            moved=shared is not None,
        )

    cameras = CameraSet(make=make, spawn=service.spawn, forget=metrics.forget_camera, changed=lambda: status.changed())
    status = service.reports(Writer(bus), metrics, cameras=cameras.reports, documents=configured.mistakes)

    def capture(stop: threading.Event, beat: Callable[[], None]) -> None:
        while not stop.wait(TICK_S):
            beat()
            cameras.reconcile(configured.configs, sharing)
        if shared is not None and shared.has_heirs:
            shared.left.wait(LEAVE_S)
            cameras.reconcile(configured.configs, sharing)
            while cameras.hands_over:
                time.sleep(TICK_S)
                shared.look()
                cameras.reconcile(configured.configs, sharing)
        cameras.end()

    service.loop("cameras", capture)
    if configured.is_watched:
        service.loop("document", configured.run)
    if shared is not None:
        service.loop("group", shared.run)
        service.end_takes(LEAVE_S + LINGER_S)

    def readiness() -> Readiness:
        group = {} if shared is None else shared.readiness()
        parts = {"broker": status.broker()} | configured.readiness() | group | cameras.readiness()
        return Readiness(ready=status.broker_answered() and (shared is None or shared.is_ready), parts=parts)

    return readiness


def _share(settings: ProducerSettings, bus: Bus, started: int) -> GroupShare | None:
    """Return this producer's share of the cameras; None if it has no group."""
    if not settings.group:
        return None
    return GroupShare(Membership(bus, settings.topic, group=settings.group), alone_run=started)
