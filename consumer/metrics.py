"""The metrics of the consumer, each under its full name."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.frames.ledger import AGE_BUCKETS_S, Ledger, LedgerMetrics
from shared.frames.reader import ReaderMetrics

LATENCY_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PredictionMetrics:
    """What is counted and measured of the requests to models."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "consumer_prediction_seconds",
            "Seconds from request to answer, of requests that were answered",
            ["model"],
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.outcomes = Counter(
            "consumer_predictions_total", "Requests by outcome", ["model", "outcome"], registry=registry
        )


class ConsumerMetrics:
    """What the consumer counts and measures, exported by one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ledger = Ledger(
            registry,
            LedgerMetrics(
                frames_in="consumer_frames_in_total",
                frames_out="consumer_frames_out_total",
                frames_dropped="consumer_frames_dropped_total",
                frames_lost_upstream="consumer_frames_lost_upstream_total",
                frame_age=Histogram(
                    "consumer_frame_age_seconds",
                    "Seconds between the capture of a frame and its handover to the bus",
                    ["camera"],
                    buckets=AGE_BUCKETS_S,
                    registry=registry,
                ),
            ),
        )
        self.reader = ReaderMetrics(
            clock_suspect=Gauge(
                "consumer_clock_suspect",
                "1: the clocks of producer, broker and consumer disagree",
                ["camera"],
                registry=registry,
            ),
            lag=Gauge("consumer_broker_lag_frames", "Unread records", ["partition"], registry=registry),
            renumbered=Counter(
                "consumer_frames_renumbered_total",
                "Times that a camera's frame numbers began again without a new run",
                ["camera"],
                registry=registry,
            ),
        )
        self.broker_silent = Gauge(
            "consumer_broker_silent_seconds",
            "Seconds since the brokers last acknowledged a record of this service, or since its start",
            registry=registry,
        )
        self.predictions = PredictionMetrics(registry)
