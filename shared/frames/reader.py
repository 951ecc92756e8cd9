"""The way into a stage: the newest frame of each camera among the records that have arrived; the rest is counted."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from prometheus_client import Counter, Gauge

from shared import clock
from shared.bus import Reader, Record
from shared.crashes import Faults
from shared.errors import BadRecord
from shared.expiring import ExpiringNames
from shared.frames.frame import EncodeRaw, Frame, camera_of, has_headers, read_bare_frame, read_frame
from shared.frames.gaps import Gap, Gaps
from shared.frames.ledger import FORGOTTEN_AFTER_S, MAX_CAMERAS, OTHER, Ledger, Reason
from shared.frames.runs import Runs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """A frame from the bus, and whether its age is unknown because the clocks disagree."""

    frame: Frame
    clock_suspect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderMetrics:
    """The metrics that a frame reader fills.

    Attributes:
        clock_suspect: label `camera`; 1 if the ages of its frames are unknown because clocks disagree.
        lag: label `partition`; unread records.
        renumbered: label `camera`; times that its numbers began again without a new run (shared/frames/gaps.py).
    """

    clock_suspect: Gauge
    lag: Gauge
    renumbered: Counter


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
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Join a reader to a ledger.

        Args:
            reader: of the topic.
            ledger: of this stage.
            metrics: to set.
            encode: makes a JPEG of the raw pixels in a record of the original.
            max_lag_s: seek to the end of a partition that is further behind than what arrives in this time.
            run: start of this service, microseconds since the epoch; the `run` of frames without headers.
            now_s: returns monotonic seconds.
        """
        self._reader, self._ledger, self._encode = reader, ledger, encode
        self._max_lag_s, self._run = max_lag_s, run
        self._gaps, self._runs, self._now_s = Gaps(), Runs(), now_s
        self._numbers: dict[str, int] = {}  # of the last frame without headers, by camera
        self._cameras = ExpiringNames(MAX_CAMERAS, after_s=FORGOTTEN_AFTER_S, forget=self._forget, now_s=now_s)
        self._metrics = metrics
        self._faults = Faults(log)
        self._shown_lag: dict[int, int] = {}
        reader.on_assigned(self._gaps.assigned)
        reader.commit_metadata(self._gaps.note)

    def read(self, timeout_s: float) -> list[ReceivedFrame]:
        """Return the newest frame of each camera among the records that arrive in that time."""
        records = self._reader.read(timeout_s)
        bare = self._newest_bare(records)
        newest: dict[str, ReceivedFrame] = {}
        for index, record in enumerate(records):
            if record.left_out:
                self._gaps.left_out(record.partition, record.left_out)
            received = self._received_bare(record, bare.get(index)) if index in bare else self._received(record)
            if received is None:
                continue
            camera = received.frame.camera
            if newest.pop(camera, None) is not None:
                self._ledger.dropped(camera, Reason.SUPERSEDED)
            newest[camera] = received
        self._reader.seek_to_latest(self._max_lag_s)
        self._show_lag(self._reader.lag())
        return list(newest.values())

    def _newest_bare(self, records: list[Record]) -> dict[int, Frame | None]:
        """Return the newest frame of each camera among the records without headers, by its place in the list.

        The other records without headers are accounted for here, and None: reading one takes 20 ms if it holds raw
        pixels.
        """
        frames: dict[int, Frame | None] = {}
        found: set[str] = set()
        for index in range(len(records) - 1, -1, -1):
            record = records[index]
            if has_headers(record.headers):
                continue
            camera = camera_of(record.key, {})
            frames[index] = None
            if camera in found:
                self._ledger.dropped(camera, Reason.SUPERSEDED)
                continue
            frame = self._read(camera, partial(self._bare_frame, record, camera))
            if frame is not None and self._admitted(camera):
                self._numbers[camera] = frame.seq
                frames[index] = frame
                found.add(camera)
        return frames

    def _received_bare(self, record: Record, frame: Frame | None) -> ReceivedFrame | None:
        if frame is None:
            return None
        return self._accounted(record, frame, self._gaps.before_unnumbered(record.partition))

    def _received(self, record: Record) -> ReceivedFrame | None:
        frame = self._read(
            camera_of(record.key, record.headers), partial(read_frame, record.key, record.value, record.headers)
        )
        if frame is None or not self._admitted(frame.camera):
            return None
        gap = self._gaps.before(frame, record.partition)
        if gap is None:
            return None
        received = self._accounted(record, frame, gap)
        if self._runs.is_replaced(frame.camera, frame.run, self._now_s()):
            self._ledger.dropped(frame.camera, Reason.REPLACED)
            return None
        return received

    def _accounted(self, record: Record, frame: Frame, gap: Gap) -> ReceivedFrame:
        """Enter what is missing before a frame, and compare the clocks."""
        self._ledger.dropped(frame.camera, Reason.SKIPPED, gap.skipped)
        self._ledger.lost_upstream(frame.camera, gap.lost)
        self._metrics.renumbered.labels(frame.camera).inc(gap.renumbered)
        recorded_at = None if record.timestamp_ms is None else record.timestamp_ms * 1000
        suspect = clock.is_suspect(frame.captured_at, recorded_at, clock.now_us())
        self._metrics.clock_suspect.labels(frame.camera).set(suspect)
        return ReceivedFrame(frame, suspect)

    def _read(self, camera: str, read: Callable[[], Frame]) -> Frame | None:
        """Return the frame that `read` returns; count the record as undecodable if it raises."""
        try:
            return read()
        except BadRecord as exc:
            log.debug("not a frame", extra={"camera": camera, "error": str(exc)})
        except Exception:  # an error in this code: one bad record is no reason to end a loop
            self._faults.log("a record could not be read", camera=camera)
        self._ledger.dropped(camera, Reason.UNDECODABLE)
        return None

    def _bare_frame(self, record: Record, camera: str) -> Frame:
        return read_bare_frame(
            record.key,
            record.value,
            run=self._run,
            seq=self._numbers.get(camera, 0) + 1,
            captured_at=clock.now_us() if record.timestamp_ms is None else record.timestamp_ms * 1000,
            encode=self._encode,
        )

    def _admitted(self, camera: str) -> bool:
        if self._cameras.admit(camera):
            return True
        self._ledger.dropped(OTHER, Reason.TOO_MANY_CAMERAS)
        return False

    def _forget(self, camera: str) -> None:
        self._gaps.forget(camera)
        self._runs.forget(camera)
        self._numbers.pop(camera, None)
        for metric in (self._metrics.clock_suspect, self._metrics.renumbered):
            with suppress(KeyError):
                metric.remove(camera)

    def _show_lag(self, lag: Mapping[int, int]) -> None:
        for partition, records in lag.items() - self._shown_lag.items():  # most partitions have no news
            self._metrics.lag.labels(str(partition)).set(records)
        for partition in self._shown_lag.keys() - lag.keys():
            self._metrics.lag.remove(str(partition))  # now assigned to another reader
        self._shown_lag = dict(lag)
