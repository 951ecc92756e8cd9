"""What one application shows: the cameras, their states, and the viewers that follow them over WebSockets."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from fastapi.exceptions import HTTPException

from shared.frames.ledger import Ledger
from shared.reports import Entry
from video.camera import Camera
from video.cameras import Cameras
from video.latest import LatestFrames
from video.mjpeg_response import MjpegResponse
from video.pace import Pace
from video.readiness import CameraReadiness
from video.suite_status import SuiteStatus
from video.viewers import Viewers
from video.websocket import WebSocketViewer

TICK_S = 0.1
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Sources:
    """What the application is joined to.

    Attributes:
        latest: frames from the bus.
        ledger: of this service.
        viewers: places, and counts.
        entries: newest words of all services.
        bus_silent_s: seconds since the brokers last answered us.
        frame_interval_s: shortest time between two frames of one viewer.
        ending: whether the end was asked for.
        readiness: where /readyz looks.
    """

    latest: LatestFrames
    ledger: Ledger
    viewers: Viewers
    entries: Callable[[], list[Entry]]
    bus_silent_s: Callable[[], float]
    frame_interval_s: float
    ending: Callable[[], bool]
    readiness: CameraReadiness


class Display:
    """The state of one application: cameras, websockets, and the tick that keeps them true."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.viewers = sources.viewers
        self.cameras = Cameras()
        self.status = SuiteStatus(
            self.cameras, sources.ledger, entries=sources.entries, bus_silent_s=sources.bus_silent_s
        )
        self.websockets: set[WebSocketViewer] = set()

    async def tick(self, beat: Callable[[], None]) -> None:
        """Keep the states and the still pictures up to date until the end is asked for; then let all viewers go."""
        while not self.sources.ending():
            beat()
            now = time.monotonic()
            if self.status.update(now):
                for viewer in self.websockets:
                    viewer.status_changed()
            self.sources.readiness.note(self.cameras, now)
            self.cameras.refresh(now)
            await asyncio.sleep(TICK_S)
        self.cameras.close()
        for viewer in self.websockets:
            viewer.status_changed()

    def camera(self, id_: str, request: Request) -> Camera:
        """Return a camera.

        Raises:
            HTTPException: 404, the id is unknown, or not for this viewer; the answer has the known ones.
        """
        camera = self.cameras.get(id_)
        if camera is None or not self.viewers.may_see(id_, request.scope):
            known = [other for other in self.cameras.ids() if self.viewers.may_see(other, request.scope)]
            raise HTTPException(404, {"error": f"there is no camera {id_[:64]!r}", "cameras": known}, NO_STORE)
        return camera

    def stream(
        self,
        find: Callable[[], Camera | None],
        *,
        fps: float | None,
        width: int | None,
        headers: dict[str, str] | None = None,
    ) -> MjpegResponse:
        """Return the endless answer that shows the camera which `find` returns, as soon as it returns one."""
        pace = Pace(self.sources.frame_interval_s, fps)
        return MjpegResponse(self.cameras, self.viewers, find=find, pace=pace, width=width, headers=headers)

    def first(self, request: Request) -> Camera | None:
        """Return the camera with the smallest id that has given a frame; None: there is none yet."""
        return next(
            (
                camera
                for camera in self.cameras
                if camera.slot.frames and self.viewers.may_see(camera.id, request.scope)
            ),
            None,
        )
