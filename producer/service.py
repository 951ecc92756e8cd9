"""The producer: its parts, joined."""

import sys
import threading
from collections.abc import Callable

from producer import check, preview
from producer.camera import Camera
from producer.camera_set import TICK_S, CameraSet
from producer.configured import ConfiguredCameras
from producer.document import CameraConfig
from producer.metrics import ProducerMetrics
from producer.publisher import FramePublisher
from producer.settings import ProducerSettings
from shared.bus import Bus, Writer
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

    def changed(camera: Camera) -> None:
        metrics.camera_up.labels(camera.name).set(camera.state.state is CameraState.UP)
        status.changed()

    def make(name: str, config: CameraConfig, run: int) -> Camera:
        metrics.camera_up.labels(name).set(0)
        return Camera(
            name,
            config.job,
            ledger=metrics.ledger,
            publish=publisher.for_camera(name, run),
            oversize=writer.oversize,
            changed=changed,
            title=config.title,
            tags=config.tags,
        )

    cameras = CameraSet(make=make, spawn=service.spawn, forget=metrics.forget_camera, changed=lambda: status.changed())
    status = service.reports(Writer(bus), metrics, cameras=cameras.reports, documents=configured.mistakes)
    started = now_us()

    def capture(stop: threading.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            cameras.reconcile(configured.configs, lambda _camera: started)
            stop.wait(TICK_S)
        cameras.end()

    service.loop("cameras", capture)
    if configured.is_watched:
        service.loop("document", configured.run)

    def readiness() -> Readiness:
        parts = {"broker": status.broker()} | configured.readiness() | cameras.readiness()
        return Readiness(ready=status.broker_answered(), parts=parts)

    return readiness
