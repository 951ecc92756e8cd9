"""The path of a camera's history over the last minutes."""

import time

from fastapi import APIRouter, Request
from fastapi.responses import Response

from video.access.scope import viewer_of
from video.camera import Camera
from video.display import Display
from video.history import INTERVAL_S, Json
from video.paths import answers, json_answer


def history_routes(display: Display) -> APIRouter:
    """Return the route of the histories."""
    routes = APIRouter()

    @answers(routes, "/cameras/{camera}/history")
    async def history(request: Request, camera: str) -> Response:
        """Rate, age, drops by reason and top findings of a camera over the last five minutes."""
        found, now = display.camera(camera, request), time.monotonic()
        with_findings = viewer_of(request.scope).may_see_predictions(camera)
        return json_answer(history_json(found, now, with_findings=with_findings))

    return routes


def history_json(camera: Camera, now: float, *, with_findings: bool) -> Json:
    """Return the history of a camera at a monotonic time in seconds; without points if it has none."""
    points = [] if camera.history is None else camera.history.as_json(now)
    if not with_findings:  # they are predictions
        points = [{**point, "findings": []} for point in points]
    return {"camera": camera.id, "interval_s": INTERVAL_S, "points": points}
