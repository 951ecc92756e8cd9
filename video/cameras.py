"""All cameras that were heard of: their newest picture, their state, and what is shown while nothing new comes.

For the event loop only.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared import clock
from shared.frames.reader import ReceivedFrame
from shared.names import camera_id
from shared.redact import redact
from shared.status import Entry
from video.diagnosis import Diagnosis, Evidence, diagnose, newest_of
from video.notice import card, on_frame, span
from video.picture import scaled
from video.slot import DisplayedPicture, Slot

log = logging.getLogger(__name__)

MOST = 1000  # cameras; a stranger's records must not fill the memory
REPEAT_AFTER_S = 1.0  # browsers hold a picture back until the next one; design, section 7
NOTICE_EVERY_S = 1.0
RATE_OVER_S = 5.0
STANDS_AFTER_S = 1.0  # a camera of many frames a second that gave none for so long gives none now
NO_CAMERA_YET = "NO CAMERA YET"
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
        self.verdict = Diagnosis("waiting", 0.0)
        self.since = clock.now_us()  # of the state, by our clock
        self.producer: Entry | None = None  # the last that named this camera: the board forgets after a minute
        self.consumer: Entry | None = None
        self._frame_at: float | None = None  # monotonic
        self._arrivals: deque[float] = deque(maxlen=512)

    def put(self, arrival: ReceivedFrame, now: float) -> bool:
        """Take in a new frame that came at a monotonic time in seconds; tell whether the camera was not up before."""
        self._frame_at = now
        self._arrivals.append(now)
        self.slot.put(arrival.frame, clock_suspect=arrival.clock_suspect)
        if self.verdict.state == "up":
            return False
        self.verdict, self.since = Diagnosis("up", 0.0), clock.now_us()
        log.info("camera is live", extra={"camera": self.id})
        return True

    def fps(self, now: float) -> float:
        """Return frames per second over the last seconds; it falls as soon as a frame is late, and then to 0."""
        while self._arrivals and now - self._arrivals[0] > RATE_OVER_S:
            self._arrivals.popleft()
        intervals = len(self._arrivals) - 1
        if intervals < 1:
            return 0.0
        first, last = self._arrivals[0], self._arrivals[-1]
        gap, waited = (last - first) / intervals, now - last
        if waited > max(STANDS_AFTER_S, 3 * gap):
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
        before, self.verdict = self.verdict, diagnose(self.id, evidence, now)
        if (before.state, before.notice) == (self.verdict.state, self.verdict.notice):
            return False
        self.since = clock.now_us() - int(self.verdict.for_s * 1e6)
        self._log_change()
        return True

    def _log_change(self) -> None:
        said = self.verdict.notice or f"camera is {self.verdict.state}"
        level = logging.WARNING if self.verdict.notice or self.verdict.state == "down" else logging.INFO
        log.log(level, "viewers see: %s", said, extra={"camera": self.id, "reason": self.verdict.reason})

    def notice(self) -> Text | None:
        """Return what is to be written on the picture; None: nothing, since it is live, or nobody can be blamed."""
        verdict = self.verdict
        if verdict.notice is not None:
            title = f"{verdict.notice} {span(verdict.notice_for_s)}"
            return Text(verdict.notice, title, f"{self.id}: {redact(verdict.reason or '')}".rstrip(": "))
        return Text(None, NO_PICTURE_YET, self.id) if self.slot.newest is None else None


class Cameras:
    """The cameras by id, the lobby for viewers who came before the first one, and the threads that make pictures."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.lobby = Slot()
        self.closing = False
        self._pool = pool
        self._cameras: dict[str, Camera] = {}
        self._changed = False  # since the last judgement
        self._drawings: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Camera]:
        """Iterate over the cameras in the order of their ids."""
        return (self._cameras[id_] for id_ in self.ids())

    def get(self, id_: str) -> Camera | None:
        """Return the camera with this id; None: it was never heard of."""
        return self._cameras.get(id_)

    def ids(self) -> list[str]:
        """Return the ids of all cameras, sorted."""
        return sorted(self._cameras)

    def put(self, arrival: ReceivedFrame) -> bool:
        """Show a frame; tell whether there was room for its camera."""
        camera = self._known(arrival.frame.camera)
        if camera is None:
            return False
        self._changed = camera.put(arrival, time.monotonic()) or self._changed
        if self.lobby.viewers:
            self.lobby.wake()
        return True

    def diagnose(self, entries: Sequence[Entry], *, bus_silent_s: float, bus_well_s: float, now: float) -> bool:
        """Decide about the state of every camera; tell whether any has another than before."""
        named = {id_ for entry in entries if entry.service == "producer" for id_ in entry.report.cameras}
        changed, self._changed = self._changed, False
        for id_ in named - self._cameras.keys():
            changed = self._known(id_) is not None or changed
        for camera in self._cameras.values():
            if camera.diagnose(entries, bus_silent_s=bus_silent_s, bus_well_s=bus_well_s, now=now):
                changed = True
        return changed

    def refresh(self, now: float) -> None:
        """Show again, or with what is wrong written on it, what has stood still for a second and is being watched."""
        if self.lobby.viewers and now - self.lobby.shown_at >= REPEAT_AFTER_S:
            self._draw(self.lobby, Text(None, NO_CAMERA_YET, "waiting for the first frame"))
        for camera in self._cameras.values():
            slot = camera.slot
            if not slot.viewers or now - slot.shown_at < min(REPEAT_AFTER_S, NOTICE_EVERY_S):
                continue
            text = camera.notice()
            if text is None:
                slot.repeat()
            else:
                self._draw(slot, text)

    async def picture(self, shot: DisplayedPicture, scale: int) -> bytes:
        """Return the picture of a shot at 1/scale; it is made once, however many ask for it."""
        if scale == 1:
            return shot.jpeg
        making = shot.scaled.get(scale)
        if making is None:
            loop = asyncio.get_running_loop()
            making = shot.scaled[scale] = loop.run_in_executor(self._pool, scaled, shot.jpeg, scale)
        return await asyncio.shield(making)  # a viewer that goes away must not take the picture from the others

    def close(self) -> None:
        """Let every viewer go."""
        self.closing = True
        for slot in (self.lobby, *(camera.slot for camera in self._cameras.values())):
            slot.wake()

    def _known(self, id_: str) -> Camera | None:
        camera = self._cameras.get(id_)
        if camera is None and len(self._cameras) < MOST:
            try:
                camera = self._cameras[camera_id(id_)] = Camera(id_)
            except ValueError:  # a status says what it likes
                return None
        return camera

    def _draw(self, slot: Slot, text: Text) -> None:
        if not slot.drawing:
            slot.drawing = True
            drawing = asyncio.get_running_loop().create_task(self._drawn(slot, text))
            self._drawings.add(drawing)
            drawing.add_done_callback(self._drawings.discard)

    async def _drawn(self, slot: Slot, text: Text) -> None:
        frame, count = slot.newest, slot.frames
        loop = asyncio.get_running_loop()
        try:
            if frame is None:
                jpeg, width, height = await loop.run_in_executor(self._pool, card, text.title, text.detail)
            else:
                jpeg, width, height = await loop.run_in_executor(
                    self._pool, on_frame, frame.jpeg, text.title, text.detail
                )
        finally:
            slot.drawing = False
        if slot.frames == count:  # else it is live again
            slot.show_notice(jpeg, width, height, notice=text.notice)
