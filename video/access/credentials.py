"""Finds the credential that a request carries. Whether it proves anything is decided elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from video.access.document import ProxySection
from video.access.identity import Denied, Refused
from video.access.sessions import COOKIE
from video.client_address import ClientAddresses

MAX_PARAMETERS = 100  # of a query


class Place(StrEnum):
    """Where a credential stands in a request."""

    HEADER = "header"
    TOKEN_PARAMETER = "token"  # noqa: S105 - the name of a parameter
    LINK_PARAMETER = "link"
    COOKIE = "cookie"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request presents.

    Attributes:
        place: where it stands.
        text: of the credential; from a proxy, the viewer's name.
        groups: that a proxy names.
    """

    place: Place
    text: str
    groups: tuple[str, ...] = ()


def find(scope: Mapping[str, Any], proxy: ProxySection | None, addresses: ClientAddresses) -> Credential | None:
    """Return the credential of a request, None if it has none: a trusted proxy's word, a header, a query, a cookie.

    Raises:
        Refused: there are several of a kind, or one stands where it does not belong.
    """
    trusted = proxy is not None and addresses.is_trusted_peer(scope)
    names = _values(scope, proxy.user) if proxy is not None and proxy.user is not None and trusted else []
    if proxy is not None and names and (name := _only(names)):
        groups = [group.strip() for value in _values(scope, proxy.groups) for group in value.split(",")]
        return Credential(Place.PROXY, name, tuple(filter(None, groups)))
    authorization = _values(scope, "authorization")
    if authorization and (bearer := _bearer(_only(authorization), strict=not trusted)):
        return Credential(Place.HEADER, bearer)
    for place in (Place.TOKEN_PARAMETER, Place.LINK_PARAMETER):
        values = [value for name, value in query_of(scope) if name == place.value]
        if values:
            return Credential(place, _only(values))
    cookie = cookie_of(scope, COOKIE)
    return Credential(Place.COOKIE, cookie) if cookie else None


def is_forged(scope: Mapping[str, Any], proxy: ProxySection | None, addresses: ClientAddresses) -> bool:
    """Return whether a request has a proxy's header, and does not come from a trusted proxy."""
    named = proxy is not None and proxy.user is not None and bool(_values(scope, proxy.user))
    return named and not addresses.is_trusted_peer(scope)


def query_of(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the parameters of a request's query.

    Raises:
        Refused: there are too many.
    """
    query: bytes = scope["query_string"]
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as exc:
        raise Refused(Denied.MALFORMED) from exc


def cookie_of(scope: Mapping[str, Any], name: str) -> str | None:
    """Return a cookie; None if there is none of that name."""
    for header in _values(scope, "cookie"):
        for pair in header.split(";"):  # one by one: other cookies may be malformed
            try:
                found = SimpleCookie(pair.strip()).get(name)
            except CookieError:
                continue
            if found is not None:
                return found.value
    return None


def _bearer(authorization: str, *, strict: bool) -> str | None:
    """Return a bearer token (RFC 6750, section 2.1); another scheme is refused, or ignored: it is the proxy's own."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if strict:
        raise Refused(Denied.MALFORMED)
    return None


def _only(values: Iterable[str]) -> str:
    """Return the only value of several that must be one.

    Raises:
        Refused: it is not the only one.
    """
    first, *others = values
    if others:
        raise Refused(Denied.MALFORMED)
    return first


def _values(scope: Mapping[str, Any], wanted: str) -> list[str]:
    name = wanted.encode()
    return [value.decode("latin-1").strip() for header, value in scope["headers"] if header == name]
