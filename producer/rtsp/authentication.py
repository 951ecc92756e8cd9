"""Answers a camera's challenge for user name and password: Basic (RFC 7617) and Digest (RFC 2617, RFC 7616)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from producer.rtsp.messages import encoded

_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_WEAKEST_FIRST = ("MD5", "SHA-512-256", "SHA-256")  # SHA-512-256 is not in every OpenSSL
_SESSION = "-SESS"
_SCHEMES = ("basic", "digest")
# A scheme, or a parameter; every alternative begins where the last one ended, so that the time is linear.
_TOKEN = re.compile(
    r'[\s,]*(?:(?P<name>[\w-]+)\s*=\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)(?:"|$)|(?P<plain>[^\s,"]*))|(?P<scheme>[\w-]+)|(?P<other>.))',
    re.DOTALL,
)
MOST_HEADER = 4096  # characters of a challenge


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password, as the camera knows them."""

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class Challenge:
    """One way to authenticate that a camera offers."""

    scheme: str
    values: dict[str, str] = field(default_factory=dict)
    _uses: int = 0

    @property
    def algorithm(self) -> str:
        """Return the name of the hash, without the suffix for sessions."""
        name = self.values.get("algorithm", "").strip().upper().removesuffix(_SESSION).replace("_", "-")
        return {"": "MD5", "SHA256": "SHA-256"}.get(name, name)

    @property
    def stale(self) -> bool:
        """Return whether only the nonce was too old: name and password were not refused."""
        return self.values.get("stale", "").lower() == "true"

    def authorization(self, credentials: Credentials, method: str, uri: str) -> str:
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
        quality = self._quality()
        second = self._hash(f"{method}:{uri}" + (f":{self._hash('')}" if quality == "auth-int" else ""))
        middle = f"{nonce}:{count}:{client_nonce}:{quality}" if quality else nonce  # without: as in RFC 2069
        quoted = {
            "username": credentials.user,
            "realm": realm,
            "nonce": nonce,
            "uri": uri,
            "response": self._hash(f"{first}:{middle}:{second}"),
            **{name: self.values[name] for name in ("opaque",) if name in self.values},
            **({"cnonce": client_nonce} if quality else {}),
        }
        bare = {"algorithm": self.values["algorithm"]} if self.values.get("algorithm") else {}
        bare |= {"qop": quality, "nc": count} if quality else {}
        parts = [f'{name}="{_escaped(value)}"' for name, value in quoted.items()]
        return "Digest " + ", ".join([*parts, *(f"{name}={value}" for name, value in bare.items())])

    def _quality(self) -> str:
        """Return the quality of protection to use; requests have no body, so that `auth-int` costs nothing."""
        offered = re.split(r"[\s,]+", self.values.get("qop", "").lower())
        return next((quality for quality in ("auth", "auth-int") if quality in offered), "")

    def _hash(self, text: str) -> str:
        return hashlib.new(_HASHES[self.algorithm], encoded(text), usedforsecurity=False).hexdigest()


def strongest(headers: Sequence[str]) -> Challenge | None:
    """Return the strongest challenge of the headers `WWW-Authenticate`, or None if none is known.

    >>> strongest(['Basic realm="a"', 'Digest realm="a", nonce="1"']).scheme
    'digest'
    """
    challenges = [challenge for header in headers for challenge in _challenges(header[:MOST_HEADER])]
    usable = [challenge for challenge in challenges if challenge.scheme == "basic" or _can_hash(challenge)]
    return max(usable, key=_strength, default=None)


def _challenges(header: str) -> list[Challenge]:
    """Return the challenges of one header; those of unknown schemes too, so that their parameters stay with them."""
    found: list[Challenge] = []
    for token in _TOKEN.finditer(header.strip(" \t,")):
        if token["scheme"]:
            found.append(Challenge(token["scheme"].lower()))
        elif token["name"] and found:
            quoted = token["quoted"]
            value = token["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1].values[token["name"].lower()] = re.sub(r"[\x00-\x1f\x7f]", "", value)
    return [challenge for challenge in found if challenge.scheme in _SCHEMES]


def _can_hash(challenge: Challenge) -> bool:
    return _HASHES.get(challenge.algorithm) in hashlib.algorithms_available


def _strength(challenge: Challenge) -> int:
    return -1 if challenge.scheme == "basic" else _WEAKEST_FIRST.index(challenge.algorithm)


def _escaped(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", value)
