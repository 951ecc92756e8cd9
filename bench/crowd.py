"""Viewers of every kind at one server: good ones, and those that take no care. Used by the bench and by a test.

    python -m bench.crowd HOST PORT PATH NUMBER    in a network of its own: viewers that can vanish without a word

Raw sockets of this machine; what is measured of the server comes out of /proc.
"""

import asyncio
import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
OURS, THEIRS = "198.18.71.1", "198.18.71.2"  # of RFC 2544: for measurements, in nobody's network
OK = 200
SLOW_BYTES_S = 10_000
STORM_TASKS, STORM_EVERY_S = 10, 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


class Eye(asyncio.Protocol):
    """A good viewer: reads all there is, counts the parts that it has received whole, and notes the age of each."""

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
        """Note that the server has ended it, unless we did."""
        self.ended = True

    def data_received(self, data: bytes) -> None:
        """Look only at the heads of the parts: the viewers must not cost more than what is measured."""
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
                return  # the head of the answer, or a head cut in two: the next one will do
            self._captured_at = float(data[begin + 13 : data.find(b"\r", begin)])
            size = data.find(b"Content-Length: ")
            self._left = int(data[size + 16 : data.find(b"\r", size)])
            data = data[end + 4 :]

    def end(self) -> None:
        """Go."""
        self._transport.close()


@dataclass(frozen=True)
class Window:
    """What the good viewers got in a time, and what it cost the server."""

    seconds: float
    viewers: int
    fewest: int
    """Frames of the viewer that got fewest."""
    ages_ms: list[float] = field(repr=False)
    """Of all frames, sorted."""
    cpu_s: float
    rss_mb: float

    @property
    def rate(self) -> float:
        """Frames a second of the mean viewer."""
        return len(self.ages_ms) / self.seconds / self.viewers

    def age_ms(self, share: float) -> float:
        """Return the age that a share of the frames does not exceed."""
        return self.ages_ms[int(len(self.ages_ms) * share)] if self.ages_ms else float("inf")


@dataclass
class Evening:
    """What was seen of one server."""

    alone: Window
    crowded: Window
    storm: int = 0
    """Connections that came and went."""
    idle_freed_s: float = 0.0
    """Until the last of those that never read was let go, from its coming."""
    gone_freed_s: float | None = None
    """Until the last of those that vanished was let go, from its vanishing; None: there can be none here."""
    slow_stayed: int = 0
    """Those that read 10 kB/s and were still served at the end."""
    files_before: int = 0
    files_after: int = 0


async def evening(
    port: int, pid: int, path: str, *, good: int, bad: int, seconds: float, patience_s: float = 90.0
) -> Evening:
    """Watch alone, then among bad viewers of each kind and in a storm; then see what is left of those.

    Args:
        port: of a server that listens on every interface.
        pid: its process.
        path: of a stream.
        good: viewers that read all.
        bad: of each kind: that never read, that read 10 kB/s, that vanish.
        seconds: of each of the two windows.
        patience_s: longest wait for the server to let go of somebody.
    """
    (first,) = await come(port, path, 1)  # what a server opens for its first viewer stays open
    await asyncio.sleep(1)
    first.end()
    await asyncio.sleep(1)
    files_before = files(pid)
    eyes = await come(port, path, good)
    await asyncio.sleep(1)
    alone = await window(eyes, seconds, pid)

    idle, came_at = [await never_reads(port, path) for _ in range(bad)], time.monotonic()
    slow = [asyncio.create_task(trickle(port, path)) for _ in range(bad)]
    storming = asyncio.Event()
    storms = [asyncio.create_task(storm(port, path, storming)) for _ in range(STORM_TASKS)]
    with vanishing(port, path, bad) as gone:
        await asyncio.sleep(1)
        vanished = asyncio.create_task(_after(seconds / 2, gone.vanish)) if gone else None
        crowded = await window(eyes, seconds, pid)
        storming.set()
        seen = Evening(alone, crowded, storm=sum(await asyncio.gather(*storms)), files_before=files_before)
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
    for eye in eyes:
        eye.end()
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while files(pid) > files_before:
                await asyncio.sleep(0.1)
    seen.files_after = files(pid)
    return seen


async def _after(seconds: float, act: Callable[[], float]) -> float:
    await asyncio.sleep(seconds)
    return await asyncio.to_thread(act)


async def come(port: int, path: str, number: int) -> list[Eye]:
    """Connect good viewers."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(lambda: Eye(path), LOOPBACK, port))[1] for _ in range(number)]


async def window(eyes: Sequence[Eye], seconds: float, pid: int) -> Window:
    """Measure for so long."""
    for eye in eyes:
        eye.ages.clear()
    began, cpu_s = time.monotonic(), cpu_of(pid)
    rss_mb = 0.0
    while time.monotonic() - began < seconds:
        await asyncio.sleep(0.2)
        rss_mb = max(rss_mb, rss_of(pid))
    wall_s, cpu_s = time.monotonic() - began, cpu_of(pid) - cpu_s
    ages = sorted(age for eye in eyes for age in eye.ages)
    return Window(wall_s, len(eyes), min(len(eye.ages) for eye in eyes), ages, cpu_s, rss_mb)


async def never_reads(port: int, path: str) -> socket.socket:
    """Connect a viewer that asks and takes nothing."""
    viewer = await _connected(port, window=65_536)
    await asyncio.get_running_loop().sock_sendall(viewer, request(path))
    return viewer


async def trickle(port: int, path: str) -> None:
    """Be a viewer that reads 10 kB a second, until cancelled."""
    loop = asyncio.get_running_loop()
    with await _connected(port, window=65_536) as viewer:
        await loop.sock_sendall(viewer, request(path))
        while await loop.sock_recv(viewer, SLOW_BYTES_S // 10):
            await asyncio.sleep(0.1)


async def storm(port: int, path: str, over: asyncio.Event) -> int:
    """Connect and disconnect until it is over, politely and by a reset in turn; return how often."""
    loop = asyncio.get_running_loop()
    for count in itertools.count():
        if over.is_set():
            return count
        with suppress(OSError), await _connected(port) as viewer:
            await loop.sock_sendall(viewer, request(path))
            if count % 3:
                await loop.sock_recv(viewer, 10_000)
            if count % 2:
                viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(STORM_EVERY_S)
    raise AssertionError("it counts for ever")


async def freed(port: int, clients: set[tuple[str, int]], patience_s: float) -> float:
    """Wait until the server holds no connection to any of these clients; return the monotonic time then."""
    async with asyncio.timeout(patience_s):
        while held(port) & clients:
            await asyncio.sleep(0.1)
    return time.monotonic()


def held(port: int) -> set[tuple[str, int]]:
    """Return the addresses and ports of all clients whose connections to a port a process of this machine holds."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, ours, theirs, *_ = fields = line.split()
        if int(ours.rpartition(":")[2], 16) == port and fields[9] != "0":  # an inode: somebody has it open
            address, _, client = theirs.partition(":")
            found.add((socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(client, 16)))
    return found


@dataclass(frozen=True)
class Told:
    """The beginning of an answer: status, and when to come again, seconds, if it says so."""

    status: int
    retry_after: str | None


async def one_too_many(port: int, path: str, places: int) -> tuple[Told, Told]:
    """Take all places; return what one more viewer is told, and what the next one after somebody has left."""
    slow = f"{path}?fps=0.1"  # next to no work
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


async def ask(port: int, path: str) -> Told:
    """Ask for a stream, and go as soon as it is known whether there is one."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(request(path))
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    writer.close()
    retry = [line.partition(": ")[2] for line in headers if line.lower().startswith("retry-after: ")]
    return Told(int(status.split()[1]), retry[0] if retry else None)


class Vanishing:
    """Viewers in a network of their own, whose cable can be cut."""

    def __init__(self, process: "subprocess.Popen[str]", ports: Iterable[int]) -> None:
        self.clients = {(THEIRS, port) for port in ports}
        self._process = process

    def vanish(self) -> float:
        """Cut the cable: nothing comes from them any more, not even a reset; return the monotonic time."""
        _run("ip", "link", "set", _cable(self._process.pid)[0], "down")
        return time.monotonic()


def can_vanish() -> bool:
    """Tell whether a network can be made here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        return False
    return subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0


@contextmanager
def vanishing(port: int, path: str, number: int) -> Iterator[Vanishing | None]:
    """Connect viewers out of another network; None where none can be made."""
    if not can_vanish():
        yield None
        return
    command = ["unshare", "--net", sys.executable, "-m", "bench.crowd", OURS, str(port), path, str(number)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    near, far = _cable(process.pid)
    try:
        process.stdout.readline()  # it is in its own network
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", str(process.pid))
        _run("ip", "addr", "add", f"{OURS}/30", "dev", near)
        _run("ip", "link", "set", near, "up")
        inside = ("nsenter", "--net", "--target", str(process.pid), "ip")
        _run(*inside, "addr", "add", f"{THEIRS}/30", "dev", far)
        _run(*inside, "link", "set", far, "up")
        process.stdin.write("go\n")
        process.stdin.flush()
        yield Vanishing(process, map(int, process.stdout.readline().split()))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
        subprocess.run(["ip", "link", "del", near], check=False, capture_output=True)


def _cable(pid: int) -> tuple[str, str]:
    return f"near{pid}", f"far{pid}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def request(path: str) -> bytes:
    """Return what a viewer asks."""
    return f"GET {path} HTTP/1.1\r\nHost: crowd\r\n\r\n".encode()


def files(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def rss_of(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_of(pid: int) -> float:
    """Return user + system time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _connected(port: int, *, window: int = 0, host: str = LOOPBACK) -> socket.socket:
    viewer = socket.socket()
    viewer.setblocking(False)
    if window:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    await asyncio.get_running_loop().sock_connect(viewer, (host, port))
    return viewer


async def _watch_from_afar(host: str, port: int, path: str, number: int) -> None:
    """Connect out of another network, and read until the cable is cut, and for ever."""
    loop = asyncio.get_running_loop()
    viewers = [await _connected(port, host=host) for _ in range(number)]
    for viewer in viewers:
        await loop.sock_sendall(viewer, request(path))
    print(*(viewer.getsockname()[1] for viewer in viewers), flush=True)

    async def read(viewer: socket.socket) -> None:
        while await loop.sock_recv(viewer, 1 << 20):
            pass

    await asyncio.gather(*map(read, viewers))


def main() -> None:
    """Be the viewers that vanish."""
    host, port, path, number = sys.argv[1:]
    print("here", flush=True)
    sys.stdin.readline()  # the cable is laid
    asyncio.run(_watch_from_afar(host, int(port), path, int(number)))


if __name__ == "__main__":
    main()
