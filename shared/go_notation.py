"""Reads durations and listening addresses as Go writes them, so that the original's manifests keep working."""

import re
from typing import NamedTuple

# The units of https://pkg.go.dev/time#ParseDuration, in seconds. Both micro signs are accepted there too.
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_S = (2**63 - 1) / 1e9  # Go counts nanoseconds in an int64
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_PORT = re.compile(r"[0-9]{1,5}")
DURATION_FORM = "a Go duration such as 42ms, 1.5s, 1m30s or 0"
ADDRESS_FORM = "a Go address such as :8080 or 127.0.0.1:8080"


class Address(NamedTuple):
    """Where a server listens; an empty host means every interface."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_duration(text: str) -> float:
    """Return the seconds that a Go duration means.

    >>> parse_duration("1m30s"), parse_duration("42ms"), parse_duration("0")
    (90.0, 0.042, 0.0)

    Raises:
        ValueError: the text is not a duration, or a negative one, or longer than Go's longest (292 years).
    """
    text = text.strip()
    if text in {"0", "+0", "-0"}:
        return 0.0
    rest = text.removeprefix("+")
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part.group(0) for part in parts) != rest:
        raise ValueError(f"not {DURATION_FORM}")
    # Summed in order of size the error of a float stays below a nanosecond for any sensible setting.
    seconds = sum(float(part.group(1)) * _UNITS_S[part.group(2)] for part in parts)
    if seconds > _LONGEST_S:
        raise ValueError(f"not {DURATION_FORM}")
    return round(seconds, 9)


def format_duration(seconds: float) -> str:
    """Write seconds as the shortest Go duration that reads back the same.

    >>> format_duration(0.042), format_duration(90), format_duration(0)
    ('42ms', '1m30s', '0')
    """
    nanoseconds = round(seconds * 1e9)
    if nanoseconds == 0:
        return "0"
    if nanoseconds < 1_000_000_000:
        return f"{_decimal(nanoseconds, 6)}ms"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    return text + (f"{_decimal(rest, 9)}s" if rest or not text else "")


def _decimal(number: int, digits: int) -> str:
    whole, part = divmod(number, 10**digits)
    return f"{whole}.{part:0{digits}}".rstrip("0").rstrip(".")


def parse_address(text: str) -> Address:
    """Return host and port of a Go listening address.

    >>> parse_address(":8080"), parse_address("[::1]:80")
    (Address(host='', port=8080), Address(host='::1', port=80))

    Raises:
        ValueError: there is no port, or it is not between 0 and 65535.
    """
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    number = int(port) if _PORT.fullmatch(port) else -1
    if not colon or not 0 <= number <= 65535 or (":" in host and not bracketed):
        raise ValueError(f"not {ADDRESS_FORM}")
    return Address(host.strip("[]"), number)
