"""The HTTP interface (design, section 7): joins cameras, viewers and pages; the paths and what they answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, Query, Request, WebSocket
from fastapi.exceptions import HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response

from shared import clock
from shared.frames.ledger import Ledger
from shared.status import Entry
from video.cameras import Camera, Cameras
from video.latest import LatestFrames
from video.pages import paths_page, read_page
from video.readiness import CameraReadiness
from video.slot import predictions_of
from video.state import State, camera_json
from video.stream import MjpegResponse, full_response
from video.viewers import Full, Viewers
from video.watch import Pace
from video.ws import WebSocketViewer

TICK_S = 0.1
PICTURE_THREADS = 2
_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {"description": "a picture after the other, without end", "content": {"multipart/x-mixed-replace": {}}},
    503: {"description": "as many viewers as MAXVIEWERS allows are there; try again after Retry-After seconds"},
}
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"description": "a JPEG", "content": {"image/jpeg": {}}}}
NO_STORE = {"Cache-Control": "no-store"}
try:
    VERSION = version("machine-learning-deployment")
except PackageNotFoundError:  # started out of a source tree that was never installed
    VERSION = "unknown"

Handler = TypeVar("Handler", bound=Callable[..., Any])
Fps = Annotated[
    float | None, Query(gt=0, le=1000, allow_inf_nan=False, description="at most so many frames a second, on average")
]
Width = Annotated[
    int | None,
    Query(ge=1, le=65_500, description="width in pixels; the nearest of 1, 1/2, 1/4, 1/8 of the size is sent"),
]


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
        standing: where /readyz looks.
    """

    latest: LatestFrames
    ledger: Ledger
    viewers: Viewers
    entries: Callable[[], list[Entry]]
    bus_silent_s: Callable[[], float]
    frame_interval_s: float
    ending: Callable[[], bool]
    standing: CameraReadiness


class Display:
    """The state of one application: cameras, screens, and the tick that keeps them true."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.viewers = sources.viewers
        self.pool = ThreadPoolExecutor(PICTURE_THREADS, thread_name_prefix="pictures")
        self.cameras = Cameras(self.pool)
        self.state = State(self.cameras, sources.ledger, entries=sources.entries, bus_silent_s=sources.bus_silent_s)
        self.screens: set[WebSocketViewer] = set()

    async def tick(self, beat: Callable[[], None]) -> None:
        """Keep the states and the still pictures up to date until the end is asked for; then let all viewers go."""
        while not self.sources.ending():
            beat()
            now = time.monotonic()
            if self.state.update(now):
                for screen in self.screens:
                    screen.status_changed()
            self.sources.standing.note(self.cameras, now)
            self.cameras.refresh(now)
            await asyncio.sleep(TICK_S)
        self.cameras.close()
        for screen in self.screens:
            screen.status_changed()

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


def create_app(sources: Sources, beat: Callable[[], None], crashed: Callable[[BaseException], None]) -> FastAPI:
    """Build the application.

    Args:
        sources: what it is joined to.
        beat: called each time the loop turns.
        crashed: called when what runs in the background has failed.
    """
    display = Display(sources)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        def ended(task: "asyncio.Task[None]") -> None:
            failure = None if task.cancelled() else task.exception()
            if failure is not None:
                crashed(failure)

        sources.latest.open(asyncio.get_running_loop(), display.cameras.put)
        ticking = asyncio.create_task(display.tick(beat))
        ticking.add_done_callback(ended)
        try:
            yield
        finally:
            sources.latest.close()
            ticking.cancel()
            display.pool.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(
        title="video",
        version=VERSION,
        description="Live video with machine-learning labels.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.include_router(_routes(display))
    app.add_exception_handler(HTTPException, _plain_error)  # type: ignore[arg-type]
    return app


def _routes(display: Display) -> APIRouter:
    routes = APIRouter()
    page = read_page("index.html")

    def answer(path: str, **options: Any) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            routes.add_api_route(path, handler, methods=["HEAD"], **{**options, "include_in_schema": False})
            routes.add_api_route(path, handler, methods=["GET"], **options)
            return handler

        return add

    @answer("/", response_class=Response, responses=_STREAMS)
    async def show(request: Request, fps: Fps = None, width: Width = None) -> Response:
        """The page for browsers (`Accept: text/html`); for all others MJPEG of the camera with the smallest id."""
        vary = {"Vary": "Accept"}
        if "text/html" in request.headers.get("accept", "").lower():
            return HTMLResponse(page.html, headers={**page.headers, **vary})
        return display.stream(lambda: display.first(request), fps=fps, width=width, headers=vary)

    @answer("/cameras")
    async def cameras(request: Request) -> JSONResponse:
        """All cameras: id, size in pixels, frames a second, age of the newest frame in ms, viewers, state."""
        now = time.monotonic()
        seen = [camera for camera in display.cameras if display.viewers.may_see(camera.id, request.scope)]
        return JSONResponse([camera_json(camera, now) for camera in seen], headers=NO_STORE)

    @answer("/cameras/{camera}/stream", response_class=Response, responses=_STREAMS)
    async def stream(request: Request, camera: str, fps: Fps = None, width: Width = None) -> Response:
        """MJPEG of a camera; it stays open while the camera is down, and says so."""
        found = display.camera(camera, request)
        return display.stream(lambda: found, fps=fps, width=width)

    @answer("/cameras/{camera}/snapshot.jpg", response_class=Response, responses=_PICTURE)
    async def snapshot(request: Request, camera: str) -> Response:
        """The newest frame of a camera, as it came."""
        slot = display.camera(camera, request).slot
        frame = slot.newest
        if frame is None:
            return _no_frame_yet(camera)
        age_ms = max(0, clock.now_us() - frame.captured_at) // 1000
        headers = {
            "X-Timestamp": f"{frame.captured_at // 1_000_000}.{frame.captured_at % 1_000_000:06d}",
            "X-Age": "unknown" if slot.clock_suspect else str(age_ms),
            "X-Sequence": str(frame.seq),
        }
        return Response(frame.jpeg, media_type="image/jpeg", headers={**headers, **NO_STORE})

    @answer("/cameras/{camera}/predictions")
    async def predictions(request: Request, camera: str) -> JSONResponse:
        """What was drawn on the newest frame of a camera."""
        frame = display.camera(camera, request).slot.newest
        if frame is None:
            return _no_frame_yet(camera)
        document: dict[str, Any] = {
            "camera": frame.camera,
            "run": frame.run,
            "seq": frame.seq,
            "captured_at": frame.captured_at,
            "imprinted_at": frame.imprinted_at,
            "predictions": predictions_of(frame),
        }
        return JSONResponse(document, headers=NO_STORE)

    @routes.websocket("/ws")
    async def screen(socket: WebSocket) -> None:
        screen = WebSocketViewer(
            socket,
            display.cameras,
            display.viewers,
            display.state,
            version=VERSION,
            interval_s=display.sources.frame_interval_s,
        )
        try:
            with display.viewers.admitted():
                display.screens.add(screen)
                try:
                    await screen.run()
                finally:
                    display.screens.discard(screen)
        except Full:
            await socket.send_denial_response(full_response(display.viewers))

    @answer("/healthz")
    async def healthz() -> JSONResponse:
        """Alive; for load balancers."""
        return JSONResponse({"status": "alive"}, headers=NO_STORE)

    @answer("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        paths = paths_page(request.app.openapi())
        return HTMLResponse(paths.html, headers=paths.headers)

    return routes


async def _plain_error(_: Request, error: HTTPException) -> JSONResponse:
    detail = error.detail if isinstance(error.detail, dict) else {"error": error.detail}
    return JSONResponse(detail, status_code=error.status_code, headers=error.headers)


def _no_frame_yet(camera: str) -> JSONResponse:
    headers = {"Retry-After": "1", **NO_STORE}
    return JSONResponse({"error": f"camera {camera!r} has given no frame yet"}, status_code=503, headers=headers)
