"""The address that a viewer sees of this service, as its request and trusted proxies tell."""

import re
from collections.abc import Mapping
from typing import Any

from video.access.access import Access

_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,300}")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,100}){1,20}")


def is_https(access: Access, scope: Mapping[str, Any]) -> bool:
    """Return whether the viewer's browser speaks HTTPS, to this service or to a trusted proxy in front of it."""
    if scope["scheme"] in {"https", "wss"}:
        return True
    return _forwarded(access, scope, "x-forwarded-proto") in {"https", "wss"}


def prefix_of(access: Access, scope: Mapping[str, Any]) -> str:
    """Return the path that a trusted proxy serves this service below, without a slash at its end."""
    prefix = (_forwarded(access, scope, "x-forwarded-prefix") or "").rstrip("/")
    return prefix if _PREFIX.fullmatch(prefix) else ""


def host_of(access: Access, scope: Mapping[str, Any]) -> str | None:
    """Return host and port as the viewer's browser has them; None if the request does not tell."""
    host = forwarded_host_of(access, scope) or _header(scope, "host")
    return host if host and _HOST.fullmatch(host) else None


def forwarded_host_of(access: Access, scope: Mapping[str, Any]) -> str | None:
    """Return the host that a trusted proxy forwards a request for; None if none does."""
    return _forwarded(access, scope, "x-forwarded-host")


def address_of(access: Access, scope: Mapping[str, Any]) -> str:
    """Return the address of the page, without a slash at its end; an empty one if the request does not tell."""
    host = host_of(access, scope)
    if host is None:
        return ""
    return f"{'https' if is_https(access, scope) else 'http'}://{host}{prefix_of(access, scope)}"


def _forwarded(access: Access, scope: Mapping[str, Any], name: str) -> str | None:
    """Return what the nearest trusted proxy says: the last of several values is its own."""
    if not access.addresses.is_trusted_peer(scope):
        return None
    value = _header(scope, name)
    return value.rpartition(",")[2].strip() if value else None


def _header(scope: Mapping[str, Any], wanted: str) -> str | None:
    name = wanted.encode()
    values = [value.decode("latin-1") for header, value in scope["headers"] if header == name]
    return values[-1] if values else None
