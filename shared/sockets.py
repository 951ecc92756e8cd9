"""Listening sockets: one way to bind an address of the settings."""

import os
import socket

from shared.errors import SettingsError
from shared.go_notation import Address

BACKLOG = 128


def listen(address: Address, *, variable: str, backlog: int = BACKLOG) -> socket.socket:
    """Return a socket that listens on an address.

    An empty host means every interface of both IP families, as in Go. A port in TIME_WAIT is free; a port on which
    another process listens is not (no SO_REUSEPORT).

    Args:
        address: where to listen; port 0 takes a free one.
        variable: name of the setting, for the error.
        backlog: connections that the kernel holds until they are accepted.

    Raises:
        SettingsError: the port is taken or not allowed, or the host is not an address of this machine.
    """
    dual = not address.host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(
            (address.host, address.port), family=family, backlog=backlog, dualstack_ipv6=dual, reuse_port=False
        )
    except (OSError, OverflowError, UnicodeError) as exc:
        raise SettingsError([f"{variable}: cannot listen on {address}: {_reason(exc)}"]) from exc


def _reason(exc: Exception) -> str:
    if isinstance(exc, UnicodeError):
        return "not a host's name"
    if isinstance(exc, OSError):
        # create_server adds the address to the text of the error; the plain text of the error number is enough.
        return os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror or str(exc)
    return str(exc)
