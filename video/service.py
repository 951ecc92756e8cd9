"""The video service as a whole: its parts put together, and its life."""

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from shared.bus import Bus, Reader, Writer
from shared.clock import now_us
from shared.errors import SettingsError
from shared.frames.ledger import Ledger
from shared.frames.reader import FrameReader
from shared.process.logs import configure
from shared.process.service import Service
from shared.settings import end_with, from_command_line
from shared.status import TAIL, Report, StatusBoard, StatusWriter
from video.app import create_app
from video.display import Sources
from video.latest import LatestFrames
from video.picture import encode_raw
from video.readiness import CameraReadiness
from video.settings import VideoSettings
from video.viewers import Viewers
from video.web_server import WebServer

PURPOSE = "Shows labelled pictures from Kafka to any number of browsers."
log = logging.getLogger(__name__)

MAX_LAG_S = 1.0
POLL_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; return the status to exit with."""
    settings = from_command_line(VideoSettings, "video", PURPOSE, sys.argv[1:] if argv is None else argv)
    configure(level=settings.log_level, form=settings.log_format, service="video")
    try:
        with ExitStack() as stack:
            return _run(settings, stack)
    except SettingsError as exc:
        return end_with("video", exc)


def _run(settings: VideoSettings, stack: ExitStack) -> int:
    service = Service("video", settings)
    ledger = Ledger("video", service.registry)
    bus = Bus(settings.servers, settings.kafka_config)
    writer = stack.enter_context(Writer(bus))
    status = StatusWriter(
        writer, settings.topic_status, service="video", report=lambda: Report(ledger=ledger.as_json())
    )
    status.export(service.registry)
    board, latest, readiness = StatusBoard(), LatestFrames(ledger), CameraReadiness()
    reader = Reader.of_all_partitions(bus, settings.topic, group=settings.group)
    board_reader = Reader.of_all_partitions(bus, settings.topic_status, group=settings.group, replay_last=TAIL)
    frame_reader = FrameReader(
        reader,
        ledger,
        service="video",
        registry=service.registry,
        encode=encode_raw,
        max_lag_s=MAX_LAG_S,
        run=now_us(),
    )
    sources = Sources(
        latest=latest,
        ledger=ledger,
        viewers=Viewers(settings.max_viewers, service.registry),
        entries=board.entries,
        bus_silent_s=status.broker_silent_s,
        frame_interval_s=settings.frame_interval_s,
        ending=service.stop.is_set,
        readiness=readiness,
    )
    web = WebServer(settings.display_address, partial(create_app, sources), max_viewers=settings.max_viewers)

    def read_frames(stop: threading.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            for received in frame_reader.read(POLL_S):
                latest.put(received)
        reader.close()

    def read_board(stop: threading.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            board.read(board_reader, POLL_S)
        board_reader.close()

    service.loop("http", web.run)
    service.loop("frames", read_frames)
    service.loop("board", read_board)
    service.loop("status", status.run)
    service.at_end(web.end)
    service.at_end(status.changed)
    log.info(
        "open http://localhost:%d in a browser",
        settings.node_address.port,
        extra={"listens": str(settings.display_address), "topic": settings.topic, "brokers": settings.servers},
    )
    try:
        return service.run(lambda: readiness.readiness(serving=web.serving(), broker=status.broker()))
    finally:
        status.last_word()
