"""What every service tells the others about itself: one record a second on `videostatus` (docs/architecture.md)."""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from shared.bus import Reader, Record, Writer
from shared.clock import now_us
from shared.errors import BusError
from shared.states import CameraState, ModelState

log = logging.getLogger(__name__)

EVERY_S = 1.0
SILENT_AFTER_S = 5.0
MEMORY_S = 60.0  # how far back a newcomer reads
TAIL = 2000  # records: a minute of thirty services on one partition


def instance_name() -> str:
    """Return what tells this process from its replicas: the pod's name, with the process id where that is not 1."""
    host, pid = socket.gethostname(), os.getpid()
    return host if pid == 1 else f"{host}-{pid}"


@dataclass(frozen=True, slots=True)
class CameraReport:
    """State of a camera, since when (microseconds since the epoch), and why."""

    state: CameraState
    since: int
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form on the bus."""
        return {"state": self.state, "since": self.since, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class ModelReport:
    """State of a model, since when (microseconds since the epoch), the version that answers, and why it is down."""

    state: ModelState
    since: int
    version: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form on the bus."""
        return {"state": self.state, "since": self.since, "version": self.version, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Report:
    """What a service says of itself, apart from who and when."""

    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: dict[str, dict[str, Any]] = field(default_factory=dict)


class StatusWriter:
    """Writes the report of a service once a second, on every change, and a last time at the end.

    That it is acknowledged, or not, is also how a service knows whether its broker answers.
    """

    def __init__(self, writer: Writer, topic: str, *, service: str, report: Callable[[], Report]) -> None:
        self._writer, self._topic, self._service, self._report = writer, topic, service, report
        self._instance = instance_name()
        self._started = time.monotonic()
        self._changed = threading.Event()

    def export(self, registry: CollectorRegistry) -> None:
        """Export the gauge `<service>_broker_silent_seconds`."""
        silent = Gauge(
            f"{self._service}_broker_silent_seconds",
            "Since the brokers last acknowledged a record of ours, or since the start",
            registry=registry,
        )
        silent.set_function(self.broker_silent_s)

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Write until `stop`."""
        while not stop.is_set():
            beat()
            self._write(ending=False)
            self._changed.wait(EVERY_S)
            self._changed.clear()

    def changed(self) -> None:
        """Write at once: a state has changed, or the end has come."""
        self._changed.set()

    def last_word(self) -> None:
        """Write that the service is ending; to be called when the fate of its last frames is in the books."""
        self._write(ending=True)

    def broker_answered(self) -> bool:
        """Tell whether the broker has ever acknowledged a record."""
        return self._writer.answered_at is not None

    def broker_silent_s(self) -> float:
        """Return the seconds since the last acknowledgement, or since the start."""
        return time.monotonic() - (self._writer.answered_at or self._started)

    def broker(self) -> str:
        """Return the line of /readyz: `ok`, or for how long the broker has not answered."""
        silent_s = self.broker_silent_s()
        return "ok" if self.broker_answered() and silent_s < SILENT_AFTER_S else f"no answer for {silent_s:.0f} s"

    def _write(self, *, ending: bool) -> None:
        report = self._report()
        document = {
            "service": self._service,
            "instance": self._instance,
            "at": now_us(),
            "ending": ending,
            "cameras": report.cameras,
            "models": report.models,
            "ledger": report.ledger,
        }
        try:
            self._writer.send(
                self._topic,
                key=f"{self._service}/{self._instance}",
                value=json.dumps(document).encode(),
                headers=[("content-type", b"application/json")],
                on_delivery=lambda _: None,
            )
        except BusError as exc:
            log.debug("status not written", extra={"error": str(exc)})


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest report of one instance, and the monotonic time in seconds when it was heard."""

    service: str
    instance: str
    heard_at: float
    at: int
    ending: bool
    report: Report

    def silent_s(self, now: float) -> float:
        """Return the seconds since it was heard."""
        return now - self.heard_at


def read_entry(record: Record, *, heard_at: float) -> Entry | None:
    """Return the entry in a record of `videostatus` heard at a monotonic time in seconds; None: it is none."""
    try:
        document = json.loads(record.value or b"")
        report = Report(*(_parts(document[name]) for name in ("cameras", "models", "ledger")))
        return Entry(
            service=str(document["service"]),
            instance=str(document["instance"]),
            heard_at=heard_at,
            at=int(document["at"]),
            ending=bool(document["ending"]),
            report=report,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        log.debug("not a status", extra={"error": repr(exc)})
        return None


def _parts(value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: dict(said) for name, said in value.items()}


class StatusBoard:
    """The newest entry of every instance; written by one thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}

    def read(self, reader: Reader, timeout_s: float) -> bool:
        """Take in what has arrived; tell whether anything did."""
        records = reader.read(timeout_s)
        now, wall_s = time.monotonic(), now_us() / 1e6
        for record in records:
            # Clocks are compared only for what lay there before us; what comes while we listen was said just now.
            lay_s = max(0.0, wall_s - (record.timestamp_ms or 0) / 1e3) if reader.predates_start(record) else 0.0
            entry = read_entry(record, heard_at=now - lay_s)
            if entry is not None and entry.silent_s(now) < MEMORY_S:
                with self._lock:
                    self._entries[f"{entry.service}/{entry.instance}"] = entry
        return bool(records)

    def entries(self) -> list[Entry]:
        """Return the newest entry of every instance heard of in the last minute."""
        now = time.monotonic()
        with self._lock:
            self._entries = {key: e for key, e in self._entries.items() if e.silent_s(now) < MEMORY_S}
            return list(self._entries.values())
