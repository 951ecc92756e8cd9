"""What one application shows: the cameras, their states, and the viewers that follow them over WebSockets."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request
from fastapi.exceptions import HTTPException

from shared.frames.ledger import Ledger
from shared.reports import Entry
from video.access.access import Access
from video.access.denial import Forbidden
from video.access.identity import Denied
from video.access.scope import viewer_of
from video.camera import Camera
from video.cameras import Cameras
from video.events.events import Events, EventSource
from video.latest import LatestFrames
from video.mjpeg_response import MjpegResponse
from video.pace import Pace
from video.paths import NO_STORE
from video.readiness import CameraReadiness
from video.suite_status import SuiteStatus
from video.viewers import Viewers
from video.websocket import WebSocketViewer

TICK_S = 0.1
NOTE_EVERY_S = 1.0
ENFORCE_EVERY_S = 0.5  # a stream ends within 5 s after its right does
TICK_REST = 5.0  # thousands of invented names make a tick long: it takes at most a sixth of the loop


@dataclass(frozen=True, slots=True)
class Sources:
    """What the application is joined to.

    Attributes:
        latest: frames from the bus.
        ledger: of this service.
        viewers: admits and counts them.
        entries: returns the newest reports of all services.
        bus_silent_s: returns the seconds since the brokers last acknowledged a record.
        frame_interval_s: shortest time between two frames of one viewer.
        ending: returns whether the service is to end.
        readiness: what /readyz answers.
        allowed_origins: further origins whose pages may embed the page, connect and read.
        loopback_only: whether the server listens on a loopback address only.
        access: decides who may see what.
        events: the predictions on the bus; None if they are not read.
        hsts: whether browsers are told to come over HTTPS only.
    """

    latest: LatestFrames
    ledger: Ledger
    viewers: Viewers
    entries: Callable[[], list[Entry]]
    bus_silent_s: Callable[[], float]
    frame_interval_s: float
    ending: Callable[[], bool]
    readiness: CameraReadiness
    allowed_origins: frozenset[str] = frozenset()
    loopback_only: bool = False
    access: Access = field(default_factory=Access)
    events: EventSource | None = None
    hsts: bool = False


class Display:
    """The state of one application: its cameras, its WebSockets, and the tick that keeps them up to date."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.viewers = sources.viewers
        self.cameras = Cameras()
        self.status = SuiteStatus(
            self.cameras, sources.ledger, entries=sources.entries, bus_silent_s=sources.bus_silent_s
        )
        self.websockets: set[WebSocketViewer] = set()
        self._noted_at = float("-inf")  # monotonic: when the histories were last continued
        self._enforced_at = float("-inf")
        self.events = Events(sources.events, self.viewers) if sources.events else None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take frames and events in this loop from now on."""
        self.sources.latest.open(loop, self.cameras.put)
        if self.events:
            self.events.open(loop)

    def close(self) -> None:
        """Take no more, and end every viewer."""
        self.sources.latest.close()
        self.cameras.close()
        if self.events:
            self.events.close()

    async def tick(self, beat: Callable[[], None]) -> None:
        """Keep states and still pictures up to date until the service ends; then end every viewer."""
        while not self.sources.ending():
            beat()
            now = time.monotonic()
            if self.status.update(now):
                for viewer in self.websockets:
                    viewer.status_changed()
            self.sources.readiness.note(self.cameras, now)
            self.cameras.refresh(now)
            self._note_histories(now)
            self._enforce_access(now)
            await asyncio.sleep(max(TICK_S, TICK_REST * (time.monotonic() - now)))
        self.cameras.close()
        if self.events:
            self.events.end()
        self.viewers.audit.close()
        for viewer in self.websockets:
            viewer.status_changed()

    def _note_histories(self, now: float) -> None:
        if now - self._noted_at >= NOTE_EVERY_S:
            self._noted_at = now
            self.cameras.note_histories(self.status.ledgers(), now)

    def _enforce_access(self, now: float) -> None:
        """End what is no longer allowed, twice a second."""
        if now - self._enforced_at < ENFORCE_EVERY_S:
            return
        self._enforced_at = now
        self.sources.access.keep_issuers_fresh()
        self.viewers.end_revoked()
        self.viewers.audit.tick(now)
        for websocket in list(self.websockets):
            websocket.look_at_rights(now)

    async def serve(self, viewer: WebSocketViewer) -> None:
        """Serve a WebSocket until either side ends it."""
        self.websockets.add(viewer)
        try:
            await viewer.run()
        finally:
            self.websockets.discard(viewer)

    def camera(self, id_: str, request: Request) -> Camera:
        """Return a camera.

        Raises:
            Forbidden: the viewer may not see it, whether it exists or not.
            HTTPException: 404, the id is unknown; the answer lists those that the viewer may see.
        """
        viewer = viewer_of(request.scope)
        if not viewer.may_see(id_):
            raise Forbidden(viewer, Denied.CAMERA)
        camera = self.cameras.get(id_)
        if camera is None:
            known = [other for other in self.cameras.ids() if viewer.may_see(other)]
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
        """Return the endless answer that shows the camera `find` returns, as soon as it returns one."""
        pace = Pace(self.sources.frame_interval_s, fps)
        if self.sources.access.policy is not None:  # pages of others cannot show what their viewers may see
            headers = {**(headers or {}), "Cross-Origin-Resource-Policy": "same-origin"}
        return MjpegResponse(self.cameras, self.viewers, find=find, pace=pace, width=width, headers=headers)

    def first(self, request: Request) -> Camera | None:
        """Return the camera with the smallest id that has given a frame; None if there is none yet."""
        viewer = viewer_of(request.scope)
        return next((camera for camera in self.cameras if camera.slot.frames and viewer.may_see(camera.id)), None)
