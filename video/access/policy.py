"""One text of the access document with the files that it names, ready to decide. It is replaced as a whole."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from video.access import links
from video.access.document import AccessDocument
from video.access.identity import Denied, Identity, Kind, Refused
from video.access.issuer import Issuer
from video.access.key_files import Key, Token, read_keys, read_secret, read_tokens
from video.access.rights import Grant, Rights
from video.access.sessions import Sealer
from video.client_address import is_in


@dataclass(frozen=True)
class Policy:
    """What is in force.

    Attributes:
        document: as it was read.
        tokens: by digest.
        link_keys: by id; the first one signs.
        sealer: of sessions.
        client_secret: of the login by OpenID Connect; None for a public client.
    """

    document: AccessDocument
    tokens: Mapping[str, Token]
    link_keys: Mapping[str, Key]
    sealer: Sealer
    client_secret: str | None = None
    _grants: Mapping[str, Grant] = field(default_factory=dict)
    _everyone: Grant = field(default_factory=lambda: Grant(()))

    @classmethod
    def build(cls, document: AccessDocument, own_session_key: Key) -> Self:
        """Read the files that a document names.

        Args:
            document: as it was read.
            own_session_key: for sessions if the document names no keys.

        Raises:
            BadFile: one of them cannot be used.
        """
        session_keys = read_keys(document.sessions.keys) if document.sessions else ()
        link_keys = read_keys(document.links.keys) if document.links else ()
        oidc = document.oidc
        return cls(
            document,
            read_tokens(document.tokens.file) if document.tokens else {},
            {key.id: key for key in link_keys},
            Sealer(session_keys or (own_session_key,)),
            read_secret(oidc.client_secret) if oidc and oidc.client_secret else None,
            {name: Grant.of_role(role) for name, role in document.viewers.roles.items()},
            Grant.of_role(document.viewers.everyone),
        )

    def rights_of(self, identity: Identity, issuer: Issuer | None) -> Rights:
        """Return what a viewer may see at this moment.

        Args:
            identity: that a credential has proved, some time ago.
            issuer: of JWTs, as the document has it now.

        Raises:
            Refused: the credential is no longer in force.
        """
        now = time.time()
        if now >= identity.expires_at:
            raise Refused(Denied.EXPIRED)
        if identity.session_key and identity.session_key not in self.sealer.fingerprints:
            raise Refused(Denied.REVOKED)
        if identity.kind is Kind.LINK:
            link = links.verify(identity.proof, self.link_keys, now)
            return Rights((Grant((link.camera,), link.predictions), self._everyone))
        roles = self.roles_of(identity, issuer)
        return Rights((*(self._grants[role] for role in roles if role in self._grants), self._everyone))

    def roles_of(self, identity: Identity, issuer: Issuer | None) -> tuple[str, ...]:
        """Return the roles of an identity if what proved it is still in force.

        Raises:
            Refused: it is not.
        """
        document = self.document
        match identity.kind:
            case Kind.NOBODY | Kind.LINK:
                return ()
            case Kind.TOKEN:
                token = self.tokens.get(identity.proof)
                if token is not None:
                    return (token.role,)
            case Kind.JWT if issuer is not None and issuer.issuer == identity.issuer and issuer.has_key(identity.proof):
                return identity.roles
            case Kind.LOGIN if document.oidc is not None and document.oidc.issuer == identity.issuer:
                return identity.roles
            case Kind.PROXY if document.proxy is not None and is_in(identity.proof, document.proxy.trusted):
                return identity.roles
        raise Refused(Denied.REVOKED)
