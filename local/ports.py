"""Finds and checks ports of this machine."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

from shared import sockets
from shared.errors import SettingsError
from shared.go_notation import Address

LOOPBACK = "127.0.0.1"

# Below the ports that Linux and macOS give to outgoing connections, which could take a port between its choice and its
# use, and below Kubernetes' NodePorts.
_PORTS = range(20_000, 30_000)


def free_port() -> int:
    """Return a port of the loopback interface that is free, and that no other call returns for a long time.

    All processes of this user count on in one file, so that they never choose the same port at the same time.

    Raises:
        OSError: the file cannot be written, or no port is free.
    """
    path = Path(tempfile.gettempdir()) / f"machine-learning-deployment-port.{os.getuid()}"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        last = int(text) if text.isdecimal() else os.getpid()
        for number in range(last + 1, last + 1 + len(_PORTS)):
            port = _PORTS[number % len(_PORTS)]
            if _is_free(port):
                file.seek(0)
                file.truncate()
                file.write(str(number % len(_PORTS)))
                return port
    raise OSError(f"none of the ports {_PORTS.start} to {_PORTS.stop - 1} is free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def check_free(variable: str, address: Address) -> None:
    """Check that an address can be listened on.

    Raises:
        SettingsError: it is taken or not permitted; one line that names the variable.
    """
    try:
        sockets.listen(address, variable=variable).close()
    except SettingsError as exc:
        raise SettingsError([f"{mistake}; set {variable} to another" for mistake in exc.mistakes]) from exc
