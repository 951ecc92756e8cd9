"""Decides who sent a request and what it may see. For the event loop, but for `use`."""

import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from video.access import credentials, json_web_token, links, sessions
from video.access.attempts import Attempts
from video.access.credentials import Credential, Place
from video.access.document import AccessDocument, JwtSection
from video.access.identity import NOBODY, Denied, Identity, Kind, Refused, clean
from video.access.issuer import Issuer
from video.access.key_files import Key, digest_of
from video.access.policy import Policy
from video.access.rights import EVERYTHING, NOTHING, Rights
from video.client_address import UNKNOWN, ClientAddresses, peer_address
from video.metrics import AccessMetrics

log = logging.getLogger(__name__)

# After so long a viewer's rights are looked at again, though neither the document has changed nor its time is over: the
# issuer of a JWT may have withdrawn the key; a clock may have been set.
LOOK_AGAIN_S = 1.0
LOOK_AGAIN_AT_LEAST_S = 60.0
# Nobody who guesses gets this far, or it is not the sender's mistake.
_NO_GUESS = {Denied.EXPIRED, Denied.NOT_YET_VALID, Denied.ISSUER_UNREACHABLE, Denied.TOO_MANY_ATTEMPTS}


class Access:
    """What is in force now, and who is who by it. Without a document everyone may see everything."""

    def __init__(
        self, addresses: ClientAddresses | None = None, metrics: AccessMetrics | None = None, *, loopback: bool = True
    ) -> None:
        """Let everyone see everything, until a document is used.

        Args:
            addresses: tells clients apart; it is told which proxies are trusted.
            metrics: of what is denied.
            loopback: whether the server listens on a loopback address only.
        """
        self.addresses = addresses or ClientAddresses()
        self.metrics = metrics or AccessMetrics(CollectorRegistry())
        self.loopback = loopback
        self.attempts = Attempts()
        self.policy: Policy | None = None
        self._built: Policy | None = None
        self._own_session_key = Key("own", secrets.token_hex(32).encode())
        self._issuers: dict[tuple[str, str | None, Path | None], Issuer] = {}
        self._proven: set[str] = set()  # digests of tokens that were right; what is no token any more is dropped

    def check(self, document: AccessDocument) -> None:
        """Read the files that a document names.

        Raises:
            BadFile: one of them cannot be used.
        """
        self._built = Policy.build(document, self._own_session_key)

    def use(self, document: AccessDocument) -> None:
        """Put the document that was checked last into force; from any thread."""
        policy = self._built
        if policy is None or policy.document is not document:
            policy = Policy.build(document, self._own_session_key)
        self.addresses.trust(document.proxy.trusted if document.proxy else ())
        self.policy = policy  # at once: every viewer's rights are looked at again
        unknown = sorted({token.role for token in policy.tokens.values()} - set(document.viewers.roles))
        if unknown:
            log.warning("tokens of roles that the document lacks grant nothing", extra={"roles": ", ".join(unknown)})

    def issuer_of(self, section: JwtSection) -> Issuer:
        """Return the issuer of JWTs; its keys outlast changes of the document."""
        return self._issuer(section.issuer, section.jwks, section.ca)

    def login_issuer(self) -> Issuer | None:
        """Return the issuer of the login by OpenID Connect; None if there is no such login."""
        oidc = self.policy.document.oidc if self.policy else None
        return self._issuer(oidc.issuer, None, oidc.ca) if oidc else None

    def keep_issuers_fresh(self) -> None:
        """Have the keys of the document's issuers read when it is time; call it every second."""
        if self.policy is None:
            return
        document = self.policy.document
        wanted = [self.issuer_of(document.jwt)] if document.jwt else []
        login = self.login_issuer()
        wanted += [login] if login else []
        for issuer in wanted:
            issuer.keep_fresh()
        if len(self._issuers) > len(wanted):
            self._issuers = {key: issuer for key, issuer in self._issuers.items() if issuer in wanted}

    async def identify(self, scope: Mapping[str, Any]) -> "Viewer":
        """Return the sender of a request.

        Raises:
            Refused: it presents a credential that proves nothing.
        """
        policy, address = self.policy, self.addresses.of_request(scope)
        if policy is None:
            return Viewer(self, NOBODY, address)
        credential = None
        try:
            credential = credentials.find(scope, policy.document.proxy, self.addresses)
            if credential is None:
                return Viewer(self, NOBODY, address)
            return Viewer(self, await self._identity(credential, policy, scope, address), address)
        except Refused as exc:
            exc.by_cookie = credential is not None and credential.place is Place.COOKIE
            if not exc.by_cookie and exc.reason not in _NO_GUESS:
                self.attempts.failed(address)
            raise

    def rights_of(self, identity: Identity) -> Rights:
        """Return what an identity may see at this moment.

        Raises:
            Refused: what proved it is no longer in force.
        """
        if self.policy is None:
            return EVERYTHING
        return self.policy.rights_of(identity, self._jwt_issuer(self.policy))

    def roles_of(self, identity: Identity) -> list[str]:
        """Return the roles of an identity that the document knows; none if its credential is no longer in force."""
        if self.policy is None:
            return []
        try:
            roles = self.policy.roles_of(identity, self._jwt_issuer(self.policy))
        except Refused:
            return []
        return [role for role in roles if role in self.policy.document.viewers.roles]

    def _jwt_issuer(self, policy: Policy) -> Issuer | None:
        return self.issuer_of(policy.document.jwt) if policy.document.jwt else None

    async def _identity(
        self, credential: Credential, policy: Policy, scope: Mapping[str, Any], address: str
    ) -> Identity:
        text, section = credential.text, policy.document.jwt
        match credential.place:
            case Place.PROXY:
                return Identity(Kind.PROXY, clean(text), credential.groups, proof=peer_address(scope))
            case Place.COOKIE:
                identity = sessions.identity_of(text, policy.sealer)
                self.rights_of(identity)  # what it was given for may have been revoked since
                return identity
            case Place.LINK_PARAMETER:
                return identity_of_link(text, policy)
            case Place.HEADER if section and digest_of(text) not in policy.tokens and _is_jwt(text):
                return await self._identity_of_jwt(text, section)
        return await self.identity_of_token(text, address)

    async def identity_of_token(self, text: str, address: str) -> Identity:
        """Return who a static token stands for; an address that has failed often waits.

        Raises:
            Refused: there is no such token.
        """
        digest = digest_of(text)
        if digest not in self._proven:
            await self.attempts.turn(address)
        tokens = self.policy.tokens if self.policy else {}
        token = tokens.get(digest)
        if token is None:
            raise Refused(Denied.UNKNOWN_TOKEN)
        self._proven = (self._proven & tokens.keys()) | {digest}
        return Identity(Kind.TOKEN, token.name, (token.role,), proof=digest)

    async def _identity_of_jwt(self, text: str, section: JwtSection) -> Identity:
        claims, key = await json_web_token.verify(
            text, self.issuer_of(section), audience=section.audience, clock_skew_s=section.clock_skew
        )
        roles = json_web_token.roles_of(claims, section.roles_claim) or ()
        expires_at = json_web_token.expiry_of(claims, section.clock_skew)
        return Identity(Kind.JWT, json_web_token.name_of(claims), roles, expires_at, key, section.issuer)

    def _issuer(self, issuer: str, jwks: str | None, ca: Path | None) -> Issuer:
        return self._issuers.setdefault((issuer, jwks, ca), Issuer(issuer, jwks, ca))


class Viewer:
    """The sender of a request, for as long as it is being answered. Its rights are always those of this moment."""

    def __init__(self, access: Access, identity: Identity, address: str = UNKNOWN) -> None:
        """Take an identity.

        Args:
            access: that decides.
            identity: that the sender has proved.
            address: that it counts under.
        """
        self.access, self.identity, self.address = access, identity, address
        self.admitted_role = self.role
        self._policy: Policy | None = None
        self._rights: Rights | None = None
        self._look_at = 0.0  # monotonic
        self.ended: Denied | None = None  # why its credential is no longer in force

    @property
    def rights(self) -> Rights:
        """What it may see; the same object until that changes."""
        now = time.monotonic()
        policy = self.access.policy
        if self._rights is not None and policy is self._policy and now < self._look_at:
            return self._rights
        try:
            rights, self.ended = self.access.rights_of(self.identity), None
        except Refused as exc:
            rights, self.ended = NOTHING, exc.reason
        wait_s = LOOK_AGAIN_S if self.identity.kind is Kind.JWT else self.identity.expires_at - time.time()
        self._policy, self._look_at = policy, now + min(LOOK_AGAIN_AT_LEAST_S, max(0.0, wait_s))
        if self._rights is None or rights != self._rights:
            self._rights = rights
        return self._rights

    @property
    def known(self) -> bool:
        """Whether it has proved who it is."""
        return self.identity.kind is not Kind.NOBODY

    @property
    def role(self) -> str:
        """The roles that count for it, in words."""
        if self.identity.kind is Kind.LINK:
            return "link"
        return ", ".join(self.access.roles_of(self.identity)) or "everyone"

    def may_see(self, camera: str) -> bool:
        """Return whether it may see a camera."""
        return self.rights.may_see(camera)

    def may_see_predictions(self, camera: str) -> bool:
        """Return whether it may read the predictions of a camera."""
        return self.rights.may_see_predictions(camera)


def identity_of_link(text: str, policy: Policy) -> Identity:
    """Return who a link stands for.

    Raises:
        Refused: it is not one of ours, or it has expired.
    """
    link = links.verify(text, policy.link_keys, time.time())
    return Identity(Kind.LINK, f"link {link.key}", expires_at=link.expires_at, proof=text)


def _is_jwt(text: str) -> bool:
    return json_web_token.looks_like_one(text)
