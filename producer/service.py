"""The producer: its parts, joined."""

import sys

from producer import check
from producer.camera import Camera
from producer.metrics import ProducerMetrics
from producer.protocol import CaptureJob
from producer.publisher import FramePublisher
from producer.settings import ProducerSettings
from producer.source import Source
from shared.bus import Bus, Writer
from shared.clock import now_us
from shared.frames.writer import FrameWriter
from shared.process.probes import Readiness, ReadinessCheck
from shared.process.service import Service, run_service
from shared.states import CameraState

PURPOSE = (
    "Publishes the pictures of cameras to Kafka. "
    "With --check [LINK] it tries the configured cameras, or one, and prints what they send."
)
# How to make pictures smaller that are too large for the bus, by FRAMEFORMAT.
_SMALLER = {
    "jpeg": "lower JPEGQUALITY, IMAGESCALEX or IMAGESCALEY",
    "json": "lower IMAGESCALEX or IMAGESCALEY, or set FRAMEFORMAT=jpeg",
}


def main() -> int:
    """Run the producer, or check its cameras; return the exit status."""
    if check.OPTION in sys.argv[1:]:
        return check.main(sys.argv[1:])
    return run_service(ProducerSettings, "producer", PURPOSE, build)


def build(service: Service[ProducerSettings]) -> ReadinessCheck:
    """Join the parts of the producer.

    Raises:
        SettingsError: librdkafka refuses KAFKACONFIG.
    """
    settings = service.settings
    metrics = ProducerMetrics(service.registry)
    bus = Bus(settings.servers, settings.kafka_config)
    frames = Writer(bus, compression=settings.compression)
    service.owns(frames)
    writer = FrameWriter(frames, settings.topic, metrics.ledger, advice=_SMALLER[settings.frame_format])
    publisher = FramePublisher(writer, run=now_us(), form=settings.frame_format)
    status = service.reports(Writer(bus), metrics, cameras=lambda: {camera.name: camera.state for camera in cameras})

    def changed(camera: Camera) -> None:
        metrics.camera_up.labels(camera.name).set(camera.state.state is CameraState.UP)
        status.changed()

    cameras = [
        Camera(
            name,
            _job(settings, source),
            ledger=metrics.ledger,
            publish=publisher.for_camera(name),
            oversize=writer.oversize,
            changed=changed,
        )
        for name, source in settings.sources().items()
    ]
    for camera in cameras:
        metrics.camera_up.labels(camera.name).set(0)
        service.loop(f"camera-{camera.name}", camera.run)

    def readiness() -> Readiness:
        parts = {"broker": status.broker()} | {f"camera/{camera.name}": camera.readiness() for camera in cameras}
        return Readiness(ready=status.broker_answered(), parts=parts)

    return readiness


def _job(settings: ProducerSettings, source: Source) -> CaptureJob:
    return CaptureJob(
        source=source,
        interval_s=settings.frame_interval_s,
        scale_x=settings.scale_x,
        scale_y=settings.scale_y,
        quality=settings.jpeg_quality,
        raw=settings.frame_format == "json",
        timeout_s=settings.camera_timeout_s,
        ca=settings.camera_ca,
    )
