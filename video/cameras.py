"""All cameras that were heard of: their newest picture, their state, and what is shown while nothing new comes.

For the event loop only.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from shared.frames.reader import ReceivedFrame
from shared.names import camera_id
from shared.reports import Entry
from video.camera import Camera, Text
from video.notice import card, on_frame
from video.picture import scaled
from video.slot import DisplayedPicture, Slot

log = logging.getLogger(__name__)

MAX_CAMERAS = 1000  # cameras; a stranger's records must not fill the memory
REPEAT_AFTER_S = 1.0  # browsers hold a picture back until the next one
NOTICE_EVERY_S = 1.0
NO_CAMERA_YET = "NO CAMERA YET"


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

    def put(self, received: ReceivedFrame) -> bool:
        """Show a frame; tell whether there was room for its camera."""
        camera = self._known(received.frame.camera)
        if camera is None:
            return False
        self._changed = camera.put(received, time.monotonic()) or self._changed
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

    async def scaled_jpeg(self, picture: DisplayedPicture, scale: int) -> bytes:
        """Return the picture of a picture at 1/scale; it is made once, however many ask for it."""
        if scale == 1:
            return picture.jpeg
        making = picture.scaled.get(scale)
        if making is None:
            loop = asyncio.get_running_loop()
            making = picture.scaled[scale] = loop.run_in_executor(self._pool, scaled, picture.jpeg, scale)
        return await asyncio.shield(making)  # a viewer that goes away must not take the picture from the others

    def close(self) -> None:
        """Let every viewer go."""
        self.closing = True
        for slot in (self.lobby, *(camera.slot for camera in self._cameras.values())):
            slot.wake()

    def _known(self, id_: str) -> Camera | None:
        camera = self._cameras.get(id_)
        if camera is None and len(self._cameras) < MAX_CAMERAS:
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
