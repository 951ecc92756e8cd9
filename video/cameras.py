"""All known cameras, and the lobby for viewers that arrived before the first one. For the event loop only."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from shared import clock
from shared.frames.reader import ReceivedFrame
from shared.names import camera_id
from shared.reports import Entry
from video.camera import Camera, Text
from video.change_log import ChangeLog
from video.diagnosis import ServiceEntries
from video.history import MAX_HISTORIES, Accounts, History
from video.notice import card, on_frame
from video.picture import scaled
from video.picture_maker import PictureLate, PictureMaker
from video.slot import DisplayedPicture, Slot

MAX_CAMERAS = 1000  # anyone may write names to the bus
FORGET_AFTER_S = 600.0  # a camera that nobody watches, and that neither a frame nor a report has named for this long
REPEAT_AFTER_S = 1.0  # browsers hold a picture back until the next one begins
NOTICE_EVERY_S = 1.0
NO_CAMERA_YET = "NO CAMERA YET"


class Cameras:
    """The cameras by id."""

    def __init__(self) -> None:
        self.lobby = Slot()
        self.closing = False
        self.version = 0  # changes whenever a camera comes or goes
        self._histories = 0  # cameras that have one
        self._maker = PictureMaker()
        self._changes = ChangeLog()
        self._cameras: dict[str, Camera] = {}
        self._changed = False  # since the last diagnosis
        self._drawings: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Camera]:
        """Iterate over the cameras in the order of their ids."""
        return (self._cameras[id_] for id_ in self.ids())

    def get(self, id_: str) -> Camera | None:
        """Return the camera with this id; None if it is unknown."""
        return self._cameras.get(id_)

    def ids(self) -> list[str]:
        """Return the ids of all cameras, sorted."""
        return sorted(self._cameras)

    def put(self, received: ReceivedFrame) -> bool:
        """Show a frame; return whether there was room for its camera."""
        now = time.monotonic()
        camera = self._camera_with_frame(received.frame.camera, now)
        if camera is None:
            return False
        if camera.history is None and self._histories < MAX_HISTORIES:
            self._histories += 1
            camera.history = History(clock.now_us(), now)
        if camera.put(received, now):
            self._changed = True
            self._changes.changed(camera.id, camera.diagnosis, now)
        if self.lobby.viewers:
            self.lobby.wake()
        return True

    def diagnose(self, entries: Sequence[Entry], *, bus_silent_s: float, bus_well_s: float, now: float) -> bool:
        """Decide the state of every camera; return whether any has changed, come or gone."""
        by_camera = ServiceEntries(entries, now)
        changed, self._changed = self._changed, False
        for id_ in by_camera.named_by_producers:
            changed = self._note_report(id_, now) or changed
        changed = self._forget_unnamed(now) or changed
        self._changes.catch_up(now)
        for camera in self._cameras.values():
            if camera.diagnose(by_camera, bus_silent_s=bus_silent_s, bus_well_s=bus_well_s, now=now):
                self._changes.changed(camera.id, camera.diagnosis, now)
                changed = True
        for camera in [camera for camera in self._cameras.values() if camera.has_left]:
            self._forget(camera)
            changed = True
        return changed

    def refresh(self, now: float) -> None:
        """Show again every watched picture that has stood still for a second, with a notice if something is wrong."""
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
                self._draw(slot, text, camera.id)

    def note_histories(self, ledgers: Mapping[str, Accounts], now: float) -> None:
        """Note for each camera's history what models see and what services dropped, about once a second."""
        now_us = clock.now_us()
        for camera in self._cameras.values():
            if camera.history is not None:
                camera.history.sample(camera.slot.predictions(), frames=camera.slot.frames)
                camera.history.turn(ledgers.get(camera.id, {}), now_us, now)

    def scaled(self, picture: DisplayedPicture, scale: int) -> asyncio.Future[bytes]:
        """Return a future of a picture's JPEG at 1/scale; it is made once, however many ask for it.

        Its exception is PictureLate if the picture is not made. Await it shielded: others wait for it, too.
        """
        made = picture.scaled.get(scale)
        if made is None or (made.done() and made.exception() is not None):
            if scale == 1:
                made = asyncio.get_running_loop().create_future()
                made.set_result(picture.jpeg)
            else:
                made = self._maker.make(picture.camera, partial(scaled, picture.jpeg, scale))
            picture.scaled[scale] = made
        return made

    def close(self) -> None:
        """End every viewer."""
        self.closing = True
        for slot in (self.lobby, *(camera.slot for camera in self._cameras.values())):
            slot.wake()
        self._maker.close()

    def _camera_with_frame(self, id_: str, now: float) -> Camera | None:
        """Return the camera of a frame; None if it is new and there is no room for it."""
        camera = self._cameras.get(id_)
        if camera is not None:
            return camera
        if len(self._cameras) >= MAX_CAMERAS and not self._make_room(now):
            return None
        return self._add(id_, now)

    def _make_room(self, now: float) -> bool:
        """Forget the camera without a frame for longest, if it had none at all or none for some minutes."""
        longest = max(self._cameras.values(), key=lambda camera: _seconds(camera.frameless_s(now)))
        frameless_s = longest.frameless_s(now)
        if frameless_s is not None and frameless_s < FORGET_AFTER_S:
            return False
        self._forget(longest)
        return True

    def _note_report(self, id_: str, now: float) -> bool:
        """Note that a producer names a camera; return whether it is a new one."""
        camera = self._cameras.get(id_)
        if camera is not None:
            camera.named_at = now
            return False
        return len(self._cameras) < MAX_CAMERAS and self._add(id_, now) is not None

    def _add(self, id_: str, now: float) -> Camera | None:
        try:
            camera = self._cameras[camera_id(id_)] = Camera(id_, now)
        except ValueError:  # a report may say anything
            return None
        self.version += 1
        return camera

    def _forget_unnamed(self, now: float) -> bool:
        unnamed = [
            camera
            for camera in self._cameras.values()
            if now - camera.named_at > FORGET_AFTER_S and not camera.slot.viewers
        ]
        for camera in unnamed:
            self._forget(camera)
        return bool(unnamed)

    def _forget(self, camera: Camera) -> None:
        del self._cameras[camera.id]
        self._histories -= camera.history is not None
        self._maker.forget(camera.id)
        self._changes.forget(camera.id)
        self.version += 1
        camera.gone = True
        camera.slot.wake()

    def _draw(self, slot: Slot, text: Text, camera: str = "") -> None:
        if slot.drawing:
            return
        slot.drawing = True
        drawing = asyncio.get_running_loop().create_task(self._draw_and_show(slot, text, camera))
        self._drawings.add(drawing)
        drawing.add_done_callback(self._drawings.discard)

    async def _draw_and_show(self, slot: Slot, text: Text, camera: str) -> None:
        frame, count = slot.newest, slot.frames
        draw = partial(card, text.title, text.detail)
        if frame is not None:
            draw = partial(on_frame, frame.jpeg, text.title, text.detail)
        try:
            jpeg, width, height = await self._maker.make(camera, draw)
        except PictureLate:
            return
        finally:
            slot.drawing = False
        if slot.frames == count:  # otherwise it is live again
            slot.show_notice(jpeg, width, height, notice=text.notice)


def _seconds(frameless_s: float | None) -> float:
    return float("inf") if frameless_s is None else frameless_s
