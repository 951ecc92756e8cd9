"""Redacts user names, passwords and tokens in everything that is logged, shown or counted.

The time that it takes grows with the length of the text and no faster, whatever the text is: anyone may put one on the
bus. When in doubt it hides more rather than less.
"""

import re
from urllib.parse import unquote

MIN_VALUE_LENGTH = 6  # of a value in a query: a shorter one, such as a channel, would be found in innocent text too
_MAX_SCHEME_LENGTH = 32
_MAX_LOOK_AHEAD = 100  # characters after a blank in which the @ of a password with blanks is looked for
_MAX_BLANKS = 8  # times that this is done for one link
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*\Z")
_BLANK = re.compile(r"\s")
_HOST = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[^\s\[\]@:/?#]*)(:\d{1,5})?")
_QUERY_WITH_NAME = re.compile(r"\?[\w.%-]+=")
_PUNCTUATION = ":;,.)]}>'\""  # of the sentence around a link
_SECRET_NAME = re.compile(r"password|secret|token|credential|oauthbearer\.config|\.pem|\.key", re.IGNORECASE)
_PAIRS = (re.compile(r"[&;]"), re.compile(r"[&;_]"))  # XiongMai cameras separate pairs in the path by underscores, too


def redact(text: str) -> str:
    """Return the text with the credentials and queries of every link in it replaced by `***`.

    >>> redact("cannot open rtsp://me:p@ss/w@10.0.0.7/h264?token=1: refused")
    'cannot open rtsp://***@10.0.0.7/h264?***: refused'
    >>> redact("rtsp://10.0.0.7/user=admin&password=tlJwpbo6&channel=1 is silent")
    'rtsp://10.0.0.7/*** is silent'
    """
    if "://" not in text:
        return text
    return "\n".join(map(_redacted_line, text.split("\n")))


def redact_secrets(text: str, secrets: list[str]) -> str:
    """Return the text without the given secrets, whatever surrounds them, and without credentials of links.

    Foreign libraries quote links in forms of their own (percent-decoded, cut); hence the secrets themselves.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return redact(text)


def link_secrets(link: str) -> list[str]:
    """Return the parts of a link that nobody else may see: user information, query and `name=value` pairs of the path.

    Both as they stand in the link and percent-decoded, as libraries quote them.
    """
    _, separator, rest = link.partition("://")
    if not separator:
        return []
    user_info, _, place = rest.rpartition("@")
    path, _, query = place.partition("?")
    password = user_info.partition(":")[2]
    pairs = [pair for part in (query, path) for split in _PAIRS for pair in split.split(part) if "=" in pair]
    values = [pair.partition("=")[2] for pair in pairs]
    secrets = [user_info, password, query, *(value for value in values if len(value) >= MIN_VALUE_LENGTH)]
    decoded = [unquote(secret) for secret in secrets]
    return [secret for secret in dict.fromkeys([*secrets, *decoded]) if len(secret) > 1]


def is_secret_property(name: str) -> bool:
    """Return whether a librdkafka property holds something that must not be logged."""
    return bool(_SECRET_NAME.search(name))


def _redacted_line(line: str) -> str:
    """Return one line without credentials."""
    pieces: list[str] = []
    done = 0
    while (found := line.find("://", done)) >= 0:
        begin = found + 3
        if _SCHEME.search(line, max(done, found - _MAX_SCHEME_LENGTH), found) is None:
            pieces.append(line[done:begin])
            done = begin
            continue
        end = _end_of_link(line, begin)
        pieces += line[done:begin], _redacted_link(line[begin:end])
        done = end
    return "".join((*pieces, line[done:]))


def _end_of_link(line: str, begin: int) -> int:
    """Return where the link whose scheme ends at `begin` ends: at a blank that is not part of a password."""
    place, end = begin, _next_blank(line, begin)
    for _ in range(_MAX_BLANKS):
        place = max(place, line.rfind("@", place, end) + 1)
        host = _HOST.match(line, place, end)
        if end == len(line) or (host is not None and line[host.end() : host.end() + 1] in {"/", "?", "#"}):
            return end  # host and path are complete
        limit = line.find("://", end, end + _MAX_LOOK_AHEAD)
        at = line.rfind("@", end, limit if limit >= 0 else end + _MAX_LOOK_AHEAD)
        if at < 0:
            return end
        place, end = at + 1, _next_blank(line, at)
    return end


def _next_blank(line: str, begin: int) -> int:
    blank = _BLANK.search(line, begin)
    return blank.start() if blank else len(line)


def _redacted_link(link: str) -> str:
    """Return what follows the scheme of a link, without credentials."""
    named = _QUERY_WITH_NAME.search(link)
    if named is not None and "@" in link[named.end() :]:
        return "***"  # an @ after `?name=` may belong to a password or to a token: nothing of the link is shown
    # Up to the last @: passwords hold slashes, colons, quotes, blanks and at signs.
    _, at, place = link.rpartition("@")
    core = place.rstrip(_PUNCTUATION)
    path, question, _ = core.partition("?")
    hidden = "?***" if question else ""
    if "=" in path:  # a query in all but name: cameras name their tokens as they like
        path, hidden = path[: path.rfind("/", 0, path.index("=")) + 1], "***"
    return ("***@" if at else "") + path + hidden + place[len(core) :]
