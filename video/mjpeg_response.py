"""The endless answer: MJPEG from a slot into a connection of uvicorn's.

Every viewer is one task, and a connection that holds at most one picture. The task sleeps while the viewer keeps up
with the camera (video/relay.py). Parts are written to the transport as they are, the picture's bytes being the same
object for all viewers (video/viewer_connection.py).
"""

import asyncio
import time
from collections.abc import Callable

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from video.access.access import Viewer
from video.access.audit import What
from video.access.scope import viewer_of
from video.camera import Camera
from video.cameras import Cameras
from video.mjpeg import Boundary
from video.pace import Pace
from video.picture import nearest_scale
from video.picture_maker import PictureLate
from video.relay import Relay, write_part
from video.slot import DisplayedPicture
from video.viewer_connection import ViewerConnection
from video.viewers import RETRY_AFTER_S, FrameCounts, ViewerLimitReached, Viewers
from video.watch import Watch

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "Connection": "close",
    # Other pages may show a stream in <img>, and nothing in it may run as a document.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


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
            viewers: admits the viewer.
            find: returns the camera to show; while it returns None, a picture says that there is none yet.
            pace: of the frames.
            width: that the viewer wants, pixels; None for full size.
            headers: further ones.
        """
        self._boundary = Boundary()
        super().__init__(headers={"Content-Type": self._boundary.content_type, **HEADERS, **(headers or {})})
        del self.headers["content-length"]
        self._cameras, self._viewers = cameras, viewers
        self._find, self._pace, self._width = find, pace, width

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a HEAD ends at once."""
        if scope["method"] == "HEAD":
            await self._start(send)
            await send({"type": "http.response.body", "body": b""})
            return
        pipe = ViewerConnection(scope)
        try:
            with self._viewers.admitted(scope, is_idle=pipe.activity.is_idle, give_up=pipe.abort):
                await self._stream(pipe, viewer_of(scope), send)
        except ViewerLimitReached:
            await full_response(self._viewers)(scope, receive, send)

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _stream(self, pipe: ViewerConnection, viewer: Viewer, send: Send) -> None:
        pipe.begin()
        await self._start(send)
        pipe.write(self._boundary.opening)
        camera = self._find() or await self._wait_for_one(pipe, viewer)
        if camera is not None:
            with self._viewers.watching(camera.id, viewer, What.MJPEG, pipe.abort) as counts:
                await self._show(pipe, camera, counts)
        if pipe.open and not pipe.pending:
            await send({"type": "http.response.body", "body": b""})  # uvicorn closes the connection
        else:
            pipe.abort()

    async def _wait_for_one(self, pipe: ViewerConnection, viewer: Viewer) -> Camera | None:
        """Show that there is no camera yet until there is one; return None if the viewer, or its right, goes before."""
        event = asyncio.Event()
        with Watch(self._cameras.lobby, event) as watch:
            while await pipe.ready() and not self._cameras.closing and viewer.rights.some:
                camera = self._find()
                if camera is not None:
                    return camera
                picture = watch.look()
                if picture is None:
                    await event.wait()
                    event.clear()
                    continue
                watch.take(picture)
                await self._send(pipe, picture)
        return None

    async def _show(self, pipe: ViewerConnection, camera: Camera, counts: FrameCounts) -> None:
        """Send each newest picture as soon as the viewer is ready for it."""

        def has_ended() -> bool:
            return self._cameras.closing or camera.gone

        relay = Relay(pipe, self._pace, counts, width=self._width, closing=self._boundary.closing, has_ended=has_ended)
        unwanted = 0
        with Watch(camera.slot, relay) as watch:
            while await pipe.ready() and not has_ended():
                picture = watch.look()
                if picture is None:
                    await relay.run(watch)
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

    async def _send(self, pipe: ViewerConnection, picture: DisplayedPicture) -> None:
        scale = nearest_scale(picture.width, self._width)
        jpeg = picture.jpeg
        if scale != 1:
            try:
                jpeg = await asyncio.shield(self._cameras.scaled(picture, scale))
            except PictureLate:
                return
        write_part(pipe, picture, scale, jpeg, self._boundary.closing)


def full_response(viewers: Viewers) -> JSONResponse:
    """Return the answer to a viewer for whom there is no place."""
    return JSONResponse(
        {"error": f"the viewer limit is reached: {viewers.present} viewers (MAXVIEWERS)"},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"},
    )
