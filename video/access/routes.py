"""The paths that tell who a viewer is and make links."""

import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.go_notation import DURATION_FORM, format_duration, parse_duration
from video.access import links
from video.access.access import Access, Viewer
from video.access.body import BadBody, read_fields
from video.access.denial import Forbidden
from video.access.identity import Denied, Kind
from video.access.origin import address_of
from video.access.scope import viewer_of
from video.paths import answers, json_answer

DEFAULT_LINK_S = 3600.0


def access_routes(access: Access, camera_ids: Callable[[], list[str]]) -> APIRouter:
    """Return the paths of access.

    Args:
        access: that decides.
        camera_ids: returns the ids of the cameras that are known.
    """
    routes = APIRouter()

    @answers(routes, "/whoami")
    async def whoami(request: Request) -> Response:
        """Who the viewer is, its role, the cameras that it may see, and until when."""
        return json_answer(_as_json(viewer_of(request.scope), camera_ids()))

    async def make_link(request: Request) -> Response:
        """A signed link that shows one `camera` for a while (`for`, such as 1h), as a form, JSON or in the query."""
        try:
            fields = await read_fields(request)
        except BadBody as exc:
            return json_answer({"error": str(exc)}, 400)
        return _link_answer(request, access, fields.get("camera"), fields.get("for"), camera_ids())

    routes.add_api_route("/links", make_link, methods=["POST"], status_code=201)
    return routes


def _as_json(viewer: Viewer, known: list[str]) -> dict[str, object]:
    access, identity = viewer.access, viewer.identity
    document = access.policy.document if access.policy else None
    finite = identity.expires_at != float("inf")
    return {
        "name": identity.name,
        "role": viewer.role,
        "by": identity.kind,
        "cameras": [camera for camera in known if viewer.may_see(camera)],
        "predictions": [camera for camera in known if viewer.may_see_predictions(camera)],
        "expires_at": int(identity.expires_at * 1e6) if finite else None,
        "may_share": _may_share(viewer),
        "longest_link_s": document.links.longest if document and document.links else None,
        "login": {"oidc": bool(document and document.oidc), "token": bool(document and document.tokens)},
        "open": document is None,
        "loopback": access.loopback,
    }


def _may_share(viewer: Viewer) -> bool:
    policy = viewer.access.policy
    return policy is not None and bool(policy.link_keys) and viewer.known and viewer.identity.kind is not Kind.LINK


def _link_answer(request: Request, access: Access, camera: object, wanted: object, known: list[str]) -> Response:
    viewer, policy = viewer_of(request.scope), access.policy
    if policy is None or not policy.link_keys:
        return json_answer({"error": "links are not set up: ACCESSFILE names no keys for them"}, 404)
    if not _may_share(viewer):
        raise Forbidden(viewer, Denied.SHARING)
    document_links = policy.document.links
    longest_s = document_links.longest if document_links else 0.0
    try:
        for_s = _duration(wanted, longest_s)
    except ValueError as exc:
        return json_answer({"error": f"for: {exc}; allowed: {DURATION_FORM}, up to {format_duration(longest_s)}"}, 422)
    if not isinstance(camera, str):
        return json_answer({"error": "camera is missing; allowed: the id of a camera"}, 422)
    if not viewer.may_see(camera):
        raise Forbidden(viewer, Denied.CAMERA)
    if camera not in known:
        return json_answer({"error": f"there is no camera {camera[:64]!r}"}, 404)
    expires_at = time.time() + for_s
    key = next(iter(policy.link_keys.values()))
    link = links.sign(key, camera, expires_at, predictions=viewer.may_see_predictions(camera))
    address = address_of(access, request.scope)
    document = {
        "camera": camera,
        "url": f"{address}/?link={link}",
        "stream": f"{address}/cameras/{camera}/stream?link={link}",
        "snapshot": f"{address}/cameras/{camera}/snapshot.jpg?link={link}",
        "key": key.id,
        "expires_at": int(expires_at * 1e6),
    }
    return json_answer(document, 201)


def _duration(value: object, longest_s: float) -> float:
    """Return seconds; numbers are seconds, texts in Go's notation.

    Raises:
        ValueError: it is neither, or too long.
    """
    if value is None or value == "":
        return min(DEFAULT_LINK_S, longest_s)
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        value = float(value)
    seconds = parse_duration(value) if isinstance(value, str) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= longest_s:
        raise ValueError(f"got {str(value)[:40]!r}")
    return float(seconds)
