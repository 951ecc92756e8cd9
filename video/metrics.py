"""The metrics of the video service, each under its full name."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.frames.ledger import AGE_BUCKETS_S, Ledger, LedgerMetrics
from shared.frames.reader import ReaderMetrics
from video.access.identity import Denied


@dataclass(slots=True)
class ViewerFrames:
    """Frames of one camera, over all its viewers.

    Attributes:
        sent: to a viewer.
        skipped: that a viewer was too slow for.
    """

    sent: int = 0
    skipped: int = 0


class AllViewerFrames(Collector):
    """Counts frames by camera. Written by the event loop only; read by any thread.

    Plain numbers, because each picture is counted for each viewer: a Counter of the client takes a lock for each.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._cameras: dict[str, ViewerFrames] = {}
        registry.register(self)

    def of(self, camera: str) -> ViewerFrames:
        """Return the counts of a camera."""
        return self._cameras.setdefault(camera, ViewerFrames())

    def collect(self) -> Iterator[Metric]:
        """Yield the counters."""
        sent = CounterMetricFamily("video_viewer_frames_sent_total", "Frames sent, over all viewers", labels=["camera"])
        skipped = CounterMetricFamily(
            "video_viewer_frames_skipped_total",
            "Frames that a viewer was too slow for, over all viewers",
            labels=["camera"],
        )
        for camera, frames in list(self._cameras.items()):
            sent.add_metric([camera], frames.sent)
            skipped.add_metric([camera], frames.skipped)
        yield from (sent, skipped)


class ViewerMetrics:
    """What is counted of viewers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.watching = Gauge("video_viewers", "Viewers of a camera", ["camera"], registry=registry)
        self.frames = AllViewerFrames(registry)


class AccessMetrics:
    """What is counted of who may see what."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.audited = Counter(
            "video_audit_records_total",
            "Records of the audit that were written, or lost because the brokers did not take them",
            ["outcome"],
            registry=registry,
        )
        self.denied = Counter(
            "video_access_denied_total", "Requests and streams that were refused", ["reason"], registry=registry
        )
        for reason in Denied:  # a rate needs a first value
            self.denied.labels(reason)
        for outcome in ("written", "lost"):
            self.audited.labels(outcome)


class EventMetrics:
    """What is counted of the events on /predictions/stream."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sent = Counter("video_events_sent_total", "Events sent, over all readers", registry=registry)
        self.missed = Counter(
            "video_events_missed_total",
            "Events that readers were told they have missed, over all readers",
            registry=registry,
        )
        self.ignored = Counter(
            "video_events_ignored_total",
            "Records of the topic of predictions that make no sense or exceed a bound",
            registry=registry,
        )


class VideoMetrics:
    """What the video service counts and measures, exported by one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ledger = Ledger(
            registry,
            LedgerMetrics(
                frames_in="video_frames_in_total",
                frames_out="video_frames_out_total",
                frames_dropped="video_frames_dropped_total",
                frames_lost_upstream="video_frames_lost_upstream_total",
                frame_age=Histogram(
                    "video_frame_age_seconds",
                    "Seconds between the capture of a frame and its handover to the viewers",
                    ["camera"],
                    buckets=AGE_BUCKETS_S,
                    registry=registry,
                ),
            ),
        )
        self.reader = ReaderMetrics(
            clock_suspect=Gauge(
                "video_clock_suspect",
                "1: the clocks of producer, broker and video disagree",
                ["camera"],
                registry=registry,
            ),
            lag=Gauge("video_broker_lag_frames", "Unread records", ["partition"], registry=registry),
            renumbered=Counter(
                "video_frames_renumbered_total",
                "Times that a camera's frame numbers began again without a new run",
                ["camera"],
                registry=registry,
            ),
        )
        self.broker_silent = Gauge(
            "video_broker_silent_seconds",
            "Seconds since the brokers last acknowledged a record of this service, or since its start",
            registry=registry,
        )
        self.status_ignored = Counter(
            "video_status_entries_ignored_total",
            "Records of the status topic, and entries in them, that make no sense or exceed a bound",
            registry=registry,
        )
        self.viewers = ViewerMetrics(registry)
        self.access = AccessMetrics(registry)
        self.events = EventMetrics(registry)
