"""A viewer as a raw socket."""

import asyncio
import socket

LOOPBACK = "127.0.0.1"


def request(path: str) -> bytes:
    """Return the request of a viewer."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def connected(port: int, *, window: int = 0, host: str = LOOPBACK) -> socket.socket:
    """Connect to a server; `window` bounds the receive buffer, bytes."""
    viewer = socket.socket()
    viewer.setblocking(False)
    if window:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    await asyncio.get_running_loop().sock_connect(viewer, (host, port))
    return viewer
