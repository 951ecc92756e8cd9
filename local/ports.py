"""Ports of this machine."""

import os
import socket

from shared.errors import SettingsError
from shared.go_notation import Address

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on right now."""
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def check_free(variable: str, address: Address) -> None:
    """Check that an address can be listened on.

    Raises:
        SettingsError: it is taken or not ours, in one line that names the variable.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        # As uvicorn will: a port in TIME_WAIT is free.
        with socket.create_server((address.host, address.port), family=family, reuse_port=False):
            pass
    except (OSError, OverflowError) as exc:
        reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else str(exc)
        raise SettingsError([f"{variable}: cannot listen on {address}: {reason}; set {variable} to another"]) from exc
