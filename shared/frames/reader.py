"""The way into a stage: the newest frame of each camera among the records that have arrived; the rest is counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import Gauge

from shared import clock
from shared.bus import Reader, Record
from shared.errors import BadRecord
from shared.frames.frame import EncodeRaw, Frame, camera_of, has_headers, read_frame, read_original_frame
from shared.frames.gaps import Gap, Gaps
from shared.frames.ledger import MAX_CAMERAS, OTHER, Ledger, Reason


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """A frame from the bus, and whether its age is unknown because the clocks disagree."""

    frame: Frame
    clock_suspect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderMetrics:
    """The gauges that a frame reader sets.

    Attributes:
        clock_suspect: label `camera`; 1 if the ages of its frames are unknown because clocks disagree.
        lag: label `partition`; unread records.
    """

    clock_suspect: Gauge
    lag: Gauge


class FrameReader:
    """Reads frames from one topic, newest first. Not thread-safe: use from one thread."""

    def __init__(
        self,
        reader: Reader,
        ledger: Ledger,
        *,
        metrics: ReaderMetrics,
        encode: EncodeRaw,
        max_lag_s: float,
        run: int,
    ) -> None:
        """Join a reader to a ledger.

        Args:
            reader: of the topic.
            ledger: of this stage.
            metrics: to set.
            encode: makes a JPEG of the raw pixels in a record of the original.
            max_lag_s: seek to the end of a partition that is further behind than what arrives in this time.
            run: start of this service, microseconds since the epoch; the `run` of the original's records.
        """
        self._reader, self._ledger, self._encode = reader, ledger, encode
        self._max_lag_s, self._run = max_lag_s, run
        self._gaps = Gaps()
        self._originals: dict[str, int] = {}
        self._cameras: set[str] = set()
        self._metrics = metrics
        self._lagging: frozenset[int] = frozenset()
        reader.on_assigned(self._gaps.assigned)
        reader.commit_metadata(self._gaps.note)

    def read(self, timeout_s: float) -> list[ReceivedFrame]:
        """Return the newest frame of each camera among the records that arrive in that time."""
        records = self._reader.read(timeout_s)
        originals = self._newest_originals(records)
        newest: dict[str, ReceivedFrame] = {}
        for index, record in enumerate(records):
            if record.left_out:
                self._gaps.left_out(record.partition, record.left_out)
            arrival = self._arrival(record, originals.get(index))
            if arrival is None:
                continue
            camera = arrival.frame.camera
            if newest.pop(camera, None) is not None:
                self._ledger.dropped(camera, Reason.SUPERSEDED)
            newest[camera] = arrival
        self._reader.seek_to_latest(self._max_lag_s)
        self._show_lag(self._reader.lag())
        return list(newest.values())

    def _newest_originals(self, records: list[Record]) -> dict[int, Frame]:
        """Return the newest frame of each camera among the original's records, by its place in the list.

        All others end here: reading one costs 20 ms.
        """
        frames: dict[int, Frame] = {}
        found: set[str] = set()
        for index in range(len(records) - 1, -1, -1):
            record = records[index]
            if has_headers(record.headers):
                continue
            camera = camera_of(record.key, {})
            if camera in found:
                self._ledger.dropped(camera, Reason.SUPERSEDED)
                continue
            try:
                frame = self._original(record, camera)
            except BadRecord:
                self._ledger.dropped(camera, Reason.UNDECODABLE)
                continue
            if self._taken(camera):
                self._originals[camera] = frame.seq
                frames[index] = frame
                found.add(camera)
        return frames

    def _arrival(self, record: Record, original: Frame | None) -> ReceivedFrame | None:
        gap: Gap | None
        if original is not None:
            frame, gap = original, self._gaps.before_unnumbered(record.partition)
        elif has_headers(record.headers):
            try:
                frame = read_frame(record.key, record.value, record.headers)
            except BadRecord:
                self._ledger.dropped(camera_of(record.key, record.headers), Reason.UNDECODABLE)
                return None
            if not self._taken(frame.camera):
                return None
            gap = self._gaps.before(frame, record.partition)
            if gap is None:
                return None
        else:
            return None
        self._ledger.dropped(frame.camera, Reason.SKIPPED, gap.skipped)
        self._ledger.lost_upstream(frame.camera, gap.lost)
        recorded_at = None if record.timestamp_ms is None else record.timestamp_ms * 1000
        suspect = clock.is_suspect(frame.captured_at, recorded_at, clock.now_us())
        self._metrics.clock_suspect.labels(frame.camera).set(suspect)
        return ReceivedFrame(frame, suspect)

    def _original(self, record: Record, camera: str) -> Frame:
        return read_original_frame(
            record.key,
            record.value,
            run=self._run,
            seq=self._originals.get(camera, 0) + 1,
            captured_at=clock.now_us() if record.timestamp_ms is None else record.timestamp_ms * 1000,
            encode=self._encode,
        )

    def _taken(self, camera: str) -> bool:
        if camera not in self._cameras and len(self._cameras) >= MAX_CAMERAS:
            self._ledger.dropped(OTHER, Reason.TOO_MANY_CAMERAS)
            return False
        self._cameras.add(camera)
        return True

    def _show_lag(self, lag: Mapping[int, int]) -> None:
        for partition, records in lag.items():
            self._metrics.lag.labels(str(partition)).set(records)
        for partition in self._lagging - lag.keys():
            self._metrics.lag.remove(str(partition))  # now assigned to another reader
        self._lagging = frozenset(lag)
