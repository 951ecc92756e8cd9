"""Takes user names, passwords and tokens out of what is logged, shown or counted."""

import re
from urllib.parse import unquote

LONG_ENOUGH = 6  # characters: a shorter value of a query, such as a channel, would be found in innocent text too
_SCHEME = r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)"
# An @ after `?name=`: whether in a password or in a token cannot be told, so nothing of the link is shown.
_UNCLEAR = re.compile(_SCHEME + r"\S*\?[\w.%-]+=\S*@\S*")
# Everything up to the last @ before the next blank: passwords hold slashes, colons, quotes and at signs.
_USER = re.compile(_SCHEME + r"\S*@")
# A query is dropped whole, but for the sentence's own punctuation after it: cameras name their tokens as they like.
_QUERY = re.compile(r"(?P<link>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s?]*)\?\S*?(?=[:;,.)\]}>'\"]*(?:\s|$))")

_SECRET_NAME = re.compile(r"password|secret|token|credential|oauthbearer\.config|\.pem|\.key", re.IGNORECASE)


def redact(text: str) -> str:
    """Return the text with credentials and queries of every link in it replaced by `***`.

    >>> redact("cannot open rtsp://me:p@ss/w@10.0.0.7/h264?token=1: refused")
    'cannot open rtsp://***@10.0.0.7/h264?***: refused'
    """
    text = _UNCLEAR.sub(r"\g<scheme>***", text)
    return _QUERY.sub(r"\g<link>?***", _USER.sub(r"\g<scheme>***@", text))


def redact_secrets(text: str, secrets: list[str]) -> str:
    """Return the text without the given secrets, whatever surrounds them, and without credentials of links.

    Foreign libraries quote links in forms of their own (percent-decoded, cut); hence the secrets themselves.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return redact(text)


def link_secrets(link: str) -> list[str]:
    """Return the parts of a link that nobody else is to see: user information and query, each with its pieces.

    Both as they stand in the link and percent-decoded, as libraries quote them.
    """
    _, separator, rest = link.partition("://")
    if not separator:
        return []
    user_info, _, place = rest.rpartition("@")
    password, query = user_info.partition(":")[2], place.partition("?")[2]
    values = [pair.partition("=")[2] for pair in query.split("&")]
    secrets = [user_info, password, query, *(value for value in values if len(value) >= LONG_ENOUGH)]
    decoded = [unquote(secret) for secret in secrets]
    return [secret for secret in dict.fromkeys([*secrets, *decoded]) if len(secret) > 1]


def is_secret_property(name: str) -> bool:
    """Tell whether a librdkafka property holds something that is not to be logged."""
    return bool(_SECRET_NAME.search(name))
