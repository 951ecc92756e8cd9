"""Verifies JSON Web Tokens by the keys of their issuer (RFC 7519; RFC 8725 lists what to refuse)."""

import time
from collections.abc import Mapping
from typing import Any

import jwt
from jwt import exceptions

from video.access.identity import Denied, Refused, clean
from video.access.issuer import ALGORITHMS, Issuer, UnknownKey

EXPIRY_SKEW_S = 3.0  # a running stream ends within 5 s after its token has expired
MAX_ROLES = 200
NAME_CLAIMS = ("preferred_username", "email", "name", "sub")
_DENIED: Mapping[type[Exception], Denied] = {
    exceptions.ImmatureSignatureError: Denied.NOT_YET_VALID,
    exceptions.InvalidAudienceError: Denied.AUDIENCE,
    exceptions.InvalidIssuerError: Denied.ISSUER,
    exceptions.InvalidAlgorithmError: Denied.ALGORITHM,
    exceptions.InvalidSignatureError: Denied.SIGNATURE,
}


def looks_like_one(text: str) -> bool:
    """Return whether a text has the three parts of a signed token."""
    return text.count(".") == 2


async def verify(token: str, issuer: Issuer, *, audience: str, clock_skew_s: float) -> tuple[dict[str, Any], str]:
    """Return the claims of a token, and the id of the key that signed it.

    Args:
        token: in its compact form.
        issuer: that must have issued it.
        audience: that it must be meant for.
        clock_skew_s: seconds that the issuer's clock may be ahead.

    Raises:
        Refused: it is not a token, not one of the issuer's, not for the audience, not yet or no longer valid.
    """
    try:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise Refused(Denied.ALGORITHM)
        id_, key = await issuer.key(None if key_id is None else str(key_id), algorithm)
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer.issuer,
            leeway=clock_skew_s,
            options={"require": ["exp", "iss", "aud"], "verify_exp": False},  # below, with less leeway
        )
        if time.time() >= expiry_of(claims, clock_skew_s):
            raise Refused(Denied.EXPIRED)
    except UnknownKey as exc:
        raise Refused(Denied.UNKNOWN_KEY if issuer.reachable else Denied.ISSUER_UNREACHABLE) from exc
    except (exceptions.PyJWTError, ValueError, TypeError, RecursionError) as exc:
        raise Refused(_reason(exc)) from exc
    return claims, id_


def expiry_of(claims: Mapping[str, Any], clock_skew_s: float) -> float:
    """Return the moment, in seconds since the epoch, from which a verified token is no longer accepted."""
    return float(claims["exp"]) + min(clock_skew_s, EXPIRY_SKEW_S)


def name_of(claims: Mapping[str, Any]) -> str | None:
    """Return the name that claims give a viewer; None if there is none."""
    return next((clean(claims[claim]) for claim in NAME_CLAIMS if claims.get(claim)), None)


def roles_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...] | None:
    """Return the roles that a claim names, in a list or in words; None if the claims have no such claim.

    Args:
        claims: of a token or a provider's user information.
        claim: its name, or names separated by dots that lead to a nested one.
    """
    value: Any = claims
    if claim in claims:
        value = claims[claim]
    else:
        for name in claim.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return None
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(str(role)[:200] for role in value[:MAX_ROLES]))


def _reason(exc: Exception) -> Denied:
    return next((denied for kind, denied in _DENIED.items() if isinstance(exc, kind)), Denied.MALFORMED)
