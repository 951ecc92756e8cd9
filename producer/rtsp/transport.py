"""The headers `Transport` and `Session` (RFC 2326, sections 12.39 and 12.37), as cameras write them."""

import re
from collections.abc import Sequence

DEFAULT_CHANNELS = (0, 1)  # RTP, RTCP, as asked for
DEFAULT_TIMEOUT_S = 60.0  # RFC 2326, section 12.37
_TIMEOUT = re.compile(r"timeout\s*=\s*\"?(\d{1,6})", re.IGNORECASE)
_MOST_CHANNEL = 255  # the channel is one byte
_INTERLEAVED = re.compile(r"interleaved\s*=\s*\"?(\d{1,5})(?:\s*-\s*(\d{1,5}))?", re.IGNORECASE)
_UDP = re.compile(r"client_port|server_port|\bmulticast\b|/UDP\b", re.IGNORECASE)


def agreed_channels(headers: Sequence[str]) -> frozenset[int] | None:
    """Return the channels that packets come on, or None if they come over UDP.

    Which of two channels has RTP and which RTCP is seen from the packets: cameras swap them. Without numbers the
    channels are those that were asked for.
    """
    header = ", ".join(headers)
    found = _INTERLEAVED.search(header)
    if found:
        first = int(found[1])
        channels = {first, int(found[2]) if found[2] else first + 1}
        return frozenset(number for number in channels if number <= _MOST_CHANNEL) or frozenset(DEFAULT_CHANNELS)
    if _UDP.search(header) and "/TCP" not in header.upper():
        return None
    return frozenset(DEFAULT_CHANNELS)


def timeout_s(parameters: str) -> float:
    """Return how long a session lasts without a sign of life, given what follows its name."""
    found = _TIMEOUT.search(parameters)
    return float(found[1]) if found and int(found[1]) else DEFAULT_TIMEOUT_S
