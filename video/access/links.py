"""Signed links: they show one camera until they expire or their key is removed.

Form: `key.expiry.flags.camera.signature`; expiry in seconds since the epoch, flags `p` (with predictions) or `-`,
signature the HMAC-SHA256 (RFC 2104) of what stands before it, in base64url without padding.
"""

import hashlib
import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from video.access.identity import Denied, Refused
from video.access.key_files import Key

LONGEST = 300  # characters
_PURPOSE = b"video link 1\n"  # what is signed for something else is not a link


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says.

    Attributes:
        key: id of the key that signed it.
        camera: that it shows.
        expires_at: seconds since the epoch.
        predictions: whether predictions may be read.
    """

    key: str
    camera: str
    expires_at: int
    predictions: bool


def sign(key: Key, camera: str, expires_at: float, *, predictions: bool) -> str:
    """Return the text of a link."""
    signed = f"{key.id}.{math.ceil(expires_at)}.{'p' if predictions else '-'}.{camera}"
    return f"{signed}.{_signature(key, signed)}"


def verify(text: str, keys: Mapping[str, Key], now: float) -> Link:
    """Return what a link says.

    Args:
        text: of the link.
        keys: by id.
        now: seconds since the epoch.

    Raises:
        Refused: it was not signed by one of the keys, was altered, or has expired.
    """
    signed, _, signature = text.rpartition(".")
    parts = signed.split(".")
    if len(text) > LONGEST or len(parts) != 4 or not text.isascii():
        raise Refused(Denied.MALFORMED)
    key_id, expiry, flags, camera = parts
    key = keys.get(key_id)
    if key is None:
        raise Refused(Denied.UNKNOWN_KEY)
    if not hmac.compare_digest(signature.encode(), _signature(key, signed).encode()):
        raise Refused(Denied.SIGNATURE)
    link = Link(key_id, camera, int(expiry), flags == "p")
    if now >= link.expires_at:
        raise Refused(Denied.EXPIRED)
    return link


def _signature(key: Key, signed: str) -> str:
    digest = hmac.new(key.secret, _PURPOSE + signed.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
