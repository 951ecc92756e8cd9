"""Viewers in a network of their own, which can vanish without closing their connections.

python -m bench.vanishing HOST PORT PATH NUMBER    connects them; `vanishing` runs it in the other network
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bench.client import connected, request

OURS, THEIRS = "198.18.71.1", "198.18.71.2"  # of RFC 2544: for measurements, used by no network


class Vanishing:
    """Viewers in a network of their own, whose cable can be cut."""

    def __init__(self, process: "subprocess.Popen[str]", ports: Iterable[int]) -> None:
        self.clients = {(THEIRS, port) for port in ports}
        self._process = process

    def vanish(self) -> float:
        """Cut the cable: they send nothing any more, not even a reset; return the monotonic time."""
        _run("ip", "link", "set", _cable(self._process.pid)[0], "down")
        return time.monotonic()


def can_vanish() -> bool:
    """Return whether this machine and user can create a network."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        return False
    return subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0


@contextmanager
def vanishing(port: int, path: str, number: int) -> Iterator[Vanishing | None]:
    """Connect viewers from another network; yield None where none can be created."""
    if not can_vanish():
        yield None
        return
    command = ["unshare", "--net", sys.executable, "-m", "bench.vanishing", OURS, str(port), path, str(number)]
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


async def _watch_from_afar(host: str, port: int, path: str, number: int) -> None:
    """Connect from another network, and read until this process is killed."""
    loop = asyncio.get_running_loop()
    viewers = [await connected(port, host=host) for _ in range(number)]
    for viewer in viewers:
        await loop.sock_sendall(viewer, request(path))
    print(*(viewer.getsockname()[1] for viewer in viewers), flush=True)

    async def read(viewer: socket.socket) -> None:
        while await loop.sock_recv(viewer, 1 << 20):
            pass

    await asyncio.gather(*map(read, viewers))


def main() -> None:
    """Run the viewers that vanish."""
    host, port, path, number = sys.argv[1:]
    print("here", flush=True)
    sys.stdin.readline()  # the cable is laid
    asyncio.run(_watch_from_afar(host, int(port), path, int(number)))


if __name__ == "__main__":
    main()
