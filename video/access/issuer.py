"""One issuer of tokens: its metadata and its keys, kept for as long as nothing newer can be had."""

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from shared.backoff import Backoff
from video.access.fetch import Fetcher, FetchFailed, Json

log = logging.getLogger(__name__)

REFRESH_S = 300.0  # keys that the issuer has withdrawn are used for at most this long
BURST = 3  # fetches for keys that are not known: so many in a row
REFILL_S = 10.0  # then one in so many seconds
MAX_KEYS = 100
# Asymmetric algorithms only: whoever has a public key must not be able to sign with it (RFC 8725, section 3.1).
ALGORITHMS: Mapping[str, str] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "EdDSA": "OKP",
}


class UnknownKey(Exception):
    """The issuer has no such key."""


class Issuer:
    """Keys and metadata of one issuer. For the event loop only.

    An issuer that is away changes nothing for the keys that are known.
    """

    def __init__(self, issuer: str, jwks: str | None = None, ca: Path | None = None) -> None:
        """Know nothing yet.

        Args:
            issuer: as its tokens name it.
            jwks: address of its key set; None to discover it.
            ca: file of certificates to trust beside the system's.
        """
        self.issuer = issuer
        self.fetcher = Fetcher(ca)
        self._jwks = jwks
        self._metadata: Json = {}
        self._keys: dict[str, Json] = {}
        self._made: dict[tuple[str, str], PyJWK] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._backoff = Backoff(1.0, 60.0)
        self._wait_s = 0.0
        self._tokens, self._filled_at = float(BURST), time.monotonic()
        self._logged: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether its keys have ever been read."""
        return bool(self._keys)

    def has_key(self, id_: str) -> bool:
        """Return whether a key is still one of the issuer's."""
        return id_ in self._keys

    async def metadata(self) -> Json:
        """Return the issuer's metadata (OpenID Connect Discovery 1.0, section 4).

        Raises:
            FetchFailed: they are not known, and cannot be had.
        """
        if not self._metadata:
            if not self._may_fetch():
                raise FetchFailed(f"{self.issuer} has just been asked, in vain")
            await self._discover()
        return self._metadata

    def keep_fresh(self) -> None:
        """Start to read the keys again if it is time for it; call it every second."""
        now = time.monotonic()
        if now - self._fetched_at > REFRESH_S and now - self._tried_at > self._wait_s:
            self._start()

    async def key(self, id_: str | None, algorithm: str) -> tuple[str, PyJWK]:
        """Return the id of a key and the key, for an algorithm; read the keys again if it is unknown.

        Args:
            id_: as a token's header names it; None if the issuer has only one.
            algorithm: one of ALGORITHMS.

        Raises:
            UnknownKey: the issuer has no such key, or none for this algorithm.
        """
        found = self._find(id_, algorithm)
        if found is None and self._may_fetch():
            await asyncio.shield(self._start())
            found = self._find(id_, algorithm)
        if found is None:
            raise UnknownKey
        return self._make(found, algorithm)

    def _find(self, id_: str | None, algorithm: str) -> str | None:
        fitting = [known for known, jwk in self._keys.items() if _fits(jwk, algorithm)]
        if id_ is None:
            return fitting[0] if len(fitting) == 1 else None
        return id_ if id_ in fitting else None

    def _make(self, id_: str, algorithm: str) -> tuple[str, PyJWK]:
        key = self._made.get((id_, algorithm))
        if key is None:
            try:
                key = PyJWK(self._keys[id_], algorithm)
            except (PyJWTError, ValueError, TypeError) as exc:
                raise UnknownKey from exc
            self._made[id_, algorithm] = key
        return id_, key

    def _may_fetch(self) -> bool:
        """Return whether a request may cause a fetch; invented key ids must not make this service flood the issuer."""
        if self._fetching is not None:
            return True
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) / REFILL_S)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _start(self) -> "asyncio.Task[None]":
        if self._fetching is None:
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._ended)
        return self._fetching

    def _ended(self, _: "asyncio.Task[None]") -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        """Read the keys; what fails is logged, and the known ones stay."""
        try:
            if self._jwks is None:
                await self._discover()
            jwks = self._jwks or str(self._metadata.get("jwks_uri"))
            keys = _keys_of(await self.fetcher.get(jwks))
        except FetchFailed as exc:
            self._wait_s = self._backoff.next_s()
            self._say(f"the keys of the issuer cannot be read: {exc}")
            return
        if keys != self._keys:
            self._keys, self._made = keys, {}
            log.info("the issuer's keys were read", extra={"issuer": self.issuer, "keys": len(keys)})
        self._fetched_at = time.monotonic()
        self._backoff.reset()
        self._wait_s, self._logged = 0.0, None

    async def _discover(self) -> None:
        metadata = await self.fetcher.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != self.issuer:
            raise FetchFailed(f"the provider calls itself {str(metadata.get('issuer'))[:200]!r}, not {self.issuer!r}")
        self._metadata = metadata

    def _say(self, text: str) -> None:
        if text != self._logged:
            self._logged = text
            log.warning("%s", text, extra={"keys_known": len(self._keys)})


def _keys_of(jwks: Json) -> dict[str, Json]:
    """Return the keys of a key set by id (RFC 7517); those that cannot verify signatures are left out.

    Raises:
        FetchFailed: it is not a key set, or has no key that can be used.
    """
    listed = jwks.get("keys")
    if not isinstance(listed, list):
        raise FetchFailed("the answer is not a key set")
    keys = {
        str(jwk.get("kid", "")): jwk
        for jwk in listed[:MAX_KEYS]
        if isinstance(jwk, dict) and jwk.get("kty") in ALGORITHMS.values() and jwk.get("use", "sig") == "sig"
    }
    if not keys:
        raise FetchFailed("the key set has no key for signatures")
    return keys


def _fits(jwk: Json, algorithm: str) -> bool:
    return bool(jwk["kty"] == ALGORITHMS[algorithm] and jwk.get("alg", algorithm) == algorithm)
