"""Reads the small bodies that a few paths take."""

import asyncio
import json
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

Json: TypeAlias = dict[str, Any]

PATHS = frozenset({"/links", "/login/token"})  # no other path takes a body
MAX_BYTES = 4096
TIMEOUT_S = 5.0
MAX_FIELDS = 10


class BadBody(Exception):
    """A body is not what the path takes; the text says what is allowed."""


async def read_fields(request: Request) -> Json:
    """Return the fields of a request: those of its query, and those of its body, a form or a JSON object.

    Raises:
        BadBody: the body is something else, or did not come in time.
    """
    fields: Json = dict(request.query_params)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            body = await request.body()  # connection.py has bounded it
    except (TimeoutError, ClientDisconnect) as exc:
        raise BadBody("the body did not come in time") from exc
    if not body:
        return fields
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded":
            return fields | dict(parse_qsl(body.decode(), max_num_fields=MAX_FIELDS))
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise BadBody("the body is neither a form nor JSON") from exc
    if not isinstance(value, dict):
        raise BadBody("the body is not a JSON object")
    return fields | value
