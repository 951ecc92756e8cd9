"""Clients that send the worst on purpose: what good viewers see meanwhile is measured by `tests/video/test_attacks.py`.

    python -m bench.attacks PORT SECONDS KIND...

Every kind is bounded in connections, bytes and time, goes to the loopback interface only, and comes from an address of
its own (127.0.0.x), so that the server can tell it from the good viewers.
"""

import argparse
import asyncio
import base64
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from bench.client import LOOPBACK

MAX_BYTES = 60_000_000  # that one attack sends
MANY = 300  # connections that one attack holds
PAUSE_S = 0.02  # between two connections of a kind that is cut at once
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)
TEXT, PING = 1, 9

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Attack:
    """Connects from one address until its time is over."""

    def __init__(self, port: int, address: str, seconds: float) -> None:
        self._port, self._address = port, address
        self._ends_at = time.monotonic() + seconds
        self._sent = 0

    async def header_lines(self) -> None:
        """Send a head of short lines without end, again and again."""
        await self._flood(b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"a:b\r\n" * 13_000)

    async def header_line(self) -> None:
        """Send a head of one long line without end, again and again."""
        await self._flood(b"GET / HTTP/1.1\r\nHost: localhost\r\nx: ", b"a" * 65_536)

    async def pipelining(self) -> None:
        """Send requests without waiting for answers, which are read."""
        await self._flood(b"", b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)

    async def handshakes(self) -> None:
        """Send handshakes that `websockets` refuses, and keep the connections."""
        head = HANDSHAKE + b"x: " + b"a" * 9000 + b"\r\n\r\n"
        await self._hold(MANY, head)

    async def bodies(self) -> None:
        """Announce bodies and send a byte now and then."""
        head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        held = await self._hold(MANY, head, hold=False)
        while self._has_time():
            for _, writer in held:
                writer.write(b"a")
            await asyncio.sleep(0.5)

    async def places(self) -> None:
        """Open WebSockets that watch nothing, and read what comes."""
        held = await self._hold(MANY, HANDSHAKE + b"\r\n", hold=False)
        await asyncio.gather(*(self._drain(reader) for reader, _ in held))

    async def acknowledgements(self) -> None:
        """Acknowledge what was never sent, as fast as possible."""
        await self._flood_websocket(ws_frame(b'{"type": "ack", "camera": "front", "run": 1, "seq": 1}') * 1000)

    async def pings(self) -> None:
        """Send empty control frames as fast as possible."""
        await self._flood_websocket(ws_frame(b"", PING) * 5000)

    async def watches(self) -> None:
        """Ask for a thousand cameras that do not exist, as fast as possible."""
        wish = {"type": "watch", "cameras": {f"camera-{number}": {"width": 9} for number in range(1000)}}
        await self._flood_websocket(ws_frame(json.dumps(wish).encode()) * 10)

    async def not_utf8(self) -> None:
        """Send text that is not UTF-8, on a new connection each time."""
        while self._has_time():
            with suppress(OSError, asyncio.IncompleteReadError):
                _, writer = await self._websocket()
                writer.write(ws_frame(b"\xff"))
                await asyncio.sleep(PAUSE_S)
                writer.close()

    def _has_time(self) -> bool:
        return time.monotonic() < self._ends_at and self._sent < MAX_BYTES

    async def _connect(self) -> Streams:
        return await asyncio.open_connection(LOOPBACK, self._port, local_addr=(self._address, 0))

    async def _websocket(self) -> Streams:
        reader, writer = await self._connect()
        writer.write(HANDSHAKE + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    async def _hold(self, number: int, first: bytes, *, hold: bool = True) -> list[Streams]:
        held = []
        for _ in range(number):
            with suppress(OSError):
                reader, writer = await self._connect()
                writer.write(first)
                held.append((reader, writer))
        while hold and self._has_time():
            await asyncio.sleep(0.1)
        return held

    async def _flood(self, first: bytes, block: bytes) -> None:
        while self._has_time():
            with suppress(OSError):
                await self._send_until_cut(await self._connect(), first, block)
            await asyncio.sleep(PAUSE_S)

    async def _flood_websocket(self, block: bytes) -> None:
        while self._has_time():
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._send_until_cut(await self._websocket(), b"", block)
            await asyncio.sleep(PAUSE_S)

    async def _send_until_cut(self, streams: Streams, first: bytes, block: bytes) -> None:
        reader, writer = streams
        reading = asyncio.create_task(self._drain(reader))
        try:
            writer.write(first)
            while self._has_time() and not reading.done() and not writer.transport.is_closing():
                writer.write(block)
                self._sent += len(block)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await writer.drain()
        finally:
            reading.cancel()
            writer.transport.abort()

    async def _drain(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(max(0.1, self._ends_at - time.monotonic())):
                while await reader.read(1 << 16):
                    pass


KINDS: dict[str, Callable[[Attack], Awaitable[None]]] = {
    "header_lines": Attack.header_lines,
    "header_line": Attack.header_line,
    "pipelining": Attack.pipelining,
    "handshakes": Attack.handshakes,
    "bodies": Attack.bodies,
    "places": Attack.places,
    "acknowledgements": Attack.acknowledgements,
    "pings": Attack.pings,
    "watches": Attack.watches,
    "not_utf8": Attack.not_utf8,
}


def ws_frame(data: bytes, opcode: int = TEXT) -> bytes:
    """Return a masked frame (RFC 6455, section 5.2); the mask is zero."""
    size = len(data)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + data


def main() -> None:
    """Attack in every given way at once."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("port", type=int)
    arguments.add_argument("seconds", type=float)
    arguments.add_argument("kinds", nargs="+", choices=KINDS)
    options = arguments.parse_args()
    os.nice(15)
    print("attacking", flush=True)
    asyncio.run(_run(options.kinds, options.port, options.seconds))


async def _run(kinds: Sequence[str], port: int, seconds: float) -> None:
    addresses = {kind: f"127.0.0.{2 + number}" for number, kind in enumerate(KINDS)}
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds + 1):
            await asyncio.gather(*(KINDS[kind](Attack(port, addresses[kind], seconds)) for kind in kinds))


if __name__ == "__main__":
    main()
