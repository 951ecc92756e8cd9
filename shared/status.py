"""The status of every service: each writes a record a second to `videostatus`, and `video` reads them.

What the records hold is in shared/reports.py.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from shared.bus import Reader, Record, Writer
from shared.clock import Instant, now_us
from shared.crashes import Faults
from shared.errors import BadRecord, BusError
from shared.report_reader import read_entry
from shared.reports import Entry, Json, Report, ServiceName

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
APART_S = 0.1  # however often something changes: a thousand cameras that start are a record of 200 KB each time
LARGEST_BYTES = 900_000  # of a record; brokers take 1 MB (kafka/topics.toml)
SILENT_AFTER_S = 5.0
REFUSED_AFTER_S = 2.0  # two reports without an acknowledgement: then a refusal explains the silence
REMEMBERED_S = 60.0  # a service that has been silent longer is forgotten; also how far back a new reader looks
REPLAY_RECORDS = 2000  # a minute of thirty services on one partition
MAX_INSTANCES = 200


def instance_name() -> str:
    """Return what distinguishes this process from its replicas: the host's name, with the process id if that is not 1.

    In Kubernetes the host's name is the pod's.
    """
    host, pid = socket.gethostname(), os.getpid()
    return host if pid == 1 else f"{host}-{pid}"


class StatusWriter:
    """Writes the report of a service once a second, on every change, and a last time at the end.

    Its acknowledgements also show whether the brokers answer.
    """

    def __init__(
        self, writer: Writer, topic: str, *, service: ServiceName, report: Callable[[], Report], silent: Gauge
    ) -> None:
        """Prepare; `run` is the loop.

        Args:
            writer: of the topic; not used for frames.
            topic: name of the topic.
            service: which service writes.
            report: returns the current report.
            silent: gauge that is set to `broker_silent_s` whenever it is read.
        """
        self._writer, self._topic, self._service, self._report = writer, topic, service, report
        self._instance = instance_name()
        self._started = time.monotonic()
        self._changed = threading.Event()
        self._was_long = False  # reported once
        silent.set_function(self.broker_silent_s)

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Write until `stop`."""
        while not stop.is_set():
            beat()
            self._changed.clear()  # before the report is made: what changes later is in the next one
            self._write(ending=False)
            stop.wait(APART_S)
            self._changed.wait(INTERVAL_S - APART_S)

    def changed(self) -> None:
        """Request a report now, or APART_S after the last one."""
        self._changed.set()

    def write_final(self) -> None:
        """Write the last report; call when the ledger holds what became of the last frames."""
        self._write(ending=True)

    def broker_answered(self) -> bool:
        """Return whether the brokers have ever acknowledged a record."""
        return self._writer.answered_at is not None

    def broker_silent_s(self) -> float:
        """Return the seconds since the last acknowledgement, or since the start."""
        return time.monotonic() - (self._writer.answered_at or self._started)

    def broker(self) -> str:
        """Return the brokers' entry in /readyz: `ok`, why they refuse this client, or for how long they are silent."""
        silent_s = self.broker_silent_s()
        if silent_s >= REFUSED_AFTER_S and self._writer.refusal is not None:
            return self._writer.refusal
        return "ok" if self.broker_answered() and silent_s < SILENT_AFTER_S else f"no answer for {silent_s:.0f} s"

    def _write(self, *, ending: bool) -> None:
        head = {"service": self._service, "instance": self._instance, "at": now_us(), "ending": ending}
        report = self._report()
        value = encode_status(head, report)
        if len(value) > LARGEST_BYTES:
            if not self._was_long:
                log.warning("the status is too long: without titles, tags and reasons", extra={"bytes": len(value)})
            self._was_long = True
            value = encode_status(head, report.terse())
        try:
            self._writer.send(
                self._topic,
                key=f"{self._service}/{self._instance}",
                value=value,
                headers=[("content-type", b"application/json")],
                on_delivery=lambda _: None,
            )
        except BusError as exc:
            log.debug("status not written", extra={"error": str(exc)})


def encode_status(head: Json, report: Report) -> bytes:
    """Return the value of a record of `videostatus`.

    Args:
        head: service, instance, at and ending.
        report: of the service.
    """
    return json.dumps(head | report.as_json(), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


class StatusBoard:
    """The newest entry of every instance; written by one thread, read by any.

    At most MAX_INSTANCES are kept. A further one takes the place of the one that has been silent for longest, if that
    is more than SILENT_AFTER_S or it was ending; otherwise it is ignored.
    """

    def __init__(self, ignored: Counter) -> None:
        """Start empty.

        Args:
            ignored: counts records, and entries in them, that make no sense or for which there is no room.
        """
        self._ignored, self._faults = ignored, Faults(log)
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], Entry] = {}

    def read(self, reader: Reader, timeout_s: float) -> bool:
        """Take in the records that have arrived; return whether there were any."""
        records = reader.read(timeout_s)
        now = Instant.now()
        for record in records:
            # Clocks are compared only for records that are older than this reader: what arrives later was written now.
            age_s = max(0.0, now.wall_us / 1e6 - (record.timestamp_ms or 0) / 1e3)
            heard_at = now.monotonic_s - (age_s if reader.predates_start(record) else 0.0)
            self._take(record, heard_at=heard_at, now=now.monotonic_s)
        return bool(records)

    def entries(self) -> list[Entry]:
        """Return the newest entry of every instance that wrote within REMEMBERED_S."""
        now = time.monotonic()
        with self._lock:
            self._entries = {key: e for key, e in self._entries.items() if e.silent_s(now) < REMEMBERED_S}
            return list(self._entries.values())

    def _take(self, record: Record, *, heard_at: float, now: float) -> None:
        try:
            entry = read_entry(record.value, heard_at=heard_at)
        except BadRecord as exc:
            log.debug("not a status", extra={"error": str(exc)})
            self._ignored.inc()
            return
        except Exception:  # an error in this code: one bad record is no reason to end a loop
            self._faults.log("a status could not be read")
            self._ignored.inc()
            return
        self._ignored.inc(entry.ignored)
        if entry.silent_s(now) >= REMEMBERED_S:
            return
        key = (entry.service, entry.instance)
        with self._lock:
            if key not in self._entries and len(self._entries) >= MAX_INSTANCES and not self._make_room(now):
                self._ignored.inc()
                return
            self._entries[key] = entry

    def _make_room(self, now: float) -> bool:
        """Forget the entry that matters least; return whether there was one to forget."""
        key, entry = min(self._entries.items(), key=lambda item: (not item[1].ending, item[1].heard_at))
        if not entry.ending and entry.silent_s(now) <= SILENT_AFTER_S:
            return False
        del self._entries[key]
        return True
