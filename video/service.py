"""The video service: its parts, joined."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from shared.bus import Bus, Reader, Replay, Writer
from shared.clock import now_us
from shared.document import document_valid_gauge
from shared.frames.reader import FrameReader
from shared.hosts import is_loopback
from shared.process.probes import ReadinessCheck
from shared.process.service import Service, run_service
from shared.status import REPLAY_RECORDS, StatusBoard
from video.access.access import Access
from video.access.audit import Audit
from video.access.watched import watch_access, wrong_documents
from video.app import create_app
from video.audit_writer import AuditWriter
from video.certificate import Certificate
from video.client_address import ClientAddresses
from video.display import Sources
from video.events.events import EventSource
from video.events.feed import EventFeed
from video.latest import LatestFrames
from video.metrics import VideoMetrics
from video.picture import encode_raw
from video.readiness import CameraReadiness
from video.settings import VideoSettings
from video.viewers import Viewers
from video.web_server import WebServer

PURPOSE = "Shows labelled pictures from Kafka to any number of browsers."
log = logging.getLogger(__name__)

MAX_LAG_S = 1.0
POLL_S = 0.2


def main() -> int:
    """Run the video service; return the exit status."""
    return run_service(VideoSettings, "video", PURPOSE, build)


def build(service: Service[VideoSettings]) -> ReadinessCheck:
    """Join the parts of the video service.

    Raises:
        SettingsError: librdkafka refuses KAFKACONFIG, ACCESSFILE is wrong, or the page cannot be served at DISPLAYPORT.
    """
    settings = service.settings
    metrics = VideoMetrics(service.registry)
    addresses = ClientAddresses()
    access = Access(addresses, metrics.access, loopback=is_loopback(settings.display_address.host))
    valid = document_valid_gauge("video", service.registry)
    document = watch_access(settings.access_file, access, valid)
    certificate = Certificate(Path(settings.tls_cert), Path(settings.tls_key), valid) if settings.tls_cert else None
    bus = Bus(settings.servers, settings.kafka_config)
    writer = Writer(bus)
    status = service.reports(writer, metrics, documents=partial(wrong_documents, document))
    audit_writer = AuditWriter(writer, settings.topic_audit, metrics.access.audited)
    audit = Audit(audit_writer.write if settings.topic_audit else None)
    latest, readiness = LatestFrames(metrics.ledger), CameraReadiness()

    frames = Reader.of_all_partitions(bus, settings.topic, group=settings.group)
    statuses = Reader.of_all_partitions(bus, settings.topic_status, group=settings.group, replay_last=REPLAY_RECORDS)
    service.owns(frames, statuses)
    board = StatusBoard(metrics.status_ignored)
    frame_reader = FrameReader(
        frames, metrics.ledger, metrics=metrics.reader, encode=encode_raw, max_lag_s=MAX_LAG_S, run=now_us()
    )
    events = _event_source(settings, bus, metrics, service)
    sources = Sources(
        latest=latest,
        ledger=metrics.ledger,
        viewers=Viewers(settings.max_viewers, metrics.viewers, addresses, audit),
        entries=board.entries,
        bus_silent_s=status.broker_silent_s,
        frame_interval_s=settings.frame_interval_s,
        ending=service.stop.is_set,
        readiness=readiness,
        allowed_origins=frozenset(filter(None, settings.allowed_origins.split(","))),
        loopback_only=access.loopback,
        access=access,
        events=events,
        hsts=certificate is not None,
    )
    web = WebServer(
        settings.display_address,
        partial(create_app, sources),
        max_viewers=settings.max_viewers,
        addresses=addresses,
        tls=None if certificate is None else certificate.context,
    )

    def read_frames(stop: threading.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            for received in frame_reader.read(POLL_S):
                latest.put(received)

    def read_board(stop: threading.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            board.read(statuses, POLL_S)

    service.loop("http", web.run)
    service.loop("frames", read_frames)
    service.loop("board", read_board)
    if certificate is not None:
        service.loop("certificate", certificate.run)
    if document is not None:
        service.loop("access", partial(document.run, on_change=access.use))
    if events:
        service.loop("predictions", events.feed.run)
    service.at_end(web.end)
    log.info(
        "open %s://localhost:%d in a browser",
        "http" if certificate is None else "https",
        settings.node_address.port,
        extra={"listens": str(settings.display_address), "topic": settings.topic, "brokers": settings.servers},
    )
    documents = {} if document is None else {"access": document}
    return lambda: readiness.readiness(
        serving=web.serving(),
        broker=status.broker(),
        documents={name: watched.readiness() for name, watched in documents.items()},
    )
    return lambda: readiness.readiness(serving=web.serving(), broker=status.broker())


def _event_source(
    settings: VideoSettings, bus: Bus, metrics: VideoMetrics, service: Service[VideoSettings]
) -> EventSource | None:
    """Return what /predictions/stream reads; None without a topic."""
    topic = settings.topic_predictions
    if not topic:
        return None
    predictions = Reader.of_all_partitions(bus, topic, group=settings.group)
    service.owns(predictions)
    feed = EventFeed(predictions, metrics.events.ignored)
    return EventSource(feed, lambda: Replay(bus, topic, group=settings.group), metrics.events)
