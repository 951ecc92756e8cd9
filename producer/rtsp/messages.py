"""RTSP messages (RFC 2326, sections 4 to 7), read as leniently as cameras write them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

MOST_HEAD_BYTES = 1 << 15
MOST_BODY_BYTES = 1 << 16
LONGEST_LINE = 1 << 11
QUIET_S = 1.0  # after which a message is as complete as it will be
SETTLED_S = 0.2  # the same for a session description that looks complete

_STATUS = re.compile(rb"RTSP/[\d.]*[ \t]+(\d{1,3})(?!\d)[^\n]*", re.IGNORECASE)
_REQUEST = re.compile(rb"([A-Z_]{2,20})[ \t]+[!-~]+[ \t]+RTSP/[\d.]+[ \t\r]*")
_BEGINNING = re.compile(rb"[A-Z_]{2,20}([ \t/][ -~\t]*\r?)?|(?i:RTSP)(/[^\n]*)?")  # of either, as far as it is there
_END_OF_HEAD = re.compile(rb"\n[ \t\r]*\n")
_NEXT_MESSAGE = re.compile(rb"(?:RTSP/\d|[A-Z_]{2,20} [!-~]+ RTSP/\d)")
_NUMBER = re.compile(r"\s*(\d{1,9})(?!\d)")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\s*:")


@dataclass(frozen=True, slots=True)
class Response:
    """The camera's answer to a request; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, list[str]]
    body: bytes = field(default=b"", repr=False)

    def first(self, name: str) -> str:
        """Return the first header of a name, or an empty string."""
        return self.headers.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the camera sends to us."""

    method: str
    headers: Mapping[str, list[str]]


Message: TypeAlias = Response | Request


@dataclass(frozen=True, slots=True)
class Pending:
    """The text is the beginning of a message.

    Attributes:
        quiet_s: seconds of silence after which no more is to be expected, and the message is taken as it is; None if
            it makes no sense yet.
    """

    quiet_s: float | None = None


def parse(
    text: bytes, *, quiet: bool, description: bool, is_packet: Callable[[bytes], bool]
) -> tuple[Message, int] | Pending | None:
    """Return the message that a text begins with and its size, or None if it does not begin with a message.

    Args:
        text: what has been received so far.
        quiet: nothing more has come for the time that `Pending` said.
        description: the message is expected to hold a session description, whatever its head says.
        is_packet: returns whether a text begins with a packet.
    """
    line, has_line, _ = text.partition(b"\n")
    if len(line) > LONGEST_LINE or not _BEGINNING.fullmatch(line):
        return None
    if not has_line:
        return Pending()
    status, request = _STATUS.match(line), _REQUEST.fullmatch(line)
    if not (status or request):
        return None
    end = _END_OF_HEAD.search(text)
    if end is None:
        if len(text) > MOST_HEAD_BYTES:
            return None
        if not (quiet and text.endswith(b"\n")):
            return Pending(QUIET_S if text.endswith(b"\n") else None)
    begin = end.end() if end else len(text)
    if begin > MOST_HEAD_BYTES:
        return None
    headers = _headers(text[len(line) + 1 : begin])
    describes = description and status is not None and status[1].startswith(b"2")
    size = _body_size(text[begin:], headers, describes=describes, quiet=quiet, is_packet=is_packet)
    if isinstance(size, Pending):
        return size
    body = text[begin : begin + size]
    if status:
        return Response(int(status[1]), headers, body), begin + size
    return Request(request[1].decode() if request else "", headers), begin + size


def _body_size(
    rest: bytes,
    headers: Mapping[str, list[str]],
    *,
    describes: bool,
    quiet: bool,
    is_packet: Callable[[bytes], bool],
) -> int | Pending:
    """Return how much of the text behind a head is its body."""
    announced = _announced(headers)
    if describes or (announced is None and rest[:2] == b"v="):
        return _description_size(rest, announced, quiet=quiet)
    if not announced or _NEXT_MESSAGE.match(rest) or is_packet(rest):
        return 0  # a length without a body
    if announced <= len(rest):
        return announced
    return len(rest) if quiet else Pending(QUIET_S)


def _description_size(rest: bytes, announced: int | None, *, quiet: bool) -> int | Pending:
    """Return the size of a session description: cameras count characters instead of bytes, or do not count at all."""
    following = _NEXT_MESSAGE.search(rest)
    there = following.start() if following else min(len(rest), MOST_BODY_BYTES)
    if following or quiet or there == MOST_BODY_BYTES:
        return there
    if announced is None or announced > there or rest[announced:].strip():
        return Pending(SETTLED_S if b"\nm=" in rest and rest.endswith(b"\n") and announced is None else QUIET_S)
    return there if rest.endswith(b"\n") else Pending(SETTLED_S)


def _announced(headers: Mapping[str, list[str]]) -> int | None:
    found = _NUMBER.match(headers.get("content-length", [""])[0])
    size = int(found[1]) if found else None
    return None if size is None or size > MOST_BODY_BYTES else size


def _headers(text: bytes) -> dict[str, list[str]]:
    """Return the headers by their names."""
    headers: dict[str, list[str]] = {}
    values: list[str] = []
    for line in decoded(text).split("\n"):
        if line[:1] in (" ", "\t") and values and not _HEADER_NAME.match(line.strip()):
            values[-1] = f"{values[-1]} {line.strip()}"  # continued (RFC 2326, section 4: as in HTTP)
            continue
        name, colon, value = line.partition(":")
        if colon:
            values = headers.setdefault(name.strip().lower(), [])
            values.append(value.strip())
    return headers


def decoded(text: bytes) -> str:
    """Return a text of a camera: UTF-8 as RFC 2326 wants it, or whatever it is, such that `encoded` gives it back."""
    return text.decode(errors="surrogateescape")


def encoded(text: str) -> bytes:
    """Return a text, parts of which came from a camera, as the camera wrote it."""
    return text.encode(errors="surrogateescape")
