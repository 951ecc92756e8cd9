"""Lets requests in: one ASGI middleware in front of everything that `video` answers.

What it does not know to be for all, it keeps for those who may see something.
"""

import time
from urllib.parse import quote, urlencode

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from video.access import credentials, links
from video.access.access import Access, Viewer
from video.access.denial import denial, send_denial
from video.access.identity import NOBODY, Denied, Kind, Refused
from video.access.login_page import login_page
from video.access.policy import Policy
from video.access.scope import put_viewer
from video.access.session_cookie import with_session
from video.access.sessions import COOKIE, identity_of

# These tell nothing about cameras or viewers: the page's own files, the login, and whether the service is alive.
_FOR_ALL = frozenset({"/healthz", "/login", "/login/callback", "/login/token", "/logout"})
_FOR_ALL_BELOW = "/static/"
_SAFE = frozenset({"GET", "HEAD"})


class Gate:
    """Finds out who sends each request, and refuses those who may see nothing."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its viewer, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = await self._answer(scope)
        if answer is None:
            await self._app(scope, receive, send)
        else:
            await send_denial(answer, scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        """Put the viewer into the scope; return what to answer instead of passing the request on."""
        access, policy = self._access, self._access.policy
        for_all = scope["path"] in _FOR_ALL or scope["path"].startswith(_FOR_ALL_BELOW)
        try:
            viewer = Viewer(access, NOBODY) if for_all else await access.identify(scope)
        except Refused as exc:
            viewer = Viewer(access, NOBODY)
            if not (exc.by_cookie and viewer.rights.some):  # its browser may still see what everyone may
                return self._refuse(scope, policy, viewer, exc.reason)
        put_viewer(scope, viewer)
        if for_all or policy is None:
            return None
        if not viewer.rights.some:
            reason = Denied.NO_ROLE if viewer.known else self._why_unknown(scope, policy)
            return self._refuse(scope, policy, viewer, reason)
        return self._redirection(scope, policy, viewer)

    def _why_unknown(self, scope: Scope, policy: Policy) -> Denied:
        forged = credentials.is_forged(scope, policy.document.proxy, self._access.addresses)
        return Denied.UNTRUSTED_PROXY if forged else Denied.NO_CREDENTIAL

    def _refuse(self, scope: Scope, policy: Policy | None, viewer: Viewer, reason: Denied) -> Response:
        answer = denial(self._access, reason, known=viewer.known)
        return login_page(policy, viewer, answer) if policy and _wants_page(scope) else answer

    def _redirection(self, scope: Scope, policy: Policy, viewer: Viewer) -> Response | None:
        """Return a redirection to the same address without a token, or a link's page, which sets a cookie instead."""
        if scope["type"] != "http" or scope["method"] not in _SAFE:
            return None
        try:
            query = credentials.query_of(scope)
        except Refused:
            return None  # its credential stands elsewhere
        names = {name for name, _ in query}
        by_token = viewer.identity.kind is Kind.TOKEN and credentials.Place.TOKEN_PARAMETER.value in names
        by_link = viewer.identity.kind is Kind.LINK and credentials.Place.LINK_PARAMETER.value in names
        if not by_token and not (by_link and _wants_page(scope)):
            return None
        rest = [(name, value) for name, value in query if name not in {"token", "link"}]
        headers = {"Location": _relative(scope["path"], rest), "Cache-Control": "no-store"}
        headers["Referrer-Policy"] = "no-referrer"
        if by_link and self._sees_already(scope, policy, viewer):
            return Response(status_code=303, headers=headers)
        return with_session(Response(status_code=303, headers=headers), viewer.identity, policy, self._access, scope)

    def _sees_already(self, scope: Scope, policy: Policy, viewer: Viewer) -> bool:
        """Return whether a link shows no more than the session that its browser has."""
        try:
            session = identity_of(credentials.cookie_of(scope, COOKIE) or "", policy.sealer)
            camera = links.verify(viewer.identity.proof, policy.link_keys, time.time()).camera
        except Refused:
            return False
        return Viewer(self._access, session).may_see(camera)


def _wants_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["path"] != "/" or scope["method"] not in _SAFE:
        return False
    accept = [value for name, value in scope["headers"] if name == b"accept"]
    return any(b"text/html" in value.lower() for value in accept) and b"action=" not in scope["query_string"]


def _relative(path: str, query: list[tuple[str, str]]) -> str:
    """Return a reference to the same path with another query, right below any path of a reverse proxy."""
    last = quote(path.rpartition("/")[2])
    return f"./{last}" + (f"?{urlencode(query)}" if query else "")
