"""The endless answer: MJPEG from a slot into a connection of uvicorn's.

Every viewer is one task that waits for the shared wake-up of its camera, and a connection that holds at most one
picture. Parts are written to the transport as they are, the picture's bytes being the same object for all viewers;
uvicorn's chunked framing would copy each picture once per viewer. The stream therefore has no length and ends with
the connection (RFC 9112, section 6.3), as it does for HTTP/1.0 anyway.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from shared import clock
from video import mjpeg
from video.camera import Camera
from video.cameras import Cameras
from video.pace import Pace
from video.picture import nearest_scale
from video.slot import DisplayedPicture
from video.viewers import RETRY_AFTER_S, FrameCounts, ViewerLimitReached, Viewers
from video.watch import Watch

EXCHANGE = "video.exchange"  # where video/connection.py puts uvicorn's side of a request into the scope
STALLED_AFTER_S = 30.0  # a viewer that takes not one byte for so long is gone
HEADERS = {"Content-Type": mjpeg.CONTENT_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class MjpegResponse(Response):
    """Streams one camera to one viewer until it goes, or the service ends."""

    def __init__(
        self,
        cameras: Cameras,
        viewers: Viewers,
        *,
        find: Callable[[], Camera | None],
        pace: Pace,
        width: int | None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Prepare an answer.

        Args:
            cameras: all of them.
            viewers: where there has to be a place.
            find: returns what to show; None: there is none yet, and the viewer is told so until there is.
            pace: at which the viewer wants frames.
            width: that the viewer wants, pixels; None: all there are.
            headers: further ones.
        """
        super().__init__(headers={**HEADERS, "Connection": "close", **(headers or {})})
        del self.headers["content-length"]
        self._cameras, self._viewers = cameras, viewers
        self._find, self._pace, self._width = find, pace, width

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a HEAD ends at once."""
        if scope["method"] == "HEAD":
            await self._start(send)
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            with self._viewers.admitted():
                await self._stream(scope["extensions"][EXCHANGE]["exchange"], send)
        except ViewerLimitReached:
            await full_response(self._viewers)(scope, receive, send)

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _stream(self, exchange: RequestResponseCycle, send: Send) -> None:
        exchange.chunked_encoding = False
        await self._start(send)
        pipe = _ViewerConnection(exchange)
        pipe.write(mjpeg.OPENING)
        event = asyncio.Event()
        camera = self._find() or await self._wait_for_one(pipe, event)
        if camera is not None:
            with self._viewers.watching(camera.id) as counts, Watch(camera.slot, event) as watch:
                await self._show(pipe, watch, event, counts)
        if pipe.open and not pipe.pending:
            await send({"type": "http.response.body", "body": b""})  # uvicorn closes the connection
        else:
            pipe.abort()

    async def _wait_for_one(self, pipe: "_ViewerConnection", event: asyncio.Event) -> Camera | None:
        """Show that there is no camera yet until there is one; None: the viewer has gone before."""
        with Watch(self._cameras.lobby, event) as watch:
            while await pipe.ready() and not self._cameras.closing:
                camera = self._find()
                if camera is not None:
                    return camera
                picture = watch.look()
                if picture is None:
                    await _woken(event)
                    continue
                watch.take(picture)
                await self._send(pipe, picture)
        return None

    async def _show(self, pipe: "_ViewerConnection", watch: Watch, event: asyncio.Event, counts: FrameCounts) -> None:
        """Send each newest picture as soon as the viewer is ready for it."""
        unwanted = 0
        while await pipe.ready() and not self._cameras.closing:
            picture = watch.look()
            if picture is None:
                await _woken(event)
                continue
            wait_s = self._pace.wait_s(time.monotonic())
            if wait_s > 0:
                frames = watch.slot.frames
                await asyncio.sleep(wait_s)
                unwanted += watch.slot.frames - frames
                continue
            self._pace.sent(time.monotonic())
            missed = watch.take(picture, unwanted=unwanted)
            unwanted = 0
            await self._send(pipe, picture)
            if missed is not None:
                counts.sent_one(skipped=missed)

    async def _send(self, pipe: "_ViewerConnection", picture: DisplayedPicture) -> None:
        scale = nearest_scale(picture.width, self._width)
        jpeg = await self._cameras.scaled_jpeg(picture, scale)
        pipe.write(head(picture, scale, jpeg), jpeg, mjpeg.CLOSING)


class _ViewerConnection:
    """The way to one viewer, through uvicorn's transport and its flow control."""

    def __init__(self, exchange: RequestResponseCycle) -> None:
        self._exchange = exchange
        self._transport = exchange.transport
        # Ready means empty: what waited in between would be an older picture than the one taken afterwards.
        self._transport.set_write_buffer_limits(high=0)

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

    def abort(self) -> None:
        """Cut the connection; what is on its way is lost."""
        self._transport.abort()
        # uvicorn is told in the loop's next turn, and would log an error until then: an answer without an end.
        self._exchange.disconnected = True

    async def ready(self) -> bool:
        """Wait until all has been sent; False: the viewer is gone, or has taken nothing for too long."""
        flow = self._exchange.flow
        while flow.write_paused and self.open:
            before = self.pending
            with suppress(TimeoutError):
                async with asyncio.timeout(STALLED_AFTER_S):
                    await flow.drain()
            if flow.write_paused and self.pending >= before:
                return False
        return self.open


async def _woken(event: asyncio.Event) -> None:
    await event.wait()
    event.clear()


def head(picture: DisplayedPicture, scale: int, jpeg: bytes) -> bytes:
    """Return the head of the part that holds a picture, its age as of now."""
    constant = picture.heads.get(scale)
    if constant is None:
        frame = picture.frame
        constant = picture.heads[scale] = mjpeg.part_head(
            len(jpeg), captured_at=frame.captured_at if frame else None, sequence=frame.seq if frame else 0
        )
    return constant + mjpeg.part_age(picture.age_ms(clock.now_us()))


def full_response(viewers: Viewers) -> JSONResponse:
    """Return the answer to one viewer too many."""
    return JSONResponse(
        {"error": f"there are already {viewers.present} viewers, as many as MAXVIEWERS allows"},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"},
    )
