"""Takes user names, passwords and tokens out of what is logged, shown or counted."""

import re
from urllib.parse import urlsplit

# Everything up to the last @ before the next blank or quote: passwords hold slashes, colons and at signs.
_USER = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s'\"<>]*@")
# A query is dropped whole: cameras name their tokens as they like.
_QUERY = re.compile(r"(?P<link>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>?]*)\?[^\s'\"<>]*")


def redact(text: str) -> str:
    """Return the text with credentials and queries of every link in it replaced by `***`.

    >>> redact("cannot open rtsp://me:p@ss/w@10.0.0.7/h264?token=1: refused")
    'cannot open rtsp://***@10.0.0.7/h264?***: refused'
    """
    return _QUERY.sub(r"\g<link>?***", _USER.sub(r"\g<scheme>***@", text))


def redact_secrets(text: str, secrets: list[str]) -> str:
    """Return the text without the given secrets, whatever surrounds them, and without credentials of links.

    Foreign libraries quote links in forms of their own (percent-decoded, cut); hence the secrets themselves.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return redact(text)


def link_secrets(link: str) -> list[str]:
    """Return the parts of a link that nobody else is to see: user information and query, each with its pieces."""
    _, separator, rest = link.partition("://")
    if not separator:
        return []
    user_info, at, _ = rest.rpartition("@")
    secrets = [user_info, user_info.partition(":")[2]] if at else []
    query = urlsplit(link).query if not at else rest.partition("?")[2]
    return [secret for secret in [*secrets, query] if len(secret) > 1]
