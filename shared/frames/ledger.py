"""The ledger of a stage: in = out + Σ dropped{reason}, for every camera, at every moment.

A frame is entered in one step, when it is known what became of it. So the books balance whenever they are read, and no
reason is ever computed as a remainder. Frames lost before they reached the stage are counted apart; they were never
`in`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.expiring import ExpiringNames
from shared.reports import Json, LedgerReport

# Seconds: fine in the range of live video (tens of milliseconds), coarse beyond it.
AGE_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
MAX_CAMERAS = 1000
FORGOTTEN_AFTER_S = 600.0  # a camera without a frame for that long may be replaced by another one
OTHER = "other"  # the camera under which ids beyond MAX_CAMERAS are counted: anyone may write any id to the bus


class Reason(StrEnum):
    """Why a frame ended in a stage: the label `reason` of `<service>_frames_dropped_total`.

    A stale frame ends as SUPERSEDED if a newer one of its camera is there, or as SKIPPED if its reader seeks to the
    end (shared/frames/reader.py). The README's table of reasons is written from the members (local/readme.py).

    Attributes:
        meaning: completes the sentence "the frame …", in Markdown.
    """

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        """Make a member of a word and its meaning."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member

    THINNED = "thinned", "arrived faster than `FRAMEINTERVAL`"
    SUPERSEDED = "superseded", "was overtaken by a newer frame of its camera"
    SKIPPED = "skipped", "was left out by a seek to the end of the partition, or before this reader took it over"
    REPLACED = "replaced", "was captured by a producer that another one has replaced at this camera"
    MODEL_BUSY = "model_busy", "waited for the model (`sync`) and was replaced by a newer frame"
    BROKER_UNAVAILABLE = "broker_unavailable", "found the broker silent"
    BROKER_REFUSED = "broker_refused", "was refused by the broker"
    TOO_LARGE = "too_large", "is larger than the broker accepts"
    UNDECODABLE = "undecodable", "is not a picture, or costs more to decode than the limits allow"
    UNMASKED = "unmasked", "could not be covered by its camera's privacy masks, and therefore did not leave the capture"
    TOO_MANY_CAMERAS = "too_many_cameras", "belongs to a camera beyond the thousandth"
    ALREADY_IMPRINTED = "already_imprinted", "had been drawn on before"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMetrics:
    """The metrics that a ledger fills, all with the label `camera`.

    The counters are given by their full names because a ledger exports them itself, read under one lock.

    Attributes:
        frames_in: name of the counter of frames received and accounted for.
        frames_out: name of the counter of frames that left the stage.
        frames_dropped: name of the counter of frames that ended in the stage; further label `reason`.
        frames_lost_upstream: name of the counter of frames lost between the previous stage and this one.
        frame_age: histogram with the buckets AGE_BUCKETS_S.
    """

    frames_in: str
    frames_out: str
    frames_dropped: str
    frames_lost_upstream: str
    frame_age: Histogram


@dataclass(slots=True)
class _Account:
    """The books of one camera, in frames."""

    out: int = 0
    dropped: dict[Reason, int] = field(default_factory=dict)
    lost_upstream: int = 0

    @property
    def arrived(self) -> int:
        return self.out + sum(self.dropped.values())

    def report(self) -> LedgerReport:
        dropped: dict[str, int] = {str(reason): frames for reason, frames in self.dropped.items()}
        return LedgerReport(self.arrived, self.out, dropped, self.lost_upstream)


class Ledger(Collector):
    """Counts the frames of one stage. Thread-safe.

    At most MAX_CAMERAS cameras have an account. A further one takes the place of one without an entry for
    FORGOTTEN_AFTER_S; if there is none, its frames are entered under OTHER.
    """

    def __init__(
        self, registry: CollectorRegistry, metrics: LedgerMetrics, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with empty books.

        Args:
            registry: exports the counters.
            metrics: their names, and the histogram.
            now_s: returns monotonic seconds.
        """
        self._metrics = metrics
        self._names = ExpiringNames(MAX_CAMERAS, after_s=FORGOTTEN_AFTER_S, forget=self._close_account, now_s=now_s)
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        registry.register(self)

    def out(self, camera: str, *, age_s: float | None) -> None:
        """Enter a frame that left this stage.

        Args:
            camera: its id.
            age_s: seconds since it was captured; None if the clocks disagree, then it is not in the histogram.
        """
        with self._lock:
            name, account = self._account(camera)
            account.out += 1
        if age_s is not None:
            self._metrics.frame_age.labels(name).observe(max(age_s, 0.0))

    def dropped(self, camera: str, reason: Reason, frames: int = 1) -> None:
        """Enter frames that ended in this stage, and why."""
        if frames <= 0:
            return
        with self._lock:
            _, account = self._account(camera)
            account.dropped[reason] = account.dropped.get(reason, 0) + frames

    def lost_upstream(self, camera: str, frames: int) -> None:
        """Enter frames that were lost before they reached this stage."""
        if frames <= 0:
            return
        with self._lock:
            _, account = self._account(camera)
            account.lost_upstream += frames

    def open(self, camera: str) -> None:
        """Open an account, so that a camera shows with zeros before its first frame."""
        with self._lock:
            self._account(camera)

    def reports(self) -> dict[str, LedgerReport]:
        """Return all accounts as they travel on `videostatus`."""
        with self._lock:
            return {camera: account.report() for camera, account in self._accounts.items()}

    def as_json(self) -> dict[str, Json]:
        """Return all accounts in the form of `videostatus`."""
        return {camera: account.as_json() for camera, account in self.reports().items()}

    def collect(self) -> Iterator[Metric]:
        """Yield the counters as they are at one moment."""
        names = self._metrics
        arrived = CounterMetricFamily(names.frames_in, "Frames received and accounted for", labels=["camera"])
        out = CounterMetricFamily(names.frames_out, "Frames that left this stage", labels=["camera"])
        dropped = CounterMetricFamily(names.frames_dropped, "Frames that ended here", labels=["camera", "reason"])
        lost = CounterMetricFamily(
            names.frames_lost_upstream, "Frames lost between the previous stage and this one", labels=["camera"]
        )
        for camera, account in self.reports().items():
            arrived.add_metric([camera], account.arrived)
            out.add_metric([camera], account.out)
            lost.add_metric([camera], account.lost_upstream)
            for reason, frames in account.dropped.items():
                dropped.add_metric([camera, reason], frames)
        yield from (arrived, out, dropped, lost)

    def _account(self, camera: str) -> tuple[str, _Account]:
        """Return the name under which a camera's frames are entered, and its account."""
        name = camera if self._names.admit(camera) else OTHER
        return name, self._accounts.setdefault(name, _Account())

    def _close_account(self, camera: str) -> None:
        self._accounts.pop(camera, None)
        with suppress(KeyError):  # none of its frames had an age
            self._metrics.frame_age.remove(camera)
