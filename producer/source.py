"""Parses the text that names a camera: a link, files or a device."""

import enum
import fnmatch
import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from shared.redact import MIN_VALUE_LENGTH, link_secrets, redact

SCHEMES = ("rtsp", "rtsps", "http", "https")
SOURCE_FORM = (
    "rtsp://… (also rtsps), http://… (MJPEG, also https), the path or glob of existing pictures or videos, "
    "or a device such as /dev/video0"
)
DEVICE_FORM = "the index of a device such as 0, or its path such as /dev/video0"
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

_LINK = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(%[A-Za-z0-9._~%-]+)?\]|[^\s\[\]@:/?#]+)(:\d{1,5})?", re.ASCII)
_ENCODED = re.compile(r"([A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*", re.ASCII)
# XiongMai's cameras take the password there: rtsp://10.0.0.7/user=admin&password=…&channel=1.sdp
_PATH_VALUE = re.compile(r"=[^&;/=]+")
_DEVICE = re.compile(r"\d{1,3}|/dev/.+", re.ASCII)


class SourceKind(enum.StrEnum):
    """How a source is captured."""

    LINK = "link"
    FILES = "files"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pictures of a camera come from. `text` may hold credentials and is never shown."""

    kind: SourceKind
    text: str = field(repr=False)

    def __str__(self) -> str:
        """Return the source in a form that may be logged: without credentials, the query, and values in the path."""
        if self.kind is not SourceKind.LINK:
            return redact(self.text)
        scheme, user_info, rest = _split(self.text)
        place, question, _ = rest.partition("?")
        place = _PATH_VALUE.sub("=***", place.partition("#")[0])
        return f"{scheme}://{'***@' if user_info else ''}{place}{'?***' if question else ''}"

    def secrets(self) -> list[str]:
        """Return every form of the credentials that libraries may quote: raw, encoded and decoded."""
        if self.kind is not SourceKind.LINK:
            return []
        secrets = {secret for link in (self.text, for_ffmpeg(self.text)) for secret in link_secrets(link)}
        _, user_info, rest = _split(self.text)
        secrets.add(user_info.partition(":")[0])
        values = [value.removeprefix("=") for value in _PATH_VALUE.findall(rest.partition("?")[0])]
        secrets |= {value for value in values if len(value) >= MIN_VALUE_LENGTH}
        secrets |= {unquote(secret) for secret in secrets}
        return sorted(secret for secret in secrets if len(secret) > 2)


def parse(text: str) -> Source:
    """Return the source that a text names; blanks and line ends around it do not belong to it.

    Raises:
        ValueError: the text names no source, or files that do not exist.
    """
    text = text.strip()
    link = _LINK.fullmatch(text)
    if link:
        if link["scheme"].lower() not in SCHEMES or not _split(text)[2]:
            raise ValueError("not a link to a camera")
        return Source(SourceKind.LINK, text)
    if _DEVICE.fullmatch(text):
        return Source(SourceKind.DEVICE, text)
    if not files(text):
        raise ValueError("no such file")
    return Source(SourceKind.FILES, text)


def parse_device(text: str) -> Source:
    """Return the device that a text names; it may be plugged in later.

    Raises:
        ValueError: the text is neither an index nor an absolute path.
    """
    text = text.strip()
    if not (_DEVICE.fullmatch(text) or Path(text).is_absolute()):
        raise ValueError("not a device")
    return Source(SourceKind.DEVICE, text)


def files(pattern: str) -> list[Path]:
    """Return the files that a path or a glob matches now, sorted by name."""
    path = Path(pattern).expanduser()
    if path.is_file():  # a name may contain brackets
        return [path]
    return sorted(found for found in _matches(path) if found.is_file())


def _matches(pattern: Path) -> Iterator[Path]:
    """Yield what a glob matches. `**` means any number of folders, and does not follow links: they may form a cycle."""
    anchor, parts = Path(pattern.anchor), pattern.parts[1:] if pattern.anchor else pattern.parts
    folders = [anchor]
    for at, part in enumerate(parts):
        if part == "**":
            rest = str(Path(*parts[at + 1 :])) if parts[at + 1 :] else "*"
            for folder in dict.fromkeys(folders):
                for below, _, _ in os.walk(folder, followlinks=False):
                    yield from _matches(Path(glob.escape(below)) / rest)
            return
        folders = [match for folder in folders for match in _children(folder, part)]
    yield from folders


def _children(folder: Path, part: str) -> list[Path]:
    """Return the entries of a folder that one part of a glob matches."""
    if not glob.has_magic(part):
        child = folder / part
        return [child] if child.exists() else []
    try:
        children = list(folder.iterdir())
    except OSError:
        return []
    hidden = part.startswith(".")
    return [child for child in children if fnmatch.fnmatchcase(child.name, part) and (hidden or child.name[0] != ".")]


def is_picture(path: Path) -> bool:
    """Return whether a file is a single picture rather than a video."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def for_ffmpeg(link: str) -> str:
    """Return the link with its user name and password percent-encoded, as FFmpeg requires.

    People often write passwords into links unencoded. A password that is already encoded stays as it is.

    >>> for_ffmpeg("rtsp://me:p@ss:w/rd%?#@10.0.0.7:554/live")
    'rtsp://me:p%40ss%3Aw%2Frd%25%3F%23@10.0.0.7:554/live'
    """
    scheme, user_info, rest = _split(link)
    if not user_info:
        return f"{scheme}://{rest}"
    if not _is_encoded(user_info):
        user_info = ":".join(quote(part, safe="") for part in user_info.split(":", 1))
    return f"{scheme}://{user_info}@{rest}"


def without_credentials(link: str) -> tuple[str, str, str]:
    """Return the link without user information, the decoded user name, and the decoded password.

    >>> without_credentials("rtsp://me:p%40ss@10.0.0.7/live") == without_credentials("rtsp://me:p@ss@10.0.0.7/live")
    True
    """
    scheme, user_info, rest = _split(link)
    user, _, password = user_info.partition(":")
    if _is_encoded(user_info):
        user, password = unquote(user), unquote(password)
    return f"{scheme}://{rest}", user, password


def _is_encoded(user_info: str) -> bool:
    return all(map(_ENCODED.fullmatch, user_info.split(":", 1)))


def _split(link: str) -> tuple[str, str, str]:
    """Return the scheme, the raw user information, and the rest from the host on (empty if there is no host)."""
    match = _LINK.fullmatch(link)
    if match is None:
        return "", "", ""
    scheme, rest = match["scheme"], match["rest"]
    strict = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user_info, _, host = strict.rpartition("@")
    # Follow RFC 3986 if that yields a host and any further @ is in the query.
    if _HOST.fullmatch(host) and (not user_info or "@" not in rest[len(strict) :].partition("?")[0]):
        return scheme, user_info, rest[len(user_info) + 1 :] if user_info else rest.removeprefix("@")
    # Otherwise the password contains unencoded characters: it extends to the last @ that is followed by a host.
    for at in reversed([place.start() for place in re.finditer("@", rest)]):
        if _HOST.fullmatch(re.split(r"[/?#]", rest[at + 1 :], maxsplit=1)[0]):
            return scheme, rest[:at], rest[at + 1 :]
    return scheme, "", ""
