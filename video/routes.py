"""The paths of the HTTP interface and their answers."""

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, WebSocket
from fastapi.exceptions import HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response

from shared import clock
from video.display import NO_STORE, Display
from video.mjpeg_response import full_response
from video.pages import html_response, paths_page, read_page, static_routes
from video.suite_status import camera_json
from video.viewers import ViewerLimitReached
from video.websocket import WebSocketViewer

_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {"description": "a picture after the other, without end", "content": {"multipart/x-mixed-replace": {}}},
    503: {"description": "as many viewers as MAXVIEWERS allows are there; try again after Retry-After seconds"},
}
_PICTURE: dict[int | str, dict[str, Any]] = {200: {"description": "a JPEG", "content": {"image/jpeg": {}}}}
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


def routes_of(display: Display) -> APIRouter:
    """Return the paths of a display."""
    routes = APIRouter()
    routes.include_router(static_routes())
    page = read_page()

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
            response = html_response(page)
            response.headers.update(vary)
            return response
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
        slot = display.camera(camera, request).slot
        frame = slot.newest
        if frame is None:
            return _no_frame_yet(camera)
        document: dict[str, Any] = {
            "camera": frame.camera,
            "run": frame.run,
            "seq": frame.seq,
            "captured_at": frame.captured_at,
            "imprinted_at": frame.imprinted_at,
            "predictions": slot.predictions(),
        }
        return JSONResponse(document, headers=NO_STORE)

    @routes.websocket("/ws")
    async def viewer(socket: WebSocket) -> None:
        viewer = WebSocketViewer(
            socket,
            display.cameras,
            display.viewers,
            display.status,
            version=VERSION,
            interval_s=display.sources.frame_interval_s,
        )
        try:
            with display.viewers.admitted(socket.scope, is_idle=viewer.activity.is_idle, give_up=viewer.give_up):
                display.websockets.add(viewer)
                try:
                    await viewer.run()
                finally:
                    display.websockets.discard(viewer)
        except ViewerLimitReached:
            await socket.send_denial_response(full_response(display.viewers))

    @answer("/ws", include_in_schema=False)
    async def websocket_only() -> JSONResponse:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", **NO_STORE}
        return JSONResponse({"error": "this path is for WebSockets"}, 426, headers)

    @answer("/healthz")
    async def healthz() -> JSONResponse:
        """Alive; for load balancers."""
        return JSONResponse({"status": "alive"}, headers=NO_STORE)

    @answer("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return html_response(paths_page(request.app.openapi()))

    return routes


async def plain_error(_: Request, error: HTTPException) -> JSONResponse:
    """Answer an HTTP error as a JSON object."""
    detail = error.detail if isinstance(error.detail, dict) else {"error": error.detail}
    return JSONResponse(detail, status_code=error.status_code, headers=error.headers)


def _no_frame_yet(camera: str) -> JSONResponse:
    headers = {"Retry-After": "1", **NO_STORE}
    return JSONResponse({"error": f"camera {camera!r} has given no frame yet"}, status_code=503, headers=headers)
