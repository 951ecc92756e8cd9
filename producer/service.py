"""The producer as a whole: its parts put together, and its life."""

import sys

from prometheus_client import Gauge

from producer.camera import Camera
from producer.protocol import CaptureJob
from producer.publisher import FramePublisher
from producer.settings import ProducerSettings
from producer.source import Source
from shared.bus import Bus, Writer
from shared.clock import now_us
from shared.errors import SettingsError
from shared.frames.ledger import Ledger
from shared.frames.writer import FrameWriter
from shared.process import logs
from shared.process.probes import Readiness
from shared.process.service import Service
from shared.settings import end_with, from_command_line
from shared.states import CameraState
from shared.status import Report, StatusWriter

PURPOSE = "Publishes the pictures of cameras to Kafka."
# Both within the 3 s that a service has to end.
FLUSH_FRAMES_S, FLUSH_STATUS_S = 0.6, 0.3


def main() -> int:
    """Live as the producer, and return the status to exit with."""
    settings = from_command_line(ProducerSettings, "producer", PURPOSE, sys.argv[1:])
    logs.configure(level=settings.log_level, form=settings.log_format, service="producer")
    try:
        return serve(settings)
    except SettingsError as exc:
        return end_with("producer", exc)


def serve(settings: ProducerSettings) -> int:
    """Capture and publish until a signal comes.

    Raises:
        SettingsError: librdkafka refuses KAFKACONFIG, or the port of the probes is taken.
    """
    service = Service("producer", settings)
    ledger = Ledger("producer", service.registry)
    up = Gauge("producer_camera_up", "1: the camera gives pictures", ["camera"], registry=service.registry)
    bus = Bus(settings.servers, settings.kafka_config)
    frames = Writer(bus, compression=settings.compression)
    statuses = Writer(bus)
    publisher = FramePublisher(FrameWriter(frames, settings.topic, ledger), run=now_us(), form=settings.frame_format)
    status = StatusWriter(
        statuses,
        settings.topic_status,
        service="producer",
        report=lambda: Report(
            cameras={camera.name: camera.state.as_json() for camera in cameras}, ledger=ledger.as_json()
        ),
    )
    status.export(service.registry)

    def changed(camera: Camera) -> None:
        up.labels(camera.name).set(camera.state.state is CameraState.UP)
        status.changed()

    cameras = [
        Camera(name, _job(settings, source), ledger=ledger, publish=publisher.for_camera(name), changed=changed)
        for name, source in settings.sources().items()
    ]

    def readiness() -> Readiness:
        parts = {"broker": status.broker()} | {f"camera/{camera.name}": camera.readiness() for camera in cameras}
        return Readiness(ready=status.broker_answered(), parts=parts)

    for camera in cameras:
        up.labels(camera.name).set(0)
        service.loop(f"camera-{camera.name}", camera.run)
    service.loop("status", status.run)
    service.at_end(status.changed)
    try:
        return service.run(readiness)
    finally:
        frames.close(FLUSH_FRAMES_S)
        status.last_word()
        statuses.close(FLUSH_STATUS_S)


def _job(settings: ProducerSettings, source: Source) -> CaptureJob:
    return CaptureJob(
        source=source,
        interval_s=settings.frame_interval_s,
        scale_x=settings.scale_x,
        scale_y=settings.scale_y,
        quality=settings.jpeg_quality,
        raw=settings.frame_format == "json",
    )
