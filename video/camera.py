"""One camera: its newest picture, its rate and its state. For the event loop only."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared import clock
from shared.frames.reader import ReceivedFrame
from shared.redact import redact
from shared.reports import Entry
from shared.states import CameraState
from video.diagnosis import Diagnosis, Evidence, diagnose, newest_of
from video.notice import span
from video.slot import Slot

log = logging.getLogger(__name__)

RATE_OVER_S = 5.0
STOPPED_AFTER_S = 1.0  # a camera of many frames a second that gave none for so long gives none now
NO_PICTURE_YET = "NO PICTURE YET"


@dataclass(frozen=True, slots=True)
class Text:
    """What is written on a picture: whom it blames, if anybody, and the two lines."""

    notice: str | None
    title: str
    detail: str


class Camera:
    """One camera: its slot, its rate and its state."""

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.slot = Slot()
        self.diagnosis = Diagnosis(CameraState.WAITING, 0.0)
        self.since = clock.now_us()  # of the state, by our clock
        self.producer: Entry | None = None  # the last that named this camera: the board forgets after a minute
        self.consumer: Entry | None = None
        self._frame_at: float | None = None  # monotonic
        self._received_at: deque[float] = deque(maxlen=512)

    def put(self, received: ReceivedFrame, now: float) -> bool:
        """Take in a new frame that came at a monotonic time in seconds; tell whether the camera was not up before."""
        self._frame_at = now
        self._received_at.append(now)
        self.slot.put(received.frame, clock_suspect=received.clock_suspect)
        if self.diagnosis.state is CameraState.UP:
            return False
        self.diagnosis, self.since = Diagnosis(CameraState.UP, 0.0), clock.now_us()
        log.info("camera is live", extra={"camera": self.id})
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
        """Return the seconds since the last new frame; None: there was none yet."""
        return None if self._frame_at is None else now - self._frame_at

    def diagnose(self, entries: Sequence[Entry], *, bus_silent_s: float, bus_well_s: float, now: float) -> bool:
        """Decide about the state out of what the services say; tell whether it is another one than before."""
        self.producer = newest_of("producer", self.id, entries, now) or self.producer
        self.consumer = newest_of("consumer", self.id, entries, now) or self.consumer
        evidence = Evidence(
            frameless_s=self.frameless_s(now),
            bus_silent_s=bus_silent_s,
            bus_well_s=bus_well_s,
            producer=self.producer,
            consumer=self.consumer or newest_of("consumer", None, entries, now),
        )
        before, self.diagnosis = self.diagnosis, diagnose(self.id, evidence, now)
        if (before.state, before.notice) == (self.diagnosis.state, self.diagnosis.notice):
            return False
        self.since = clock.now_us() - int(self.diagnosis.for_s * 1e6)
        self._log_change()
        return True

    def _log_change(self) -> None:
        said = self.diagnosis.notice or f"camera is {self.diagnosis.state}"
        level = logging.WARNING if self.diagnosis.notice or self.diagnosis.state is CameraState.DOWN else logging.INFO
        log.log(level, "viewers see: %s", said, extra={"camera": self.id, "reason": self.diagnosis.reason})

    def notice(self) -> Text | None:
        """Return what is to be written on the picture; None: nothing, since it is live, or nobody can be blamed."""
        diagnosis = self.diagnosis
        if diagnosis.notice is not None:
            title = f"{diagnosis.notice} {span(diagnosis.notice_for_s)}"
            return Text(diagnosis.notice, title, f"{self.id}: {redact(diagnosis.reason or '')}".rstrip(": "))
        return Text(None, NO_PICTURE_YET, self.id) if self.slot.newest is None else None
