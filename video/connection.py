"""One HTTP connection, bounded in time."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from video.mjpeg_response import EXCHANGE

HEAD_TIMEOUT_S = 10.0  # for a client to finish the head of its request


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which lends its transport to streams and waits for nobody for ever."""

    _impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request soon."""
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        """Expect the rest of the request's head soon."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Put uvicorn's side of the exchange where video/mjpeg_response.py finds it."""
        self._relax()
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {EXCHANGE: {"exchange": self.cycle}}

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._relax()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._relax()
        self._impatience = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.abort)

    def _relax(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
