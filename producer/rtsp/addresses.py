"""Addresses of a session and its tracks (RFC 2326, appendix C.1.1), in all the ways in which cameras mean them."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

PORTS = {"rtsp": 554, "rtsps": 322}
_ABSOLUTE = re.compile(r"rtsps?://[^/?#\s]+\S*", re.IGNORECASE)
_TWICE = re.compile(r"rtsps?://(?=rtsps?://)", re.IGNORECASE)  # Content-Base: rtsp://rtsp://… (go2rtc 830)


def base_address(link: str, content_base: str, content_location: str) -> str:
    """Return what relative addresses of a description are relative to.

    Args:
        link: that was asked for the description.
        content_base: header of the answer, or empty.
        content_location: header of the answer, or empty.
    """
    for header in (content_base, content_location):
        value = _TWICE.sub("", header.strip().strip('"<>'))
        if _ABSOLUTE.fullmatch(value):
            return value
        if value.startswith("/"):
            return origin(link) + value
    return link


def track_addresses(link: str, base: str, session: str, track: str) -> list[str]:
    """Return what a track may be called, the most likely address first.

    Args:
        link: that was asked for the description.
        base: as of `base_address`.
        session: the attribute `control` of the session.
        track: the attribute `control` of the track.
    """
    return list(dict.fromkeys(_track_addresses(link, base, session, track)))


def _track_addresses(link: str, base: str, session: str, track: str) -> Iterator[str]:
    if track in ("", "*"):
        yield from session_addresses(link, base, session)
    elif _is_absolute(track):
        yield track
        yield origin(link) + track[len(origin(track)) :]  # behind a NAT a camera does not know its own address
    else:
        if session not in ("", "*"):
            # As live555 does. The RFC's way, relative to the base, comes next.
            yield joined(joined(base, session), track)
        yield joined(base, track)
        yield joined(link, track)
        path, question, query = base.partition("?")
        if question:
            yield f"{joined(path, track)}?{query}"
        if path.count("/") > 2 and not path.endswith("/"):
            yield joined(path.rpartition("/")[0], track)  # as RFC 1808 resolves it


def session_addresses(link: str, base: str, session: str) -> list[str]:
    """Return what the session as a whole may be called, the most likely address first."""
    aggregate = joined(base, session)
    return list(dict.fromkeys((aggregate, base, link, base.removesuffix("/"))))


def joined(base: str, control: str) -> str:
    """Return the address of a part of a session.

    Appended, as cameras mean it, and not resolved as RFC 1808 says: their own address may end in a query.

    >>> joined("rtsp://camera/live?channel=1", "trackID=0")
    'rtsp://camera/live?channel=1/trackID=0'
    """
    if control in ("", "*"):
        return base
    if _is_absolute(control):
        return control
    return base.removesuffix("/") + "/" + control.removeprefix("/")


def origin(address: str) -> str:
    """Return scheme, host and port of an absolute address."""
    return "/".join(address.split("/", 3)[:3]).partition("?")[0]


def redirected(link: str, location: str, peer: str) -> str | None:
    """Return the link that a camera redirects to, or None if it is not one on the same host.

    Args:
        link: that was asked.
        location: the header `Location`, without credentials.
        peer: address that the camera was reached at: it may name itself by its address.
    """
    target = origin(link) + location if location.startswith("/") else location
    try:
        before, after = urlsplit(link), urlsplit(target)
        known = (before.hostname, peer.partition("%")[0])
        if after.scheme.lower() not in PORTS or after.hostname not in known:
            return None
    except ValueError:  # not an address
        return None
    if before.scheme.lower() == "rtsps" and after.scheme.lower() != "rtsps":
        return None
    return target


def _is_absolute(control: str) -> bool:
    return "://" in control
