"""Finds and checks ports of this machine."""

import socket

from shared import sockets
from shared.errors import SettingsError
from shared.go_notation import Address

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port of the loopback interface on which nothing listens at the moment."""
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def check_free(variable: str, address: Address) -> None:
    """Check that an address can be listened on.

    Raises:
        SettingsError: it is taken or not permitted; one line that names the variable.
    """
    try:
        sockets.listen(address, variable=variable).close()
    except SettingsError as exc:
        raise SettingsError([f"{mistake}; set {variable} to another" for mistake in exc.mistakes]) from exc
