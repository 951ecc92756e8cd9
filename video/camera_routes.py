"""The paths of the cameras: their list, and the stream, snapshot and predictions of each."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from shared import clock
from video.access.audit import What
from video.access.denial import Forbidden
from video.access.identity import Denied
from video.access.scope import viewer_of
from video.camera import Camera
from video.display import Display
from video.paths import NO_STORE, answers, json_answer
from video.picture import nearest_scale
from video.picture_maker import PictureLate
from video.suite_status import camera_json

STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "one picture after the other, without end", "content": {"multipart/x-mixed-replace": {}}},
    503: {"description": "the viewer limit (MAXVIEWERS) is reached; try again after Retry-After seconds"},
}
_SNAPSHOT_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"description": "a JPEG", "content": {"image/jpeg": {}}}}

Fps = Annotated[
    float | None, Query(gt=0, le=1000, allow_inf_nan=False, description="at most this many frames a second, on average")
]
Width = Annotated[
    int | None,
    Query(ge=1, le=65_500, description="width in pixels; the nearest of 1, 1/2, 1/4, 1/8 of the size is sent"),
]


def camera_routes(display: Display) -> APIRouter:
    """Return the paths below /cameras."""
    routes = APIRouter()

    @answers(routes, "/cameras")
    async def cameras(request: Request) -> Response:
        """All cameras: id, size in pixels, frames a second, age of the newest frame in ms, viewers, state."""
        now = time.monotonic()
        viewer = viewer_of(request.scope)
        seen = [camera for camera in display.cameras if viewer.may_see(camera.id)]
        return json_answer([camera_json(camera, now) for camera in seen])

    @answers(routes, "/cameras/{camera}/stream", response_class=Response, responses=STREAM_ANSWERS)
    async def stream(request: Request, camera: str, fps: Fps = None, width: Width = None) -> Response:
        """MJPEG of a camera; it stays open while the camera is down, and says so."""
        found = display.camera(camera, request)
        return display.stream(lambda: found, fps=fps, width=width)

    @answers(routes, "/cameras/{camera}/snapshot.jpg", response_class=Response, responses=_SNAPSHOT_ANSWERS)
    async def snapshot(request: Request, camera: str, width: Width = None) -> Response:
        """The newest frame of a camera, as it came; with a width, smaller."""
        found = display.camera(camera, request)
        display.viewers.audit.asked(viewer_of(request.scope), camera, What.SNAPSHOT)
        return await snapshot_of(found, display, width)

    @answers(routes, "/cameras/{camera}/predictions")
    async def predictions(request: Request, camera: str) -> Response:
        """What was drawn on the newest frame of a camera."""
        found, viewer = display.camera(camera, request), viewer_of(request.scope)
        if not viewer.may_see_predictions(camera):
            raise Forbidden(viewer, Denied.PREDICTIONS)
        display.viewers.audit.asked(viewer, camera, What.PREDICTIONS)
        return _predictions_of(found)

    return routes


async def snapshot_of(camera: Camera | None, display: Display, width: int | None) -> Response:
    """Return the answer with the newest frame of a camera, None if there is no camera yet, near a width in pixels."""
    picture = camera.slot.picture if camera else None
    plain = picture and (picture.plain or picture)
    if camera is None or plain is None or plain.frame is None:
        return _no_frame_yet(camera.id if camera else "")
    slot, frame = camera.slot, plain.frame
    try:
        jpeg = await asyncio.shield(display.cameras.scaled(plain, nearest_scale(plain.width, width)))
    except PictureLate:
        return json_answer({"error": "the picture was not made in time"}, 503, {"Retry-After": "1", **NO_STORE})
    age_ms = max(0, clock.now_us() - frame.captured_at) // 1000
    headers = {
        "X-Timestamp": f"{frame.captured_at // 1_000_000}.{frame.captured_at % 1_000_000:06d}",
        "X-Age": "unknown" if slot.clock_suspect else str(age_ms),
        "X-Sequence": str(frame.seq),
    }
    return Response(jpeg, media_type="image/jpeg", headers={**headers, **NO_STORE})


def _predictions_of(camera: Camera) -> Response:
    frame = camera.slot.newest
    if frame is None:
        return _no_frame_yet(camera.id)
    document: dict[str, Any] = {
        "camera": frame.camera,
        "run": frame.run,
        "seq": frame.seq,
        "captured_at": frame.captured_at,
        "imprinted_at": frame.imprinted_at,
        "predictions": camera.slot.predictions(),
    }
    return json_answer(document)


def _no_frame_yet(camera: str) -> Response:
    error = f"camera {camera!r} has given no frame yet" if camera else "there is no camera yet"
    return json_answer({"error": error}, 503, {"Retry-After": "1", **NO_STORE})
