"""The way into a stage: of all that has arrived, the newest frame of each camera; the rest is counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from shared import clock
from shared.broker import Reader, Record
from shared.errors import BadRecord
from shared.frame import EncodeRaw, Frame, camera_of, has_headers, read_frame, read_original_frame
from shared.gaps import Gaps
from shared.ledger import Ledger

UNDECODABLE = "undecodable"
SUPERSEDED = "superseded"  # a newer frame of the camera had arrived as well
SKIPPED = "skipped"  # left out by our own seek to the end


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame that came, and whether its age can be told."""

    frame: Frame
    clock_suspect: bool


class Inlet:
    """Reads frames from one topic, newest first; made for one thread.

    Exports the gauges `<service>_clock_suspect{camera}` and `<service>_broker_lag_frames{partition}`.
    """

    def __init__(
        self,
        reader: Reader,
        ledger: Ledger,
        *,
        service: str,
        registry: CollectorRegistry,
        encode: EncodeRaw,
        max_lag_s: float,
        run: int,
    ) -> None:
        """Join a reader to a ledger.

        Args:
            reader: of the topic.
            ledger: of this stage.
            service: prefix of the metrics.
            registry: of the metrics.
            encode: makes a JPEG of the raw pixels in a record of the original.
            max_lag_s: further behind than what arrives in this time: go to the end.
            run: start of this service, microseconds since the epoch; the `run` of the original's records.
        """
        self._reader, self._ledger, self._encode = reader, ledger, encode
        self._max_lag_s, self._run = max_lag_s, run
        self._gaps = Gaps()
        self._originals: dict[str, int] = {}
        self._suspect = Gauge(
            f"{service}_clock_suspect",
            "1: captured-at and the broker's time disagree",
            ["camera"],
            registry=registry,
        )
        self._lag = Gauge(f"{service}_broker_lag_frames", "Unread records", ["partition"], registry=registry)
        self._lagging: frozenset[int] = frozenset()
        reader.on_assigned(self._gaps.assigned)

    def read(self, timeout_s: float) -> list[Arrival]:
        """Return the newest frame of each camera among what has arrived; empty if nothing came in that time."""
        records = self._reader.read(timeout_s)
        for partition, left_out in self._reader.seek_to_latest(self._max_lag_s).items():
            self._gaps.sought(partition, left_out)
        self._show_lag(self._reader.lag())
        newest: dict[str, Arrival] = {}
        for record in self._without_stale_originals(records):
            arrival = self._arrival(record)
            if arrival is None:
                continue
            camera = arrival.frame.camera
            if newest.pop(camera, None) is not None:
                self._ledger.dropped(camera, SUPERSEDED)
            newest[camera] = arrival
        return list(newest.values())

    def _without_stale_originals(self, records: list[Record]) -> list[Record]:
        """Leave out the original's records that a newer one of the same key follows: reading each costs 20 ms."""
        last: dict[bytes | None, int] = {}
        for index, record in enumerate(records):
            if not has_headers(record.headers):
                last[record.key] = index
        if len(last) == sum(not has_headers(record.headers) for record in records):
            return records
        kept = []
        for index, record in enumerate(records):
            if has_headers(record.headers) or last[record.key] == index:
                kept.append(record)
            else:
                self._ledger.dropped(camera_of(record.key, {}), SUPERSEDED)
        return kept

    def _arrival(self, record: Record) -> Arrival | None:
        try:
            frame = self._frame(record)
        except BadRecord:
            self._ledger.dropped(camera_of(record.key, record.headers), UNDECODABLE)
            return None
        gap = self._gaps.before(frame, record.partition)
        self._ledger.dropped(frame.camera, SKIPPED, gap.skipped)
        self._ledger.lost_upstream(frame.camera, gap.lost)
        recorded_at = None if record.timestamp_ms is None else record.timestamp_ms * 1000
        suspect = clock.is_suspect(frame.captured_at, recorded_at, clock.now_us())
        self._suspect.labels(frame.camera).set(suspect)
        return Arrival(frame, suspect)

    def _frame(self, record: Record) -> Frame:
        if has_headers(record.headers):
            return read_frame(record.key, record.value, record.headers)
        camera = camera_of(record.key, {})
        frame = read_original_frame(
            record.key,
            record.value,
            run=self._run,
            seq=self._originals.get(camera, 0) + 1,
            captured_at=clock.now_us() if record.timestamp_ms is None else record.timestamp_ms * 1000,
            encode=self._encode,
        )
        self._originals[camera] = frame.seq
        return frame

    def _show_lag(self, lag: Mapping[int, int]) -> None:
        for partition, records in lag.items():
            self._lag.labels(str(partition)).set(records)
        for partition in self._lagging - lag.keys():
            self._lag.remove(str(partition))  # it is another reader's now
        self._lagging = frozenset(lag)
