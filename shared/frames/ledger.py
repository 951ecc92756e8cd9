"""What came, what went, and why the rest did not: in = out + Σ dropped{reason}, for every camera, at every moment.

A frame is entered when its fate is known, in one step: so the books balance whenever they are read, and no reason is
ever computed as a remainder. Frames lost before they came to this stage are counted apart; they never were `in`.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

# Edges in seconds: fine where live video lives (tens of milliseconds), coarse where it has failed.
AGE_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
MAX_CAMERAS = 1000
OTHER = "other"  # the camera that further ids are counted under: a stranger's records must not grow the metrics


class Reason(StrEnum):
    """Why a frame ended in a stage: the label `reason` of `<service>_frames_dropped_total`.

    The README's table of reasons is written from the members (local/readme.py).

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
    MODEL_BUSY = "model_busy", "waited for the model (`sync`) and was replaced by a newer frame"
    BROKER_UNAVAILABLE = "broker_unavailable", "found the broker silent"
    BROKER_REFUSED = "broker_refused", "was refused by the broker"
    TOO_LARGE = "too_large", "is larger than the broker accepts"
    UNDECODABLE = "undecodable", "is not a picture, or costs more to decode than the limits allow"
    TOO_MANY_CAMERAS = "too_many_cameras", "belongs to a camera beyond the thousandth"
    ALREADY_IMPRINTED = "already_imprinted", "had been drawn on before"


@dataclass(slots=True)
class Account:
    """The books of one camera in one stage, in frames."""

    arrived: int = 0
    out: int = 0
    dropped: dict[Reason, int] = field(default_factory=dict)
    lost_upstream: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the form in which the account travels on `videostatus`."""
        return {
            "in": self.arrived,
            "out": self.out,
            "dropped": dict(self.dropped),
            "lost_upstream": self.lost_upstream,
        }


class Ledger(Collector):
    """Counts the frames of one stage; safe for several threads.

    Exports `<service>_frames_in_total{camera}`, `_frames_out_total{camera}`, `_frames_dropped_total{camera,reason}`,
    `_frames_lost_upstream_total{camera}` and the histogram `_frame_age_seconds{camera}`, read under one lock.
    """

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        self._age = Histogram(
            f"{service}_frame_age_seconds",
            "Now minus captured-at when a frame leaves this stage",
            ["camera"],
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        registry.register(self)

    def out(self, camera: str, *, age_s: float | None) -> None:
        """Enter a frame that left this stage; its age is None when clocks disagree, and then not in the histogram."""
        with self._lock:
            name = self._known(camera)
            account = self._accounts[name]
            account.arrived += 1
            account.out += 1
        if age_s is not None:
            self._age.labels(name).observe(max(age_s, 0.0))

    def dropped(self, camera: str, reason: Reason, frames: int = 1) -> None:
        """Enter frames that end here, and why."""
        if frames <= 0:
            return
        with self._lock:
            account = self._accounts[self._known(camera)]
            account.arrived += frames
            account.dropped[reason] = account.dropped.get(reason, 0) + frames

    def lost_upstream(self, camera: str, frames: int) -> None:
        """Enter frames that were lost before they came here."""
        if frames <= 0:
            return
        with self._lock:
            self._accounts[self._known(camera)].lost_upstream += frames

    def open(self, camera: str) -> None:
        """Open an account, so that a camera shows with zeros before its first frame."""
        with self._lock:
            self._accounts[self._known(camera)].arrived += 0

    def as_json(self) -> dict[str, dict[str, Any]]:
        """Return all accounts in the form in which they travel on `videostatus`."""
        with self._lock:
            return {camera: account.as_json() for camera, account in self._accounts.items()}

    def collect(self) -> Iterator[Metric]:
        """Yield the counters of one moment."""
        name = f"{self._service}_frames"
        arrived = CounterMetricFamily(f"{name}_in", "Frames whose fate in this stage is known", labels=["camera"])
        out = CounterMetricFamily(f"{name}_out", "Frames that left this stage", labels=["camera"])
        dropped = CounterMetricFamily(f"{name}_dropped", "Frames that ended here", labels=["camera", "reason"])
        lost = CounterMetricFamily(
            f"{name}_lost_upstream", "Frames lost between the stage before and this one", labels=["camera"]
        )
        with self._lock:
            for camera, account in self._accounts.items():
                arrived.add_metric([camera], account.arrived)
                out.add_metric([camera], account.out)
                lost.add_metric([camera], account.lost_upstream)
                for reason, frames in account.dropped.items():
                    dropped.add_metric([camera, reason], frames)
        yield from (arrived, out, dropped, lost)

    def _known(self, camera: str) -> str:
        return camera if camera in self._accounts or len(self._accounts) < MAX_CAMERAS else OTHER
