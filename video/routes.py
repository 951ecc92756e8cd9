"""The paths of the HTTP interface and their answers; those of the cameras are in camera_routes.py."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, WebSocket
from fastapi.responses import HTMLResponse, Response

from video.access.audit import What
from video.access.login_routes import login_routes
from video.access.routes import access_routes
from video.access.scope import viewer_of
from video.camera import Camera
from video.camera_routes import STREAM_ANSWERS, Fps, Width, camera_routes, snapshot_of
from video.display import Display
from video.events.routes import event_routes
from video.history_routes import history_routes
from video.mjpeg_response import full_response
from video.pages import html_response, paths_page, read_page, static_routes
from video.paths import NO_STORE, answers, json_answer
from video.viewers import ViewerLimitReached
from video.websocket import WebSocketViewer

try:
    VERSION = version("machine-learning-deployment")
except PackageNotFoundError:  # started from a source tree that was never installed
    VERSION = "unknown"

Action = Annotated[
    Literal["stream", "snapshot"] | None,
    Query(description="MJPEG or one JPEG, as mjpg-streamer's clients ask for it, whatever `Accept` says"),
]
CameraId = Annotated[str | None, Query(description="camera of `action`; the one with the smallest id by default")]


def routes_of(display: Display) -> APIRouter:
    """Return all paths."""
    routes = APIRouter()
    routes.include_router(static_routes())
    routes.include_router(_page_routes(display))
    routes.include_router(camera_routes(display))
    routes.include_router(history_routes(display))
    routes.include_router(event_routes(display))
    routes.include_router(_websocket_routes(display))
    routes.include_router(access_routes(display.sources.access, display.cameras.ids))
    routes.include_router(login_routes(display.sources.access))
    routes.include_router(_service_routes())
    return routes


def _page_routes(display: Display) -> APIRouter:
    routes = APIRouter()
    page = read_page()

    @answers(routes, "/", response_class=Response, responses=STREAM_ANSWERS)
    async def show(
        request: Request, action: Action = None, camera: CameraId = None, fps: Fps = None, width: Width = None
    ) -> Response:
        """The page for browsers (`Accept: text/html`); for all others MJPEG of the camera with the smallest id."""
        vary = {"Vary": "Accept"}
        if action is None and "text/html" in request.headers.get("accept", "").lower():
            response = html_response(page)
            response.headers.update(vary)
            return response
        chosen = display.camera(camera, request) if camera and action else None

        def find() -> Camera | None:
            return chosen or display.first(request)

        if action == "snapshot":
            shown = find()
            if shown is not None:
                display.viewers.audit.asked(viewer_of(request.scope), shown.id, What.SNAPSHOT)
            return await snapshot_of(shown, display, width)
        return display.stream(find, fps=fps, width=width, headers=vary)

    return routes


def _websocket_routes(display: Display) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/ws")
    async def serve(socket: WebSocket) -> None:
        viewer = WebSocketViewer(
            socket,
            viewer_of(socket.scope),
            display.cameras,
            display.viewers,
            display.status,
            version=VERSION,
            interval_s=display.sources.frame_interval_s,
        )
        try:
            with display.viewers.admitted(socket.scope, is_idle=viewer.activity.is_idle, give_up=viewer.give_up):
                await display.serve(viewer)
        except ViewerLimitReached:
            await socket.send_denial_response(full_response(display.viewers))

    @answers(routes, "/ws", include_in_schema=False)
    async def upgrade_required() -> Response:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", **NO_STORE}
        return json_answer({"error": "this path is for WebSockets"}, 426, headers)

    return routes


def _service_routes() -> APIRouter:
    routes = APIRouter()

    @answers(routes, "/healthz")
    async def healthz() -> Response:
        """Alive; for load balancers."""
        return json_answer({"status": "alive"})

    @answers(routes, "/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return html_response(paths_page(request.app.openapi()))

    @answers(routes, "/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return json_answer(request.app.openapi())

    return routes
