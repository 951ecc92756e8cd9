"""A client on a raw socket, which sends exactly what a test tells it to."""

import base64
import json
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n" % base64.b64encode(bytes(16))
)
TEXT, CLOSE, PING, CONTINUATION = 1, 8, 9, 0


def ws_frame(data: bytes, opcode: int = TEXT, *, final: bool = True) -> bytes:
    """Return a masked frame (RFC 6455, section 5.2)."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size)
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
    return bytes([(0x80 if final else 0) | opcode]) + length + mask + masked


class Client:
    """One connection, optionally from another loopback address than the rest."""

    def __init__(self, port: int, *, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
        self._received = b""

    def send(self, data: bytes) -> None:
        """Send, unless the server has closed."""
        with suppress(OSError):
            self.socket.sendall(data)

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> "Client":
        """Send a request."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **(headers or {})}.items())
        self.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())
        return self

    def upgrade(self, extra: bytes = b"", path: str = "/ws") -> str:
        """Ask for a WebSocket; return the status line of the answer."""
        self.send(HANDSHAKE.replace(b"/ws", path.encode()) + extra + b"\r\n")
        return self.head()[0]

    def upgrade_as(self, host: str, extra: bytes = b"") -> str:
        """Ask for a WebSocket of a host; return the status line of the answer."""
        self.send(HANDSHAKE.replace(b"localhost", host.encode()) + extra + b"\r\n")
        return self.head()[0]

    def head(self) -> list[str]:
        """Read the head of an answer: status line and header lines; empty lines if the server has closed."""
        while b"\r\n\r\n" not in self._received:
            if not self._receive():
                return [""]
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode().split("\r\n")

    def status(self) -> int:
        """Read the head of an answer; return its status, 0 if the server has closed."""
        line = self.head()[0]
        return int(line.split()[1]) if line else 0

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read an answer that has a length: status, headers in lower case, body."""
        line, *lines = self.head()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(line.split()[1]), headers, self._take(int(headers.get("content-length", "0")))

    def message(self) -> tuple[int, bytes]:
        """Read one unmasked frame: opcode and data."""
        first, size = self._take(2)
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
        return first & 15, self._take(size)

    def close_code(self) -> int:
        """Read on until the server closes the WebSocket; return its code, 0 if it only cut the connection."""
        with suppress(OSError, EOFError):
            while True:
                opcode, data = self.message()
                if opcode == CLOSE:
                    return int.from_bytes(data[:2], "big")
        return 0

    def hear(self, kind: str) -> dict[str, Any]:
        """Read on to the next text message of a type."""
        while True:
            opcode, data = self.message()
            if opcode == TEXT and (message := json.loads(data))["type"] == kind:
                return dict(message)

    def is_closed(self) -> bool:
        """Read everything; return whether the server has closed in time."""
        try:
            while self._receive():
                pass
        except TimeoutError:
            return False
        return True

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            if not self._receive():
                raise EOFError
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            return False
        self._received += data
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
