"""Behaviour common to all paths: GET, HEAD and OPTIONS, errors as JSON, trailing slashes."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

METHODS = "GET, HEAD, OPTIONS"
NO_STORE = {"Cache-Control": "no-store"}
Handler = TypeVar("Handler", bound=Callable[..., Any])


def answers(routes: APIRouter, path: str, **options: Any) -> Callable[[Handler], Handler]:
    """Return a decorator that has a function answer GET and HEAD of a path; OPTIONS is answered with what there is.

    Args:
        routes: to which the path is added.
        path: as FastAPI writes it.
        options: of FastAPI's route.
    """

    def add(handler: Handler) -> Handler:
        hidden = {**options, "include_in_schema": False}
        routes.add_api_route(path, handler, methods=["HEAD"], **hidden)
        routes.add_api_route(path, handler, methods=["GET"], **options)
        routes.add_api_route(path, _options, methods=["OPTIONS"], include_in_schema=False)
        return handler

    return add


async def error_answer(request: Request, error: HTTPException) -> Response:
    """Answer an HTTP error as a JSON object; redirect an unknown path that ends with a slash to the one without.

    The redirection is relative, so that it is right below any path of a reverse proxy.
    """
    path = request.scope["path"]
    if error.status_code == 404 and path != "/" and path.endswith("/") and not path.endswith("//"):
        return Response(status_code=307, headers={"Location": _without_slash(request), **NO_STORE})
    detail = error.detail if isinstance(error.detail, dict) else {"error": error.detail}
    headers = dict(error.headers or {})
    if error.status_code == 405 and headers.get("Allow") != "POST":
        headers["Allow"] = METHODS
    return json_answer(detail, error.status_code, headers)


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> Response:
    """Return an answer in JSON, in ASCII: it may hold text that is not valid Unicode, as others wrote it."""
    return Response(json.dumps(content, allow_nan=False), status, headers, media_type="application/json")


async def _options() -> Response:
    return Response(status_code=204, headers={"Allow": METHODS, **NO_STORE})


def _without_slash(request: Request) -> str:
    path: str = request.scope["raw_path"].decode("latin-1")
    query: str = request.scope["query_string"].decode("latin-1")
    return f"../{path.rstrip('/').rpartition('/')[2]}" + (f"?{query}" if query else "")
