"""Many viewers of MJPEG streams, as cheap as they can be: `python -m bench.load PORT READERS REQUESTS`.

REQUESTS is a JSON list of [request, number of viewers that send it]. The first READERS viewers look at what they get:
the time in the head of each part tells its age. From the others' sockets the kernel drops the bytes without copying
them (MSG_TRUNC, tcp(7)), so that this process can keep up with a server that uses a whole core. It prints a line when
everyone has got something, and then for each line of input what everyone got since the last one, as JSON.
"""

import json
import resource
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass, field

from bench.client import LOOPBACK

CHUNK = 1 << 20
PATIENCE_S = 60.0


@dataclass
class Viewer:
    """One connection.

    Attributes:
        socket: without blocking.
        looks: whether it looks at what it gets.
        bytes: received, all of them.
        ages_ms: of the pictures, if it looks at them.
    """

    socket: socket.socket
    looks: bool
    bytes: int = 0
    ages_ms: list[float] = field(default_factory=list)
    _left: int = 0
    _captured_at: float = 0.0

    def receive(self, buffer: bytearray) -> None:
        """Take what is there.

        Raises:
            ConnectionError: the server has ended it.
        """
        if not self.looks:
            count = self.socket.recv_into(buffer, CHUNK, socket.MSG_TRUNC)
        elif count := self.socket.recv_into(buffer, CHUNK):
            self._look(memoryview(buffer)[:count])
        if not count:
            raise ConnectionError("the server closed a connection")
        self.bytes += count

    def _look(self, data: memoryview) -> None:
        while data:
            if self._left > len(data):
                self._left -= len(data)
                return
            if self._left:
                if self._captured_at:
                    self.ages_ms.append((time.time() - self._captured_at) * 1e3)
                data, self._left = data[self._left :], 0
            head = bytes(data[:1000])
            lower = head.lower()
            size, end = lower.find(b"content-length: "), head.find(b"\r\n\r\n", max(0, lower.find(b"content-length: ")))
            if size < 0 or end < 0:
                return  # the head of the answer, or one that was cut in two: the next one is whole again
            captured = lower.find(b"x-timestamp: ")
            self._captured_at = float(head[captured + 13 : head.find(b"\r", captured)]) if 0 <= captured < end else 0.0
            self._left = int(head[size + 16 : head.find(b"\r", size)])
            data = data[end + 4 :]


def main() -> None:
    """Watch until the input ends."""
    port, readers = map(int, sys.argv[1:3])
    requests = [request for request, count in json.loads(sys.argv[3]) for _ in range(count)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    polling, watching = select.epoll(), dict[int, Viewer]()
    asked = threading.Event()
    threading.Thread(target=listen, args=(asked,), daemon=True).start()
    for number, request in enumerate(requests):
        viewer = Viewer(socket.create_connection((LOOPBACK, port)), looks=number < readers)
        viewer.socket.sendall(request.encode())
        viewer.socket.setblocking(False)
        watching[viewer.socket.fileno()] = viewer
        polling.register(viewer.socket, select.EPOLLIN)
    buffer, ready = bytearray(CHUNK), False
    since = began = time.monotonic()
    while True:
        for descriptor, _ in polling.poll(0.05):
            watching[descriptor].receive(buffer)
        if not ready and time.monotonic() - began > PATIENCE_S:
            waiting = sum(not viewer.bytes for viewer in watching.values())
            raise SystemExit(f"{waiting} of {len(watching)} viewers got nothing within {PATIENCE_S:.0f} s")
        if not ready and all(viewer.bytes for viewer in watching.values()):
            ready = True
            print("ready", flush=True)
        if asked.is_set():
            asked.clear()
            now = time.monotonic()
            print(json.dumps(told(list(watching.values()), now - since)), flush=True)
            since = now


def listen(asked: threading.Event) -> None:
    """Note each line of input."""
    for _ in sys.stdin:
        asked.set()


def told(viewers: list[Viewer], seconds: float) -> dict[str, object]:
    """Return what the viewers got, and forget it."""
    document = {
        "seconds": seconds,
        "bytes": [viewer.bytes for viewer in viewers],
        "pictures": [len(viewer.ages_ms) for viewer in viewers if viewer.looks],
        "ages_ms": [age for viewer in viewers for age in viewer.ages_ms],
    }
    for viewer in viewers:
        viewer.bytes = 0
        viewer.ages_ms.clear()
    return document


if __name__ == "__main__":
    main()
