"""The rows of `bench.bench_broker`: each changes one setting of the broker, its JVM, its clients, topics or load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.kafka.program import JVM

QUICK = ("-XX:TieredStopAtLevel=1",)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting that differs from the base.

    Attributes:
        name: in the table.
        java: options of the JVM in place of those of local/kafka.
        overrides: properties of the broker over kafka/server.properties.
        partitions: of every topic; None: as kafka/topics.toml declares them.
        load: attributes of the load's shape.
        commit_every_s: how often a group's reader commits; None: as it does.
    """

    name: str
    java: tuple[str, ...] = JVM
    overrides: Mapping[str, str] = field(default_factory=dict)
    partitions: int | None = None
    load: Mapping[str, Any] = field(default_factory=dict)
    commit_every_s: float | None = None

    @property
    def needs_broker(self) -> bool:
        """Whether it needs a broker of its own: one that was started with the setting."""
        return self.java != JVM or bool(self.overrides)


def _client(name: str, **properties: str | int) -> Row:
    """Return a row whose clients have other properties; `_` in a name stands for a dot."""
    return Row(name, load={"properties": {key.replace("_", "."): value for key, value in properties.items()}})


ROWS = (
    # The first says how far two equal brokers differ: what is within that means nothing.
    Row("the same again"),
    # --- JVM
    Row("JVM: both compilers (Java's and Kafka's default)", java=("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")),
    Row("JVM: SerialGC", java=("-XX:+UseSerialGC", *QUICK)),
    Row("JVM: ParallelGC", java=("-XX:+UseParallelGC", *QUICK)),
    Row("JVM: heap of 1 GB", java=(*JVM, "-Xmx1g")),
    # --- Broker
    Row("num.network.threads=1 (default 3)", overrides={"num.network.threads": "1"}),
    Row("num.io.threads=2 (default 8)", overrides={"num.io.threads": "2"}),
    Row(
        "socket buffers of 1 MB (default 100 KB)",
        overrides={"socket.send.buffer.bytes": "1048576", "socket.receive.buffer.bytes": "1048576"},
    ),
    Row(
        "replica.high.watermark.checkpoint.interval.ms=60000",
        overrides={"replica.high.watermark.checkpoint.interval.ms": "60000"},
    ),
    Row("log.flush.interval.messages=1", overrides={"log.flush.interval.messages": "1"}),
    Row("log.segment.bytes=16 MB", overrides={"log.segment.bytes": "16777216"}),
    Row("metric.reporters= (no JMX)", overrides={"metric.reporters": ""}),
    Row(
        "log.retention.check.interval.ms=300000 (Kafka's default)",
        overrides={"log.retention.check.interval.ms": "300000"},
    ),
    # --- Topics
    Row("1 partition a topic", partitions=1),
    Row("4 partitions a topic", partitions=4),
    Row("24 partitions a topic", partitions=24),
    # --- Clients
    _client("fetch.wait.max.ms=5", fetch_wait_max_ms=5),
    _client("fetch.wait.max.ms=100", fetch_wait_max_ms=100),
    _client("fetch.min.bytes=100000", fetch_min_bytes=100_000),
    _client("topic.metadata.refresh.interval.ms=10000", topic_metadata_refresh_interval_ms=10_000),
    _client("linger.ms=5", linger_ms=5),
    _client("acks=0", acks=0),
    _client("acks=all", acks=-1),
    Row("compression.type=lz4", load={"compression": "lz4"}),
    Row("compression.type=gzip", load={"compression": "gzip"}),
    Row("a commit a frame", commit_every_s=0.0),
    Row("a commit every 5 s", commit_every_s=5.0),
    # --- What each topic costs
    Row("without statuses", load={"statuses": 0}),
    Row("without predictions", load={"predictions": 0, "events": False}),
    Row("predictions that nobody reads", load={"events": False}),
    Row("frames of 1 KB", load={"frame_bytes": 1000}),
    Row("idle: no frames, no predictions", load={"rate": 0.0, "predictions": 0}),
    # --- More load
    Row("4 cameras", load={"cameras": 4}),
)
