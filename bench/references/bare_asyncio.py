"""The least that an MJPEG server in Python can do: `python -m bench.references.bare_asyncio FPS KILOBYTES LOOP`.

One picture, `fps` times a second, to everyone who connects and has taken the last one. No bus, no HTTP but a line, no
limits, no rights, no metrics. The bytes of a part, the listening socket and its settings are those of `video`. It
prints its port. LOOP is `asyncio` or `uvloop`.
"""

import asyncio
import sys
from typing import cast

import uvloop

from bench.client import LOOPBACK
from bench.picture import picture
from shared.clock import now_us
from shared.go_notation import Address
from video.mjpeg import Boundary, part_age, part_head
from video.web_server import listen


class Viewer(asyncio.Protocol):
    """One viewer."""

    watching: set["Viewer"] = set()  # noqa: RUF012 - of the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer at once, whatever it asks for."""
        self._transport, self._boundary = cast("asyncio.Transport", transport), Boundary()
        self._transport.set_write_buffer_limits(0)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self._boundary.content_type}\r\nConnection: close\r\n\r\n"
        self._transport.write(head.encode() + self._boundary.opening)
        self.watching.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget it."""
        self.watching.discard(self)

    def send(self, head: bytes, jpeg: bytes) -> None:
        """Send a picture, if it has taken the last one."""
        if not self._transport.get_write_buffer_size():
            self._transport.writelines((head, jpeg, self._boundary.closing))


async def serve(fps: float, jpeg: bytes) -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Viewer, sock=listen(Address(LOOPBACK, 0)))
    print(server.sockets[0].getsockname()[1], flush=True)
    began, sequence = loop.time(), 0
    while True:
        sequence += 1
        await asyncio.sleep(began + sequence / fps - loop.time())
        head = part_head(len(jpeg), captured_at=now_us(), sequence=sequence) + part_age(0.0)
        for viewer in list(Viewer.watching):
            viewer.send(head, jpeg)


def main() -> None:
    """Serve."""
    fps, kilobytes, loop = sys.argv[1:]
    run = uvloop.run if loop == "uvloop" else asyncio.run
    run(serve(float(fps), picture(int(kilobytes))))


if __name__ == "__main__":
    main()
