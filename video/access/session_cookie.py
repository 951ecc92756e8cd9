"""Sets and removes the cookie of a session."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from video.access.access import Access
from video.access.identity import Identity
from video.access.origin import is_https, prefix_of
from video.access.policy import Policy
from video.access.sessions import COOKIE, session_of

LONGEST_S = 7 * 86400.0  # of a session; what proves it may end it earlier


def with_session(
    response: Response, identity: Identity, policy: Policy, access: Access, scope: Mapping[str, Any]
) -> Response:
    """Return the answer with the cookie of a viewer that has just proved who it is."""
    now = time.time()
    identity = replace(identity, expires_at=min(identity.expires_at, now + LONGEST_S))
    cookie = session_of(identity, policy.sealer, policy.document.viewers.roles)
    set_cookie(response, COOKIE, cookie, access, scope, max_age_s=identity.expires_at - now)
    return response


def set_cookie(
    response: Response, name: str, value: str, access: Access, scope: Mapping[str, Any], *, max_age_s: float
) -> None:
    """Set a cookie that scripts cannot read and that other sites' requests do not carry; no age removes it."""
    response.set_cookie(
        name,
        value,
        max_age=max(0, int(max_age_s)),
        path=prefix_of(access, scope) or "/",
        secure=is_https(access, scope),
        httponly=True,
        samesite="lax",
    )
