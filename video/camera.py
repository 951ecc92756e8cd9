"""One camera: its newest picture, its rate and its state. For the event loop only."""

from collections import deque
from dataclasses import dataclass

from shared import clock
from shared.frames.reader import ReceivedFrame
from shared.redact import redact
from shared.reports import CameraReport, Entry
from shared.states import CameraState
from video.arrivals import Arrivals
from video.diagnosis import Diagnosis, Evidence, ServiceEntries, diagnose
from video.history import History
from video.notice import span
from video.slot import Slot

RATE_OVER_S = 5.0
STOPPED_AFTER_S = 1.0  # a fast camera without a frame for this long has a rate of 0
REMOVED_FOR_S = 60.0  # a camera that is no longer configured leaves the page after this time
NO_PICTURE_YET = "NO PICTURE YET"


@dataclass(frozen=True, slots=True)
class Text:
    """What is written on a picture: the part that it names, if any, and the two lines."""

    notice: str | None
    title: str
    detail: str


class Camera:
    """One camera: its slot, its rate and its state."""

    def __init__(self, id_: str, now: float) -> None:
        self.id = id_
        self.slot = Slot()
        self.diagnosis = Diagnosis(CameraState.WAITING, 0.0)
        self.since = clock.now_us()  # of the state, by our clock
        self.named_at = now  # monotonic: when a frame or a report last named it
        self.history: History | None = None  # a bounded number of cameras have one
        self.gone = False  # it was forgotten; a viewer that still shows it must look it up again
        self._producer: Entry | None = None  # the last that named this camera: the board forgets after a minute
        self._consumer: Entry | None = None
        self._arrivals = Arrivals()
        self._frame_at: float | None = None  # monotonic
        self._received_at: deque[float] = deque(maxlen=512)

    def put(self, received: ReceivedFrame, now: float) -> bool:
        """Show a new frame that came at a monotonic time in seconds; return whether the camera was not up before."""
        self._frame_at = self.named_at = now
        self._received_at.append(now)
        self.slot.put(received.frame, clock_suspect=received.clock_suspect)
        if self.history is not None:
            age_s = max(0, clock.now_us() - received.frame.captured_at) / 1e6
            self.history.note_frame(None if received.clock_suspect else age_s)
        if self.diagnosis.state is CameraState.UP:
            return False
        self.diagnosis, self.since = Diagnosis(CameraState.UP, 0.0), clock.now_us()
        return True

    def fps(self, now: float) -> float:
        """Return frames per second over the last seconds; it falls as soon as a frame is late, and then to 0."""
        while self._received_at and now - self._received_at[0] > RATE_OVER_S:
            self._received_at.popleft()
        intervals = len(self._received_at) - 1
        if intervals < 1:
            return 0.0
        first, last = self._received_at[0], self._received_at[-1]
        gap, waited = (last - first) / intervals, now - last
        if waited > max(STOPPED_AFTER_S, 3 * gap):
            return 0.0
        return intervals / max((now if waited > 2 * gap else last) - first, 1e-3)

    def frameless_s(self, now: float) -> float | None:
        """Return the seconds since the last new frame; None if there was none yet."""
        return None if self._frame_at is None else now - self._frame_at

    def diagnose(self, entries: ServiceEntries, *, bus_silent_s: float, bus_well_s: float, now: float) -> bool:
        """Decide state and notice from what the services report; return whether either has changed."""
        self._producer = entries.of_producer(self.id) or self._producer
        self._consumer = entries.of_consumer(self.id) or self._consumer
        if self._producer is not None:
            self._arrivals.note(self.id, self._producer)
        newest = self.slot.newest
        evidence = Evidence(
            frameless_s=self.frameless_s(now),
            bus_silent_s=bus_silent_s,
            bus_well_s=bus_well_s,
            producer=self._producer,
            consumer=self._consumer or entries.any_consumer,
            complete=newest is not None and self._arrivals.complete(newest.captured_at),
        )
        before, self.diagnosis = self.diagnosis, diagnose(self.id, evidence, now)
        if (before.state, before.notice) == (self.diagnosis.state, self.diagnosis.notice):
            return False
        self.since = clock.now_us() - int(self.diagnosis.for_s * 1e6)
        return True

    @property
    def title(self) -> str | None:
        """What viewers see it called instead of its id; None if its producer says nothing."""
        return None if self._report is None else self._report.title

    @property
    def tags(self) -> tuple[str, ...]:
        """By what viewers can filter it."""
        return () if self._report is None else self._report.tags

    @property
    def has_left(self) -> bool:
        """Whether it was removed long enough ago to leave the page."""
        return self.diagnosis.state is CameraState.REMOVED and self.diagnosis.for_s > REMOVED_FOR_S

    @property
    def _report(self) -> CameraReport | None:
        return None if self._producer is None else self._producer.report.cameras.get(self.id)

    def notice(self) -> Text | None:
        """Return what to write on the picture; None if it is live, or if there is no evidence against any part."""
        diagnosis = self.diagnosis
        detail = f"{self.id}: {redact(diagnosis.reason or '')}".rstrip(": ")
        if diagnosis.notice is not None:
            return Text(diagnosis.notice, f"{diagnosis.notice} {span(diagnosis.notice_for_s)}", detail)
        return Text(None, NO_PICTURE_YET, detail) if self.slot.newest is None else None
