"""Diagnoses why a camera has no new frame, and which part the notice names (docs/architecture.md).

Precedence, beginning with what would make all other evidence worthless: the bus, the producer, the camera, the
consumer. No part is named without evidence. Pure functions; `now` is monotonic time in seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.reports import CameraReport, Entry
from shared.states import CameraState
from shared.status import SILENT_AFTER_S
from video.notice import span

FRAMELESS_AFTER_S = 3.0  # a camera without a new frame for this long is not live, unless it is a slow one
BUS_SILENT_AFTER_S = 3.0  # the brokers have acknowledged none of our records, one a second, for this long


class Notice(StrEnum):
    """What is written on a picture that is not live, and in the status on `/ws`."""

    CAMERA_DOWN = "CAMERA DOWN"
    PRODUCER_DOWN = "PRODUCER DOWN"
    CONSUMER_DOWN = "CONSUMER DOWN"
    BUS_STALLED = "BUS STALLED"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at one moment.

    Attributes:
        frameless_s: seconds since the camera's last new frame; None if it never gave one.
        bus_silent_s: seconds since the brokers last acknowledged a record of this service.
        bus_well_s: seconds for which they have acknowledged without a break.
        producer: newest report of a producer that has the camera; None if no producer ever named it.
        consumer: newest report of a consumer that has handled the camera, otherwise of any; None if there is none.
        complete: whether every frame that the producer is known to have written has arrived.
    """

    frameless_s: float | None
    bus_silent_s: float
    bus_well_s: float
    producer: Entry | None
    consumer: Entry | None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """State of a camera, for how many seconds it has lasted, why, the notice that applies and for how many seconds."""

    state: CameraState
    for_s: float
    reason: str | None = None
    notice: Notice | None = None
    notice_for_s: float = 0.0


class ServiceEntries:
    """The newest entries of producers and consumers by camera, at one moment.

    Of several entries that name a camera, the one that says most counts: one that is alive, then the newest. A producer
    names the cameras that it captures now, a consumer those in its ledger.
    """

    def __init__(self, entries: Iterable[Entry], now: float) -> None:
        """Index the entries of all services at a monotonic time in seconds."""
        self.any_consumer: Entry | None = None
        self._producers: dict[str, Entry] = {}
        self._consumers: dict[str, Entry] = {}
        for entry in sorted(entries, key=lambda entry: (_alive(entry, now), entry.heard_at)):  # later ones replace
            report = entry.report
            if entry.service == "producer":
                self._producers.update(dict.fromkeys(report.cameras, entry))
            elif entry.service == "consumer":
                self.any_consumer = entry
                self._consumers.update(dict.fromkeys((*report.cameras, *report.ledger), entry))

        self.named_by_producers = {
            name
            for name, entry in self._producers.items()
            if entry.report.cameras[name].state is not CameraState.REMOVED
        }

    def of_producer(self, camera: str) -> Entry | None:
        """Return the producer's entry that says most about a camera; None if no producer names it."""
        return self._producers.get(camera)

    def of_consumer(self, camera: str) -> Entry | None:
        """Return the consumer's entry that says most about a camera; None if no consumer names it."""
        return self._consumers.get(camera)


def diagnose(camera: str, evidence: Evidence, now: float) -> Diagnosis:
    """Return the state of a camera, and the notice for its picture if there is evidence for one."""
    frameless_s = evidence.frameless_s
    if frameless_s is not None and frameless_s < FRAMELESS_AFTER_S:
        return Diagnosis(CameraState.UP, frameless_s, _remark(camera, evidence.producer))
    why = None if frameless_s is None else f"no frame for {span(frameless_s)}"
    if evidence.bus_silent_s > BUS_SILENT_AFTER_S:
        return _blamed(Notice.BUS_STALLED, evidence.bus_silent_s, frameless_s, why)
    producer, consumer = evidence.producer, evidence.consumer
    if producer is not None:
        own = producer.report.cameras.get(camera)
        if own is not None and own.state in {CameraState.REMOVED, CameraState.DISABLED}:
            return Diagnosis(own.state, _said_for(own.since, producer, now), own.reason)  # whoever is gone since
        gone_s = gone_for(producer, evidence.bus_well_s, now)
        if gone_s is not None:
            return _blamed(Notice.PRODUCER_DOWN, gone_s, frameless_s, why)
        if own is not None and own.state is not CameraState.UP:
            for_s = _said_for(own.since, producer, now)
            fault = own.state.is_fault
            notice = Notice.CAMERA_DOWN if fault else None
            return Diagnosis(own.state, for_s, own.reason or why, notice, for_s if fault else 0.0)
    if consumer is not None:
        gone_s = gone_for(consumer, evidence.bus_well_s, now)
        if gone_s is not None:
            return _blamed(Notice.CONSUMER_DOWN, gone_s, frameless_s, why)
    if frameless_s is None:
        return Diagnosis(CameraState.WAITING, 0.0, _remark(camera, producer))
    if evidence.complete and _if_up(camera, producer) is not None:
        return Diagnosis(CameraState.UP, frameless_s, _remark(camera, producer))  # it sends a picture now and then
    return Diagnosis(CameraState.DOWN, frameless_s, _remark(camera, producer) or why)


def gone_for(entry: Entry, bus_well_s: float, now: float) -> float | None:
    """Return for how many seconds a service has been gone; None if it is alive, or silent because the bus is.

    Silence while the bus stood still, and until records had time to get through again, is no evidence.
    """
    silent_s = entry.silent_s(now)
    if entry.ending:
        return silent_s
    return silent_s if min(silent_s, bus_well_s) > SILENT_AFTER_S else None


def _remark(camera: str, producer: Entry | None) -> str | None:
    """Return what a producer reports about a camera that is up, for example that some of its pictures are too large."""
    own = _if_up(camera, producer)
    return None if own is None else own.reason


def _if_up(camera: str, producer: Entry | None) -> CameraReport | None:
    """Return what a producer reports about a camera; None unless it says that it is up."""
    own = None if producer is None else producer.report.cameras.get(camera)
    return own if own is not None and own.state is CameraState.UP else None


def _alive(entry: Entry, now: float) -> bool:
    return not entry.ending and entry.silent_s(now) <= SILENT_AFTER_S


def _blamed(notice: Notice, for_s: float, frameless_s: float | None, why: str | None) -> Diagnosis:
    return Diagnosis(CameraState.DOWN, for_s if frameless_s is None else frameless_s, why, notice, for_s)


def _said_for(since: int, entry: Entry, now: float) -> float:
    """Return how long a state has lasted, by the clock of the service that reports it: ours may differ by an hour."""
    return max(0.0, (entry.at - since) / 1e6) + entry.silent_s(now)
