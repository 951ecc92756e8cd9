"""Login at an identity provider: OpenID Connect's authorization code flow with PKCE.

Sources: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 9207 (the parameter `iss`).
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from video.access import json_web_token
from video.access.document import OidcSection
from video.access.fetch import FetchFailed
from video.access.identity import Denied, Identity, Kind, Refused
from video.access.issuer import Issuer
from video.access.policy import Policy

Json: TypeAlias = dict[str, Any]

LOGIN_S = 600.0  # a viewer has so long for its login at the provider
MAX_AT_ONCE = 20  # codes that are exchanged at a time
CLOCK_SKEW_S = 30.0
BAD_REQUEST = 400
_PURPOSE = "login"


class Login:
    """The login by one policy's provider."""

    _exchanging = 0  # by all logins

    def __init__(self, policy: Policy, section: OidcSection, issuer: Issuer, redirect_uri: str) -> None:
        """Prepare.

        Args:
            policy: in force.
            section: of its document.
            issuer: the provider.
            redirect_uri: where the provider sends the viewer back to.
        """
        self._policy, self._section, self._issuer = policy, section, issuer
        self._redirect_uri = redirect_uri

    async def begin(self) -> tuple[str, str]:
        """Return the address at the provider to send a viewer to, and the cookie that it must come back with.

        Raises:
            FetchFailed: the provider's metadata cannot be had.
        """
        endpoint = _endpoint(await self._issuer.metadata(), "authorization_endpoint")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self._section.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._section.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        value = {"s": state, "n": nonce, "v": verifier, "e": time.time() + LOGIN_S}
        separator = "&" if "?" in endpoint else "?"
        return f"{endpoint}{separator}{urlencode(parameters)}", self._policy.sealer.seal(value, _PURPOSE)

    async def finish(self, answer: Mapping[str, str], cookie: str) -> Identity:
        """Return who a viewer is that comes back from the provider.

        Args:
            answer: the parameters that it comes back with.
            cookie: that it was sent away with.

        Raises:
            Refused: it did not log in, or the answer is not for it.
            FetchFailed: the provider cannot be asked.
        """
        begun, _ = self._policy.sealer.open(cookie, _PURPOSE)
        if time.time() >= float(begun["e"]):
            raise Refused(Denied.EXPIRED)
        if not _same(answer.get("state", ""), begun["s"]) or "code" not in answer:
            raise Refused(Denied.LOGIN_FAILED)
        if answer.get("iss", self._issuer.issuer) != self._issuer.issuer:
            raise Refused(Denied.ISSUER)
        with _one_of_few():
            tokens = await self._exchange(answer["code"], begun["v"])
            claims, _ = await json_web_token.verify(
                str(tokens.get("id_token", "")),
                self._issuer,
                audience=self._section.client_id,
                clock_skew_s=CLOCK_SKEW_S,
            )
            if not _same(str(claims.get("nonce", "")), begun["n"]):
                raise Refused(Denied.LOGIN_FAILED)
            if claims.get("azp", self._section.client_id) != self._section.client_id:
                raise Refused(Denied.AUDIENCE)
            claims = await self._with_user_info(claims, str(tokens.get("access_token", "")))
        roles = json_web_token.roles_of(claims, self._section.roles_claim) or ()
        expires_at = time.time() + self._section.lifetime
        name = json_web_token.name_of(claims)
        return Identity(Kind.LOGIN, name, roles, expires_at, issuer=self._section.issuer)

    async def _exchange(self, code: str, verifier: str) -> Json:
        """Return the tokens that the provider gives for a code."""
        metadata = await self._issuer.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._section.client_id,
            "code_verifier": verifier,
        }
        secret = self._policy.client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if secret is not None and "client_secret_basic" in methods:
            auth = (quote(self._section.client_id, safe=""), quote(secret, safe=""))  # RFC 6749, section 2.3.1
        elif secret is not None:
            form["client_secret"] = secret
        try:
            return await self._issuer.fetcher.post(_endpoint(metadata, "token_endpoint"), form, auth=auth)
        except FetchFailed as exc:
            if exc.status == BAD_REQUEST:  # the code is not one of its, or was used before: RFC 6749, section 5.2
                raise Refused(Denied.LOGIN_FAILED) from exc
            raise

    async def _with_user_info(self, claims: Json, access_token: str) -> Json:
        """Return claims with those of the provider's user information, if they name no roles themselves."""
        metadata = await self._issuer.metadata()
        known = json_web_token.roles_of(claims, self._section.roles_claim) is not None
        if known or not access_token or "userinfo_endpoint" not in metadata:
            return claims
        headers = {"Authorization": f"Bearer {access_token}"}
        found = await self._issuer.fetcher.get(_endpoint(metadata, "userinfo_endpoint"), headers)
        return {**found, **claims} if found.get("sub") == claims.get("sub") else claims


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Hold one of the places of those whose codes are exchanged."""
    if Login._exchanging >= MAX_AT_ONCE:
        raise FetchFailed("too many log in at this moment")
    Login._exchanging += 1
    try:
        yield
    finally:
        Login._exchanging -= 1


async def logout_address(issuer: Issuer, client_id: str, back_to: str) -> str | None:
    """Return the address that ends the viewer's session at the provider (OpenID Connect RP-Initiated Logout 1.0)."""
    try:
        endpoint = (await issuer.metadata()).get("end_session_endpoint")
    except FetchFailed:
        return None
    if not isinstance(endpoint, str):
        return None
    return f"{endpoint}?{urlencode({'client_id': client_id, 'post_logout_redirect_uri': back_to})}"


def _endpoint(metadata: Json, name: str) -> str:
    endpoint = metadata.get(name)
    if not isinstance(endpoint, str):
        raise FetchFailed(f"the provider's metadata have no {name}")
    return endpoint


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
