"""The connection of an endless answer: written to directly, with at most one piece on its way.

uvicorn's chunked framing would copy each piece once per viewer. An endless answer therefore has no length and ends with
the connection (RFC 9112, section 6.3), as it does for HTTP/1.0 anyway.
"""

import asyncio
from contextlib import suppress

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from video.viewers import Activity

EXCHANGE = "video.exchange"  # where video/connection.py puts uvicorn's side of a request into the scope
STALLED_AFTER_S = 30.0  # a viewer that takes no byte for this long is gone


class ViewerConnection:
    """The way to one viewer, through uvicorn's transport and its flow control."""

    def __init__(self, scope: Scope) -> None:
        """Take the connection of a request, by its ASGI scope."""
        exchange: RequestResponseCycle = scope["extensions"][EXCHANGE]["exchange"]
        self._exchange = exchange
        self._transport = exchange.transport
        self.activity = Activity()

    def begin(self) -> None:
        """Prepare to write past uvicorn, without chunks."""
        self._exchange.chunked_encoding = False
        # Ready means empty: what waited in between would be an older picture than the one taken afterwards.
        # uvloop's TLS pauses at the limit instead of above it, and would never resume at 0.
        self._transport.set_write_buffer_limits(high=1 if self._transport.get_extra_info("sslcontext") else 0, low=0)

    @property
    def open(self) -> bool:
        """Whether the viewer is there."""
        return not (self._exchange.disconnected or self._transport.is_closing())

    @property
    def pending(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write(self, *pieces: bytes) -> None:
        """Send, without copying."""
        if self.open:
            self._transport.writelines(pieces)

    def write_at_once(self, now_s: float, *pieces: bytes) -> bool:
        """Send, without copying, unless the viewer is gone or has not taken what was sent before.

        Args:
            now_s: monotonic time.
            pieces: what to send.

        Returns:
            Whether it was sent.
        """
        if self._exchange.flow.write_paused or not self.open:
            return False
        self._transport.writelines(pieces)
        self.activity.last_at = now_s
        return True

    def abort(self) -> None:
        """Cut the connection; what is on its way is lost."""
        self._transport.abort()
        # uvicorn is told in the loop's next turn, and would log an error until then: an answer without an end.
        self._exchange.disconnected = True

    async def ready(self) -> bool:
        """Wait until everything has been sent; return False if the viewer is gone or has taken nothing for too long."""
        flow = self._exchange.flow
        while flow.write_paused and self.open:
            before = self.pending
            with suppress(TimeoutError):
                async with asyncio.timeout(STALLED_AFTER_S):
                    await flow.drain()
            if flow.write_paused and self.pending >= before:
                return False
        self.activity.note()
        return self.open
