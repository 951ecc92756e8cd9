"""The metrics of the producer, each under its full name."""

from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge, Histogram

from shared.document import document_valid_gauge
from shared.frames.ledger import AGE_BUCKETS_S, Ledger, LedgerMetrics


class ProducerMetrics:
    """What the producer counts and measures, exported by one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ledger = Ledger(
            registry,
            LedgerMetrics(
                frames_in="producer_frames_in_total",
                frames_out="producer_frames_out_total",
                frames_dropped="producer_frames_dropped_total",
                frames_lost_upstream="producer_frames_lost_upstream_total",
                frame_age=Histogram(
                    "producer_frame_age_seconds",
                    "Seconds between the capture of a frame and its handover to the bus",
                    ["camera"],
                    buckets=AGE_BUCKETS_S,
                    registry=registry,
                ),
            ),
        )
        self.broker_silent = Gauge(
            "producer_broker_silent_seconds",
            "Seconds since the brokers last acknowledged a record of this service, or since its start",
            registry=registry,
        )
        self.camera_up = Gauge("producer_camera_up", "1: the camera delivers frames", ["camera"], registry=registry)
        self.document_valid = document_valid_gauge("producer", registry)

    def forget_camera(self, camera: str) -> None:
        """Remove the state of a camera that this producer does not capture any more."""
        with suppress(KeyError):
            self.camera_up.remove(camera)
