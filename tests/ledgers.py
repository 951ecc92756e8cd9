"""Ledgers with the metrics of a service, as its metrics.py names them."""

from prometheus_client import CollectorRegistry, Histogram

from shared.frames.ledger import AGE_BUCKETS_S, Ledger, LedgerMetrics


def ledger_of(service: str, registry: CollectorRegistry | None = None) -> Ledger:
    registry = registry or CollectorRegistry()
    age = Histogram(f"{service}_frame_age_seconds", "age", ["camera"], buckets=AGE_BUCKETS_S, registry=registry)
    metrics = LedgerMetrics(
        frames_in=f"{service}_frames_in_total",
        frames_out=f"{service}_frames_out_total",
        frames_dropped=f"{service}_frames_dropped_total",
        frames_lost_upstream=f"{service}_frames_lost_upstream_total",
        frame_age=age,
    )
    return Ledger(registry, metrics)
