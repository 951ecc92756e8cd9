"""Viewers of every kind at one server, good and bad ones. Used by the benchmarks and by a test.

They are raw sockets of this machine; /proc tells what they cost the server.
"""

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.client import LOOPBACK, connected, request
from bench.usage import cpu_of, files, held, rss_of
from bench.vanishing import vanishing

OK = 200
SLOW_BYTES_S = 10_000
STORM_TASKS, STORM_EVERY_S = 10, 0.1


class GoodViewer(asyncio.Protocol):
    """A good viewer: reads everything, counts the parts received completely, and records the age of each."""

    def __init__(self, path: str) -> None:
        self.ages: list[float] = []
        self.ended = False
        self._path = path
        self._left = 0
        self._captured_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = transport
        transport.write(request(self._path))  # type: ignore[attr-defined]

    def connection_lost(self, _: Exception | None) -> None:
        """Note that the connection has ended."""
        self.ended = True

    def data_received(self, data: bytes) -> None:
        """Parse only the headers of the parts: the viewers must not cost more than what is measured."""
        while data:
            if self._left > len(data):
                self._left -= len(data)
                return
            if self._left:
                self.ages.append((time.time() - self._captured_at) * 1000)
                data, self._left = data[self._left :], 0
            begin = data.find(b"X-Timestamp: ")
            end = data.find(b"\r\n\r\n", begin)
            if begin < 0 or end < 0:
                return  # the head of the response, or a part's headers split in two: skip to the next
            self._captured_at = float(data[begin + 13 : data.find(b"\r", begin)])
            size = data.find(b"Content-Length: ")
            self._left = int(data[size + 16 : data.find(b"\r", size)])
            data = data[end + 4 :]

    def end(self) -> None:
        """Close the connection."""
        self._transport.close()


@dataclass(frozen=True)
class Window:
    """What the good viewers received in a period, and what it cost the server."""

    seconds: float
    viewers: int
    fewest: int
    """Frames of the viewer that received the fewest."""
    ages_ms: list[float] = field(repr=False)
    """Of all frames, sorted."""
    cpu_s: float
    rss_mb: float

    @property
    def rate(self) -> float:
        """Frames per second of the average viewer."""
        return len(self.ages_ms) / self.seconds / self.viewers

    def age_ms(self, share: float) -> float:
        """Return the age that a share of the frames does not exceed."""
        return self.ages_ms[int(len(self.ages_ms) * share)] if self.ages_ms else float("inf")


@dataclass
class Measurements:
    """The measurements of one server."""

    alone: Window
    crowded: Window
    storm: int = 0
    """Connections opened and closed."""
    idle_freed_s: float = 0.0
    """Seconds until the server closed the last connection that never reads, from its start."""
    gone_freed_s: float | None = None
    """Seconds until the server closed the last vanished connection; None if this machine cannot make any."""
    slow_stayed: int = 0
    """Viewers reading 10 kB/s that were still served at the end."""
    files_before: int = 0
    files_after: int = 0


async def measure(
    port: int, pid: int, path: str, *, good: int, bad: int, seconds: float, patience_s: float = 90.0
) -> Measurements:
    """Watch alone, then beside bad viewers of each kind and a storm of connections; then wait until those are gone.

    Args:
        port: of a server that listens on every interface.
        pid: its process id.
        path: of a stream.
        good: number of viewers that read everything.
        bad: number of viewers of each bad kind: those that never read, that read 10 kB/s, that vanish.
        seconds: length of each of the two windows.
        patience_s: longest wait for the server to close a connection.
    """
    (first,) = await connect_good(port, path, 1)  # files that a server opens for its first viewer stay open
    await asyncio.sleep(1)
    first.end()
    await asyncio.sleep(1)
    files_before = files(pid)
    viewers = await connect_good(port, path, good)
    await asyncio.sleep(1)
    alone = await window(viewers, seconds, pid)

    idle, came_at = [await never_reads(port, path) for _ in range(bad)], time.monotonic()
    slow = [asyncio.create_task(trickle(port, path)) for _ in range(bad)]
    storming = asyncio.Event()
    storms = [asyncio.create_task(storm(port, path, storming)) for _ in range(STORM_TASKS)]
    with vanishing(port, path, bad) as gone:
        await asyncio.sleep(1)
        vanished = asyncio.create_task(_after(seconds / 2, gone.vanish)) if gone else None
        crowded = await window(viewers, seconds, pid)
        storming.set()
        seen = Measurements(alone, crowded, storm=sum(await asyncio.gather(*storms)), files_before=files_before)
        vanished_at = await vanished if vanished else 0.0
        seen.idle_freed_s = await freed(port, {one.getsockname() for one in idle}, patience_s) - came_at
        if gone:
            seen.gone_freed_s = await freed(port, gone.clients, patience_s) - vanished_at
    for one in idle:
        one.close()
    seen.slow_stayed = sum(not task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    for viewer in viewers:
        viewer.end()
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while files(pid) > files_before:
                await asyncio.sleep(0.1)
    seen.files_after = files(pid)
    return seen


async def _after(seconds: float, act: Callable[[], float]) -> float:
    await asyncio.sleep(seconds)
    return await asyncio.to_thread(act)


async def connect_good(port: int, path: str, number: int) -> list[GoodViewer]:
    """Connect good viewers."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(lambda: GoodViewer(path), LOOPBACK, port))[1] for _ in range(number)]


async def window(viewers: Sequence[GoodViewer], seconds: float, pid: int) -> Window:
    """Measure for a number of seconds."""
    for viewer in viewers:
        viewer.ages.clear()
    began, cpu_s = time.monotonic(), cpu_of(pid)
    rss_mb = 0.0
    while time.monotonic() - began < seconds:
        await asyncio.sleep(0.2)
        rss_mb = max(rss_mb, rss_of(pid))
    wall_s, cpu_s = time.monotonic() - began, cpu_of(pid) - cpu_s
    ages = sorted(age for viewer in viewers for age in viewer.ages)
    return Window(wall_s, len(viewers), min(len(viewer.ages) for viewer in viewers), ages, cpu_s, rss_mb)


async def never_reads(port: int, path: str) -> socket.socket:
    """Connect a viewer that sends its request and reads nothing."""
    viewer = await connected(port, window=65_536)
    await asyncio.get_running_loop().sock_sendall(viewer, request(path))
    return viewer


async def trickle(port: int, path: str) -> None:
    """Read 10 kB per second until cancelled."""
    loop = asyncio.get_running_loop()
    with await connected(port, window=65_536) as viewer:
        await loop.sock_sendall(viewer, request(path))
        while await loop.sock_recv(viewer, SLOW_BYTES_S // 10):
            await asyncio.sleep(0.1)


async def storm(port: int, path: str, over: asyncio.Event) -> int:
    """Connect and disconnect until it is over, by FIN and by RST in turn; return how often."""
    loop = asyncio.get_running_loop()
    for count in itertools.count():
        if over.is_set():
            return count
        with suppress(OSError), await connected(port) as viewer:
            await loop.sock_sendall(viewer, request(path))
            if count % 3:
                await loop.sock_recv(viewer, 10_000)
            if count % 2:
                viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(STORM_EVERY_S)
    raise AssertionError("itertools.count ended")


async def freed(port: int, clients: set[tuple[str, int]], patience_s: float) -> float:
    """Wait until the server holds no connection to any of these clients; return the monotonic time then."""
    async with asyncio.timeout(patience_s):
        while held(port) & clients:
            await asyncio.sleep(0.1)
    return time.monotonic()


@dataclass(frozen=True)
class Answer:
    """The head of an answer: its status, and the seconds of Retry-After if it has that header."""

    status: int
    retry_after: str | None


async def one_too_many(port: int, path: str, places: int) -> tuple[Answer, Answer]:
    """Use up the viewer limit; return the answer to one viewer more, and to the next one after a viewer has left."""
    slow = f"{path}?fps=0.1"  # hardly any work
    viewers = [await never_reads(port, slow) for _ in range(places)]
    try:
        async with asyncio.timeout(60):
            while (refused := await ask(port, path)).status == OK:
                await asyncio.sleep(0.1)
            viewers.pop().close()
            while (taken := await ask(port, path)).status != OK:
                await asyncio.sleep(0.1)
    finally:
        for viewer in viewers:
            viewer.close()
    return refused, taken


async def ask(port: int, path: str) -> Answer:
    """Request a stream, and close the connection as soon as the head of the answer is there."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(request(path))
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    writer.close()
    retry = [line.partition(": ")[2] for line in headers if line.lower().startswith("retry-after: ")]
    return Answer(int(status.split()[1]), retry[0] if retry else None)
