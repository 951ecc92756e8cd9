"""Who sent a request, as a credential proves it, and why a credential proves nothing."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a viewer has proved who it is."""

    NOBODY = "nobody"
    TOKEN = "token"  # noqa: S105 - a kind of credential
    JWT = "jwt"
    LOGIN = "login"
    PROXY = "proxy"
    LINK = "link"


class Denied(StrEnum):
    """Why a request was refused: the values of the label `reason`."""

    NO_CREDENTIAL = "no_credential"
    MALFORMED = "malformed"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    ISSUER = "issuer"
    ISSUER_UNREACHABLE = "issuer_unreachable"
    UNTRUSTED_PROXY = "untrusted_proxy"
    REVOKED = "revoked"
    NO_ROLE = "no_role"
    CAMERA = "camera"
    PREDICTIONS = "predictions"
    SHARING = "sharing"
    LOGIN_FAILED = "login_failed"
    TOO_MANY_ATTEMPTS = "too_many_attempts"


class Refused(Exception):
    """A credential was presented and proves nothing.

    Attributes:
        reason: why.
        by_cookie: whether it was a session's cookie, which browsers send by themselves.
    """

    def __init__(self, reason: Denied) -> None:
        super().__init__(reason.value)
        self.reason, self.by_cookie = reason, False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a viewer is.

    Attributes:
        kind: of the credential.
        name: shown to the viewer itself and in the audit; None if it has none.
        roles: that the credential names; those that the document lacks grant nothing.
        expires_at: seconds since the epoch.
        proof: what has to stay in force: a token's digest, the id of a key, the text of a link, the proxy's address.
        issuer: of a JWT or a login.
        session_key: fingerprint of the key that the session's cookie was sealed with; empty without a session.
    """

    kind: Kind
    name: str | None = None
    roles: tuple[str, ...] = ()
    expires_at: float = math.inf
    proof: str = ""
    issuer: str = ""
    session_key: str = ""


NOBODY = Identity(Kind.NOBODY)


def clean(name: object) -> str | None:
    """Return a name as others wrote it without control characters, cut; None if nothing is left."""
    text = "".join(character for character in str(name)[:200] if character.isprintable()).strip()
    return text[:100] or None
