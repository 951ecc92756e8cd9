"""The address that a client counts under. Every bound per client asks here, and only here."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
IPV6_PREFIX = 64  # bits: a client is commonly given a whole /64 and may use any address in it (RFC 6177)


class ClientAddresses:
    """Maps connections and requests to the address they count under.

    Without trusted proxies only the peer's own address counts. A forwarded address counts when the peer is a trusted
    proxy.
    """

    def __init__(self, trusted_proxies: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted_proxies)

    def trust(self, proxies: Iterable[Network]) -> None:
        """Trust these proxies from now on, and no others; from any thread."""
        self._trusted = tuple(proxies)

    def is_trusted_peer(self, scope: Mapping[str, Any]) -> bool:
        """Return whether a request (its ASGI scope) comes from a trusted proxy."""
        return is_in(peer_address(scope), self._trusted)

    def of_peer(self, peer: Sequence[Any] | None) -> str | None:
        """Return the address that a connection counts under; None for a trusted proxy, which carries many clients.

        Args:
            peer: host and port of the other end; None if unknown.
        """
        address = _parsed(peer[0]) if peer else None
        return None if address is not None and self._is_trusted(address) else _key(address)

    def of_request(self, scope: Mapping[str, Any]) -> str:
        """Return the address that a request counts under.

        Behind trusted proxies it is the last address in `X-Forwarded-For` that is not a trusted proxy's own: what
        stands in front of it can be forged.

        Args:
            scope: of ASGI.
        """
        peer = scope.get("client")
        address = _parsed(peer[0]) if peer else None
        for forwarded in reversed(_forwarded_for(scope)):
            if address is None or not self._is_trusted(address):
                break
            address = _parsed(forwarded)
        return _key(address)

    def _is_trusted(self, address: Address) -> bool:
        return _is_in(address, self._trusted)


def peer_address(scope: Mapping[str, Any]) -> str:
    """Return the address of the other end of a request's connection; an empty text if it is unknown."""
    peer = scope.get("client")
    return str(peer[0]) if peer else ""


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """Return whether an address is in one of some networks."""
    parsed = _parsed(address)
    return parsed is not None and _is_in(parsed, networks)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _forwarded_for(scope: Mapping[str, Any]) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [part.strip() for part in ",".join(values).split(",") if part.strip()]


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _key(address: Address | None) -> str:
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return str(address)
