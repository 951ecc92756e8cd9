"""The metrics of the consumer, each under its full name."""

from contextlib import suppress
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.document import document_valid_gauge
from shared.frames.ledger import AGE_BUCKETS_S, Ledger, LedgerMetrics
from shared.frames.reader import ReaderMetrics

LATENCY_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


class Outcome(StrEnum):
    """What became of a frame about which a model was to be asked: the label `outcome`."""

    OK = "ok"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # an HTTP error
    NONSENSE = "nonsense"  # not what the model's signature promises
    CONTRADICTION = "contradiction"  # the models document and the server's metadata do not fit each other
    LABELS = "labels"  # the labels cannot be read
    UNREADABLE = "unreadable"  # the picture cannot be decoded
    NOTHING = "nothing"  # there was nothing to ask, such as no face


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
            "consumer_predictions_total",
            "Frames about which a model was to be asked, by outcome",
            ["model", "outcome"],
            registry=registry,
        )
        self.batch_size = Histogram(
            "consumer_batch_size",
            "Frames of answered requests",
            ["model"],
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.agreement = Counter(
            "consumer_model_agreement_total",
            "Answers of a shadow model, by whether they agree with those of another model about the same frame",
            ["model", "reference", "camera", "agrees"],
            registry=registry,
        )

    def forget(self, model: str) -> None:
        """Remove what was counted of a model that is no longer configured."""
        for metric in (self.seconds, self.batch_size):
            with suppress(KeyError):
                metric.remove(model)
        for outcome in Outcome:
            with suppress(KeyError):
                self.outcomes.remove(model, outcome)


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
        self.document_valid = document_valid_gauge("consumer", registry)
