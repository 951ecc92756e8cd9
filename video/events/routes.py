"""The paths of predictions as data: the stream of events, and the schema of a record."""

from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from video.access.denial import Forbidden
from video.access.identity import Denied
from video.access.scope import viewer_of
from video.display import Display
from video.events.position import MAX_ID
from video.events.wanted import Wanted
from video.paths import answers, json_answer

MAX_NAMES = 100  # cameras, or models, that one reader asks for
_STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "one event after the other, without end", "content": {"text/event-stream": {}}},
    404: {"description": "the service reads no predictions (TOPICNAMEPREDICTIONS is empty)"},
    503: {"description": "the viewer limit (MAXVIEWERS) is reached; try again after Retry-After seconds"},
}
_Name = Annotated[str, Query(min_length=1, max_length=100)]
_Cameras = Annotated[list[_Name], Query(max_length=MAX_NAMES, description="only this camera; several are allowed")]
_Models = Annotated[list[_Name], Query(max_length=MAX_NAMES, description="only this model; several are allowed")]
_Least = Annotated[
    float,
    Query(ge=0, le=1, allow_inf_nan=False, description="only records with a finding of at least this probability"),
]
_LastEventId = Annotated[str, Header(max_length=MAX_ID, description="id of the last event that the reader has had")]


def event_routes(display: Display) -> APIRouter:
    """Return the paths of predictions as data."""
    routes = APIRouter()
    schema = (files("video") / "schemas" / "prediction.schema.json").read_bytes()

    @answers(routes, "/predictions/stream", response_class=Response, responses=_STREAM_ANSWERS)
    async def stream(
        request: Request,
        camera: _Cameras = [],  # noqa: B006 - FastAPI copies it
        model: _Models = [],  # noqa: B006
        min: _Least = 0.0,  # noqa: A002 - the parameter's name
        last_event_id: _LastEventId = "",
    ) -> Response:
        """Server-Sent Events: each prediction of the models as it comes, or from `Last-Event-ID` on."""
        if display.events is None:
            return json_answer({"error": "predictions are not read: TOPICNAMEPREDICTIONS is empty"}, 404)
        viewer = viewer_of(request.scope)
        wanted = Wanted(cameras=camera, models=model, least=min, viewer=viewer)
        if not wanted.allowed:
            raise Forbidden(viewer, Denied.PREDICTIONS)
        return display.events.stream(wanted, last_event_id)

    @answers(routes, "/schemas/prediction.json", response_class=Response)
    async def prediction_schema() -> Response:
        """The JSON Schema of a record of `videopredictions`, which is also the data of an event."""
        return Response(schema, media_type="application/schema+json", headers={"Cache-Control": "no-cache"})

    return routes
