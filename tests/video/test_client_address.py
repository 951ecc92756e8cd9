from ipaddress import ip_network
from typing import Any

import pytest

from video.client_address import ClientAddresses


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    """Return what matters of an ASGI scope."""
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": None if peer is None else (peer, 40_000), "headers": headers}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ],
    ids=["a /64 is one client", "IPv4 on a dual-stack socket"],
)
def test_addresses_of_one_client_count_together(one: str, other: str) -> None:
    """A client that has a whole network at hand is still one client."""
    addresses = ClientAddresses()

    assert addresses.of_peer((one, 1)) == addresses.of_peer((other, 2)) == addresses.of_request(scope(one))


def test_other_addresses_are_other_clients() -> None:
    """Neighbours do not share their places."""
    addresses = ClientAddresses()
    peers = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "127.0.0.1", "::1"]

    assert len({addresses.of_peer((peer, 1)) for peer in peers}) == len(peers)


def test_without_trusted_proxies_nobody_says_for_whom_it_speaks() -> None:
    """Anyone can write the header."""
    assert ClientAddresses().of_request(scope("192.0.2.1", "203.0.113.9")) == "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (["198.51.100.1", "203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        (["nonsense"], "unknown"),
        ([], "10.0.0.1"),
    ],
    ids=["one", "the client may forge what stands before", "two proxies", "nonsense", "none"],
)
def test_behind_a_trusted_proxy_the_forwarded_address_counts(forwarded: list[str], expected: str) -> None:
    """It is the last one that does not belong to a trusted proxy."""
    addresses = ClientAddresses([ip_network("10.0.0.0/8")])

    assert addresses.of_request(scope("10.0.0.1", *forwarded)) == expected
    assert addresses.of_peer(("10.0.0.1", 1)) is None, "its connections carry many clients"
    assert addresses.of_request(scope("192.0.2.1", *forwarded)) == "192.0.2.1"


def test_a_peer_without_an_address_is_one_client() -> None:
    """The peer may be a UNIX socket."""
    assert ClientAddresses().of_request(scope(None)) == ClientAddresses().of_peer(None) == "unknown"
