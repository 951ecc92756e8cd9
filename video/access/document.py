"""The access document (ACCESSFILE): its form, with every field's meaning and default."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.setting_words import Form
from shared.settings import Duration as Duration

LONGEST = 200  # characters of a name, and entries of a list
MAX_PATTERNS = 1000  # of a role
Network = IPv4Network | IPv6Network


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("not an address as https://host/path")
    return value


def _header(value: str) -> str:
    if not value or not all(c.isalnum() or c == "-" for c in value) or not value.isascii():
        raise ValueError("not the name of a header")
    return value.lower()


Name = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Url = Annotated[str, AfterValidator(_http_url), Form("an address as https://host/path")]
Header = Annotated[str, AfterValidator(_header), Form("the name of an HTTP header")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Section):
    """What the viewers of a role may see.

    Attributes:
        cameras: patterns of camera ids; `*` stands for any characters.
        predictions: whether its viewers get predictions as data. Labels that are drawn on a picture stay on it.
    """

    cameras: Annotated[list[Name], Field(max_length=MAX_PATTERNS)] = []
    predictions: bool = True


class ViewersSection(_Section):
    """The roles.

    Attributes:
        everyone: what needs no credential.
        roles: by name; a viewer has those that its credential names.
    """

    everyone: Role = Role()
    roles: dict[Name, Role] = {}


class TokensSection(_Section):
    """Bearer tokens.

    Attributes:
        file: lines of role, SHA-256 of the token in hexadecimal digits and, if wanted, a name.
    """

    file: Path


class JwtSection(_Section):
    """JSON Web Tokens of an issuer (RFC 7519).

    Attributes:
        issuer: must equal the claim `iss`.
        audience: must be in the claim `aud`.
        jwks: address of the issuer's key set; by default it is discovered at the issuer (OpenID Connect Discovery 1.0).
        roles_claim: the claim that names roles; dots lead into nested claims (`realm_access.roles`).
        clock_skew: seconds that the issuer's clock may be ahead.
        ca: file of certificates to trust beside the system's.
    """

    issuer: Name
    audience: Name
    jwks: Url | None = None
    roles_claim: Name = "groups"
    clock_skew: Duration = 30.0
    ca: Path | None = None


class OidcSection(_Section):
    """Login in the page by OpenID Connect (authorization code with PKCE).

    Attributes:
        issuer: of the identity provider.
        client_id: that the provider knows this service under.
        client_secret: file that holds the client's secret; None for a public client.
        scopes: that are asked for.
        roles_claim: the claim of the ID token, or of the provider's user information, that names roles.
        lifetime: seconds after which a viewer is sent to the provider again.
        public_url: where viewers reach the page; by default what the request says.
        ca: file of certificates to trust beside the system's.
    """

    issuer: Url
    client_id: Name
    client_secret: Path | None = None
    scopes: Annotated[list[Name], Field(max_length=LONGEST)] = ["openid", "profile", "email"]
    roles_claim: Name = "groups"
    lifetime: Annotated[Duration, Field(gt=0, le=86400)] = 3600.0
    public_url: Url | None = None
    ca: Path | None = None


class ProxySection(_Section):
    """A reverse proxy that has asked the viewer who it is.

    Attributes:
        trusted: networks that the proxy's requests come from; nobody else is believed.
        user: header with the viewer's name; None if the proxy asks nobody who it is.
        groups: header with its roles, separated by commas.
    """

    trusted: Annotated[list[Network], Field(min_length=1, max_length=LONGEST)]
    user: Header | None = "x-forwarded-user"
    groups: Header = "x-forwarded-groups"


class LinksSection(_Section):
    """Signed links.

    Attributes:
        keys: file of lines with a key's id and its secret; the first one signs, all verify.
        longest: seconds that a link may be valid.
    """

    keys: Path
    longest: Annotated[Duration, Field(gt=0)] = 7 * 86400.0


class SessionsSection(_Section):
    """The cookies of viewers that have logged in.

    Attributes:
        keys: file of lines with a key's id and its secret; the first one encrypts. Several replicas need the same.
    """

    keys: Path


class AuditSection(_Section):
    """What is written down about viewings, besides the records on TOPICNAMEAUDIT.

    Attributes:
        log: also log each record.
    """

    log: bool = False


class AccessDocument(_Section):
    """Who may see what."""

    viewers: ViewersSection = ViewersSection()
    tokens: TokensSection | None = None
    jwt: JwtSection | None = None
    oidc: OidcSection | None = None
    proxy: ProxySection | None = None
    links: LinksSection | None = None
    sessions: SessionsSection | None = None
    audit: AuditSection = AuditSection()

    def files(self) -> list[Path]:
        """Return the files that it names; a change of one of them is a change of the document."""
        named = [
            self.tokens and self.tokens.file,
            self.links and self.links.keys,
            self.sessions and self.sessions.keys,
            self.oidc and self.oidc.client_secret,
            self.oidc and self.oidc.ca,
            self.jwt and self.jwt.ca,
        ]
        return [path for path in named if path]
