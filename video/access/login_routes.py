"""The paths of the login: at an identity provider, or by a token typed in once; and of the logout."""

import logging
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.redact import redact
from video.access.access import Access, Viewer
from video.access.body import BadBody, read_fields
from video.access.credentials import cookie_of
from video.access.denial import denial
from video.access.fetch import FetchFailed
from video.access.identity import NOBODY, Denied, Identity, Kind, Refused
from video.access.login_page import login_page
from video.access.oidc import LOGIN_S, Login, logout_address
from video.access.origin import address_of
from video.access.policy import Policy
from video.access.session_cookie import set_cookie, with_session
from video.access.sessions import COOKIE, identity_of
from video.paths import NO_STORE, answers, json_answer

log = logging.getLogger(__name__)

_LOGIN_COOKIE = "video_login"
_AWAY = {"error": "the identity provider cannot be reached"}
_NO_LOGIN = {"error": "there is no such login: ACCESSFILE does not set one up"}


def login_routes(access: Access) -> APIRouter:
    """Return the paths of the login."""
    routes = APIRouter()

    @answers(routes, "/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        found = _login_of(access, request)
        if found is None:
            return _form(access, "./")
        try:
            location, cookie = await found[1].begin()
        except FetchFailed as exc:
            return _away(exc)
        response = _redirection(location, 302)
        set_cookie(response, _LOGIN_COOKIE, cookie, access, request.scope, max_age_s=LOGIN_S)
        return response

    @answers(routes, "/login/callback", include_in_schema=False)
    async def callback(request: Request) -> Response:
        found = _login_of(access, request)
        if found is None:
            return json_answer(_NO_LOGIN, 404)
        policy, provider = found
        try:
            cookie = cookie_of(request.scope, _LOGIN_COOKIE) or ""
            identity = await provider.finish(request.query_params, cookie)
        except FetchFailed as exc:
            return _away(exc)
        except Refused as exc:
            return _refused(access, policy, request, exc)
        response = _entered(access, policy, request, identity)
        set_cookie(response, _LOGIN_COOKIE, "", access, request.scope, max_age_s=0)
        return response

    @answers(routes, "/login/token", include_in_schema=False)
    async def token_form() -> Response:
        return _form(access, "../")

    routes.add_api_route("/login/token", _login_by_token(access), methods=["POST"], include_in_schema=False)
    routes.add_api_route("/logout", _logout(access), methods=["POST"], include_in_schema=False)
    return routes


def _login_by_token(access: Access) -> Callable[..., object]:
    async def login_by_token(request: Request) -> Response:
        policy = access.policy
        if policy is None or policy.document.tokens is None:
            return json_answer(_NO_LOGIN, 404)
        try:
            token = str((await read_fields(request)).get("token", "")).strip()
            identity = await access.identity_of_token(token, access.addresses.of_request(request.scope))
        except BadBody as exc:
            return json_answer({"error": str(exc)}, 400)
        except Refused as exc:
            return _refused(access, policy, request, exc)
        return _entered(access, policy, request, identity)

    return login_by_token


def _logout(access: Access) -> Callable[..., object]:
    async def logout(request: Request) -> Response:
        """Remove the cookie; say where to go on, or go there."""
        issuer, policy = access.login_issuer(), access.policy
        location = None
        if policy is not None and policy.document.oidc is not None and issuer is not None:
            oidc = policy.document.oidc
            back_to = f"{oidc.public_url or address_of(access, request.scope)}".rstrip("/") + "/"
            if _is_login(request, policy):
                location = await logout_address(issuer, oidc.client_id, back_to)
        if "application/json" in request.headers.get("accept", ""):
            response = json_answer({"location": location or "./"})
        else:
            response = _redirection("./", 303)
        set_cookie(response, COOKIE, "", access, request.scope, max_age_s=0)
        return response

    return logout


def _login_of(access: Access, request: Request) -> tuple[Policy, Login] | None:
    policy, issuer = access.policy, access.login_issuer()
    oidc = policy.document.oidc if policy else None
    if policy is None or oidc is None or issuer is None:
        return None
    address = (oidc.public_url or address_of(access, request.scope)).rstrip("/")
    return policy, Login(policy, oidc, issuer, f"{address}/login/callback")


def _form(access: Access, root: str) -> Response:
    """Return the page that asks for a token."""
    policy = access.policy
    if policy is None or policy.document.tokens is None:
        return json_answer(_NO_LOGIN, 404)
    return login_page(policy, Viewer(access, NOBODY), Response(headers=NO_STORE), root)


def _is_login(request: Request, policy: Policy) -> bool:
    try:
        return identity_of(cookie_of(request.scope, COOKIE) or "", policy.sealer).kind is Kind.LOGIN
    except Refused:
        return False


def _entered(access: Access, policy: Policy, request: Request, identity: Identity) -> Response:
    return with_session(_redirection("../", 303), identity, policy, access, request.scope)


def _refused(access: Access, policy: Policy, request: Request, refused: Refused) -> Response:
    if refused.reason is not Denied.TOO_MANY_ATTEMPTS:
        access.attempts.failed(access.addresses.of_request(request.scope))
    answer = denial(access, refused.reason, known=False)
    return login_page(policy, Viewer(access, NOBODY), answer, "../")


def _redirection(location: str, status: int) -> Response:
    return Response(status_code=status, headers={"Location": location, "Referrer-Policy": "no-referrer", **NO_STORE})


def _away(exc: FetchFailed) -> Response:
    log.warning("a login failed: %s", redact(str(exc)))
    return json_answer(_AWAY, 503, {"Retry-After": "5", **NO_STORE})
