"""One WebSocket connection as uvicorn keeps it, bounded in what it takes in."""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from video.places import Place, Places

HANDSHAKE_TIMEOUT_S = 10.0
SLICE_BYTES = 2048  # parsed at a time, so that one read of the socket cannot fill the queue of messages
MAX_SILENT_FRAMES = 100  # a second: pings, pongs and unfinished fragments, which the application never sees
MAX_BYTES_AFTER_CLOSE = 64 * 1024  # from a client that keeps sending after we have closed
ABORT = "video.abort"  # where a WebSocket's scope has the function that cuts its connection
SWITCHING_PROTOCOLS = 101
BAD_HANDSHAKE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
POLICY_VIOLATION, INVALID_DATA = 1008, 1007  # RFC 6455, section 7.4.1


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection, which reads only as fast as the application does.

    uvicorn parses everything that one read of the socket brings, which may be tens of thousands of messages. Here
    what the application has not asked for yet stays in its bytes, and the socket is not read meanwhile.
    """

    def __init__(self, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._unread = bytearray()
        self._place: tuple[Places, Place] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._silent_frames = 0
        self._silent_since = 0.0
        self._bytes_after_close = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect the handshake to be finished soon."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HANDSHAKE_TIMEOUT_S, self._end_unfinished_handshake)

    def keep_place(self, places: Places, place: Place) -> None:
        """Hold a place until the connection is lost."""
        self._place = (places, place)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the place and the timer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._place is not None:
            places, place = self._place
            places.release(place)
        self._unread.clear()
        super().connection_lost(exc)

    def refuse_failed_handshake(self) -> None:
        """Answer a handshake that `websockets` has refused by itself, of which uvicorn takes no notice, and close."""
        if self.handshake_initiated:
            return
        self.close_sent = self.handshake_complete = True
        self.transport.write(b"".join(self.conn.data_to_send()) or BAD_HANDSHAKE)
        self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Begin to serve; put what cuts the connection where the application finds it."""
        super().handle_connect(event)
        if self.response.status_code == SWITCHING_PROTOCOLS:
            extensions: dict[str, Any] = dict(self.scope["extensions"])
            self.scope["extensions"] = {**extensions, ABORT: {"abort": self.transport.abort}}

    def data_received(self, data: bytes) -> None:
        """Parse what the application is ready for, and keep the rest."""
        if self.close_sent:
            self._bytes_after_close += len(data)
            if self._bytes_after_close > MAX_BYTES_AFTER_CLOSE:
                self.transport.abort()
                return
        self._unread += data
        self._parse()

    async def receive(self) -> Any:
        """Return the next event for the application, and go on parsing."""
        event = await super().receive()
        self._parse()
        return event

    async def send(self, message: Any) -> None:
        """Send an event of the application; after a close, go on to the peer's answer to it."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # refused; uvicorn would log that it was not completed
        if self.close_sent:
            self._parse()

    def handle_ping(self) -> None:
        """Answer a ping, unless there are too many."""
        if self._admit_silent_frame():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong, unless there are too many."""
        if self._admit_silent_frame():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment, unless there are too many."""
        if event.fin or self._admit_silent_frame():
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Hand over a message; uvicorn would log a traceback for text that is not UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._fail(INVALID_DATA, "text is not UTF-8")
                return
        super().send_receive_event_to_app()

    def _parse(self) -> None:
        while self._unread and not self.read_paused and not self.transport.is_closing():
            piece = bytes(self._unread[:SLICE_BYTES])
            del self._unread[:SLICE_BYTES]
            super().data_received(piece)

    def _admit_silent_frame(self) -> bool:
        now = self.loop.time()
        if now - self._silent_since >= 1.0:
            self._silent_since, self._silent_frames = now, 0
        self._silent_frames += 1
        if self._silent_frames <= MAX_SILENT_FRAMES:
            return True
        if self._silent_frames == MAX_SILENT_FRAMES + 1:
            self._fail(POLICY_VIOLATION, f"more than {MAX_SILENT_FRAMES} pings or fragments a second")
        return False

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.conn.send_close(code, reason)
            self.handle_parser_exception()

    def _end_unfinished_handshake(self) -> None:
        self._timer = None
        if not self.handshake_complete:
            self.transport.abort()
