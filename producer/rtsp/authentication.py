"""Answers a camera's question for user name and password: Basic (RFC 7617) and Digest (RFC 2617, RFC 7616)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_WEAKEST_FIRST = ("MD5", "SHA-512-256", "SHA-256")  # SHA-512-256 is not in every OpenSSL
_SESSION = "-SESS"
_PART = re.compile(
    r'(?:^|[\s,])(?:(?P<scheme>Basic|Digest)\s+)?(?P<name>[\w-]+)\s*=\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<plain>[^\s,"]+))',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password, as the camera knows them."""

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class Challenge:
    """One way to identify oneself that a camera offers."""

    scheme: str
    values: dict[str, str] = field(default_factory=dict)
    _uses: int = 0

    @property
    def algorithm(self) -> str:
        """Return the name of the hash, without the suffix for sessions."""
        return self.values.get("algorithm", "MD5").upper().removesuffix(_SESSION)

    @property
    def stale(self) -> bool:
        """Tell whether only the nonce was too old: name and password were not refused."""
        return self.values.get("stale", "").lower() == "true"

    def answer(self, credentials: Credentials, method: str, uri: str) -> str:
        """Return the header `Authorization` for a request.

        Args:
            credentials: of the camera.
            method: of the request.
            uri: of the request, as it stands in its first line.
        """
        if self.scheme == "basic":
            pair = f"{credentials.user}:{credentials.password}".encode()
            return "Basic " + base64.b64encode(pair).decode()
        realm, nonce = self.values.get("realm", ""), self.values.get("nonce", "")
        self._uses += 1
        count, client_nonce = f"{self._uses:08x}", secrets.token_hex(8)
        first = self._hash(f"{credentials.user}:{realm}:{credentials.password}")
        if self.values.get("algorithm", "").upper().endswith(_SESSION):
            first = self._hash(f"{first}:{nonce}:{client_nonce}")
        second = self._hash(f"{method}:{uri}")
        with_quality = "auth" in re.split(r"[\s,]+", self.values.get("qop", "").lower())
        middle = f"{nonce}:{count}:{client_nonce}:auth" if with_quality else nonce  # without: as in RFC 2069
        quoted = {
            "username": credentials.user,
            "realm": realm,
            "nonce": nonce,
            "uri": uri,
            "response": self._hash(f"{first}:{middle}:{second}"),
            **{name: self.values[name] for name in ("opaque",) if name in self.values},
            **({"cnonce": client_nonce} if with_quality else {}),
        }
        bare = {"algorithm": self.values["algorithm"]} if "algorithm" in self.values else {}
        bare |= {"qop": "auth", "nc": count} if with_quality else {}
        parts = [f'{name}="{_escaped(value)}"' for name, value in quoted.items()]
        return "Digest " + ", ".join([*parts, *(f"{name}={value}" for name, value in bare.items())])

    def _hash(self, text: str) -> str:
        return hashlib.new(_HASHES[self.algorithm], text.encode(), usedforsecurity=False).hexdigest()


def best(headers: Sequence[str]) -> Challenge | None:
    """Return the strongest challenge of the headers `WWW-Authenticate`; None: there is none that we know.

    >>> best(['Basic realm="a"', 'Digest realm="a", nonce="1"']).scheme
    'digest'
    """
    challenges: list[Challenge] = []
    for header in headers:
        for part in _PART.finditer(header):
            if part["scheme"]:
                challenges.append(Challenge(part["scheme"].lower()))
            if challenges:
                quoted = part["quoted"]
                value = part["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                challenges[-1].values[part["name"].lower()] = value
    usable = [challenge for challenge in challenges if challenge.scheme == "basic" or _can_hash(challenge)]
    return max(usable, key=_strength, default=None)


def _can_hash(challenge: Challenge) -> bool:
    return _HASHES.get(challenge.algorithm) in hashlib.algorithms_available


def _strength(challenge: Challenge) -> int:
    return -1 if challenge.scheme == "basic" else _WEAKEST_FIRST.index(challenge.algorithm)


def _escaped(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", value)
