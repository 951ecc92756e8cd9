"""The cookie of a viewer that has logged in: encrypted, so that nobody but a holder of the keys can make or read one.

Form: id of the key, a full stop, and a Fernet token (https://github.com/fernet/spec) of the identity in JSON.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cryptography.fernet import Fernet, InvalidToken

from video.access.identity import Denied, Identity, Kind, Refused
from video.access.key_files import Key

Json: TypeAlias = dict[str, Any]

COOKIE = "video_session"
LONGEST = 3800  # characters of a cookie; browsers take 4096 with its name and attributes (RFC 6265, section 6.1)


class Sealer:
    """Encrypts JSON objects with the first of its keys, and reads what any of them has encrypted."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._first = keys[0]
        self._keys = {key.id: key for key in keys}
        self._fernets = {key.id: _fernet(key) for key in keys}

    @property
    def fingerprints(self) -> frozenset[str]:
        """The fingerprints of its keys."""
        return frozenset(key.fingerprint for key in self._keys.values())

    def seal(self, value: Json, purpose: str) -> str:
        """Return an encrypted object; only the same purpose opens it."""
        text = json.dumps({**value, "for": purpose}, separators=(",", ":"))
        return f"{self._first.id}.{self._fernets[self._first.id].encrypt(text.encode()).decode()}"

    def open(self, text: str, purpose: str) -> tuple[Json, str]:
        """Return an object, and the fingerprint of the key that encrypted it.

        Raises:
            Refused: none of the keys has encrypted it, or it is for something else.
        """
        key_id, _, sealed = text.partition(".")
        if len(text) > LONGEST or key_id not in self._keys:
            raise Refused(Denied.UNKNOWN_KEY)
        try:
            value = json.loads(self._fernets[key_id].decrypt(sealed.encode("utf-8", "replace")))
        except (InvalidToken, ValueError) as exc:
            raise Refused(Denied.SIGNATURE) from exc
        if value.pop("for") != purpose:
            raise Refused(Denied.MALFORMED)
        return value, self._keys[key_id].fingerprint


def session_of(identity: Identity, sealer: Sealer, known_roles: Mapping[str, object]) -> str:
    """Return the cookie of a viewer; it keeps the roles that the document knows, as far as there is room."""
    roles = [role for role in identity.roles if role in known_roles]
    while True:
        value = {
            "k": identity.kind,
            "n": identity.name,
            "r": roles,
            "e": identity.expires_at,
            "p": identity.proof,
            "i": identity.issuer,
        }
        cookie = sealer.seal(value, COOKIE)
        if len(cookie) <= LONGEST or not roles:
            return cookie
        roles = roles[: len(roles) // 2]


def identity_of(cookie: str, sealer: Sealer) -> Identity:
    """Return who a cookie was given to.

    Raises:
        Refused: it is not one of ours, or it has expired.
    """
    value, fingerprint = sealer.open(cookie, COOKIE)
    identity = Identity(
        Kind(value["k"]), value["n"], tuple(value["r"]), float(value["e"]), value["p"], value["i"], fingerprint
    )
    if time.time() >= identity.expires_at:
        raise Refused(Denied.EXPIRED)
    return identity


def _fernet(key: Key) -> Fernet:
    derived = hashlib.sha256(b"video session 1\n" + key.secret).digest()
    return Fernet(base64.urlsafe_b64encode(derived))
