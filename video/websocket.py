"""All cameras over one WebSocket: a frame goes out only after the browser has acknowledged the camera's previous one.

`video/websocket_messages.py` describes the messages.
"""

import asyncio
import json
import time
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from shared import clock
from shared.status import instance_name
from video.access.access import Viewer
from video.access.rights import Rights
from video.cameras import Cameras
from video.message_rate import MessageRate
from video.picture import nearest_scale
from video.picture_maker import PictureLate
from video.slot import DisplayedPicture
from video.suite_status import SuiteStatus
from video.viewers import Activity, Viewers
from video.websocket_connection import ABORT
from video.websocket_feed import CameraFeed, Outgoing, feed_of
from video.websocket_messages import Ack, BadMessage, Json, Ping, frame_header, read_message
from video.websocket_messages import Watch as WatchMessage

ACK_TIMEOUT_S = 30.0  # without the acknowledgement of a frame, the connection is closed
CLOSE_WITHIN_S = 2.0  # after the viewer's rights have ended
MAX_PONGS_WAITING = 100
GOING_AWAY, TRY_AGAIN_LATER = 1001, 1013  # https://www.iana.org/assignments/websocket/websocket.xml
BAD_MESSAGE, RIGHT_ENDED, NO_ACK = 4400, 4401, 4408


class WebSocketViewer:
    """One connection and the cameras that it shows."""

    def __init__(
        self,
        socket: WebSocket,
        viewer: Viewer,
        cameras: Cameras,
        viewers: Viewers,
        status: SuiteStatus,
        *,
        version: str,
        interval_s: float,
    ) -> None:
        """Prepare a connection that was not accepted yet.

        Args:
            socket: of the connection.
            viewer: at its other end.
            cameras: all of them.
            viewers: counts what is sent.
            status: of the suite, sent once a second.
            version: of this service.
            interval_s: shortest time between two frames of one camera.
        """
        self.activity = Activity()
        self._socket, self._cameras, self._viewers, self._status = socket, cameras, viewers, status
        self._viewer, self._rights = viewer, viewer.rights
        self._ended_at = float("inf")  # monotonic: when the viewer's rights ended
        self._version, self._interval_s = version, interval_s
        self._event = asyncio.Event()
        self._feeds: dict[str, CameraFeed] = {}
        self._wanted = WatchMessage({})
        # What `_feeds` was made of: the wish, the version of the cameras, and what the viewer may see.
        self._followed: tuple[WatchMessage, int, Rights] | None = None
        self._status_at = float("-inf")
        self._status_changed = False
        self._pongs: list[Json] = []
        self._close_code: int | None = None

    def status_changed(self) -> None:
        """Send the status at once."""
        self._status_changed = True
        self._event.set()

    def give_up(self) -> None:
        """Close the connection because another client needs the place."""
        self._close_code = TRY_AGAIN_LATER
        self._event.set()

    def look_at_rights(self, now: float) -> None:
        """Follow what the viewer may see now; if that is nothing, close, or cut a connection that nobody reads from."""
        if self._viewer.rights is not self._rights:
            self._event.set()
        if self._viewer.rights.some:
            self._ended_at = float("inf")
        elif now - self._ended_at > CLOSE_WITHIN_S:
            self._socket.scope["extensions"][ABORT]["abort"]()
        else:
            self._ended_at = min(self._ended_at, now)

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        await self._socket.accept()
        hello = {"type": "hello", "version": self._version, "now": clock.now_us(), "instance": instance_name()}
        await self._socket.send_text(json.dumps(hello))
        receiving = asyncio.create_task(self._receive())
        try:
            await self._show(receiving)
        except BadMessage as exc:
            await self._close(BAD_MESSAGE, str(exc))
        except (WebSocketDisconnect, RuntimeError):
            pass  # the browser went while something was being sent; Starlette has two ways to say so
        finally:
            receiving.cancel()
            for feed in self._feeds.values():
                feed.leave.close()

    async def _close(self, code: int, reason: str = "") -> None:
        with suppress(WebSocketDisconnect, RuntimeError):  # the browser may have been faster
            await self._socket.close(code, reason)

    async def _receive(self) -> None:
        """Take in what the browser sends until it goes; acknowledgements of frames are free, the rest is limited.

        Raises:
            BadMessage: a message is not one of the protocol.
        """
        rate = MessageRate()
        try:
            while True:
                event = await self._socket.receive()
                if event["type"] == "websocket.disconnect":
                    return
                if not self._handle(read_message(event.get("text"))):
                    await rate.spend()
                self._event.set()
        finally:
            self._event.set()

    def _handle(self, message: Ack | WatchMessage | Ping) -> bool:
        """Do what a message asks for; return whether it acknowledges a frame that was sent."""
        match message:
            case Ack(camera, run, seq):
                return self._acknowledge(camera, (run, seq))
            case WatchMessage():
                self._wanted = message
            case Ping(t):
                if len(self._pongs) >= MAX_PONGS_WAITING:
                    raise BadMessage("more pings than pongs can be sent")
                self._pongs.append({"type": "pong", "t": t, "now": clock.now_us()})
        return False

    def _acknowledge(self, camera: str, frame: tuple[object, object]) -> bool:
        feed = self._feeds.get(camera)
        if feed is None or not feed.acknowledge(frame, time.monotonic()):
            return False
        self.activity.note()
        return True

    async def _show(self, receiving: "asyncio.Task[None]") -> None:
        """Send what there is to be sent until the connection ends."""
        while True:
            now = time.monotonic()
            if receiving.done():
                receiving.result()  # raises what ended it
                return
            code = self._reason_to_close(now)
            if code is not None:
                await self._close(code)
                return
            self._follow()
            await self._send_texts(now)
            sent = await self._send_frames(now)
            if not sent:
                await self._wait(now)

    def _reason_to_close(self, now: float) -> int | None:
        if self._cameras.closing:
            return GOING_AWAY
        if any(feed.unacked and now - feed.sent_at > ACK_TIMEOUT_S for feed in self._feeds.values()):
            return NO_ACK
        if not self._viewer.rights.some:
            return RIGHT_ENDED
        return self._close_code

    def _follow(self) -> None:
        """Begin and stop following cameras, if the browser wants others or if cameras have come or gone."""
        made_of = (self._wanted, self._cameras.version, self._viewer.rights)
        if self._followed == made_of:
            return
        self._followed, self._rights = made_of, made_of[2]
        wanted = self._wanted.cameras
        wishes = dict.fromkeys(self._cameras.ids(), self._wanted.wish) if wanted is None else wanted
        may_see = self._rights.may_see
        for id_, feed in list(self._feeds.items()):
            if id_ not in wishes or feed.camera.gone or not may_see(id_):
                self._feeds.pop(id_).leave.close()
        for id_, wish in wishes.items():
            camera = self._cameras.get(id_)
            if id_ in self._feeds:
                self._feeds[id_].wish(wish)
            elif camera is not None and may_see(id_):
                self._feeds[id_] = feed_of(
                    camera,
                    wish,
                    viewer=self._viewer,
                    viewers=self._viewers,
                    event=self._event,
                    interval_s=self._interval_s,
                )
        for id_, feed in self._feeds.items():
            feed.predictions = self._rights.may_see_predictions(id_)

    async def _send_texts(self, now: float) -> None:
        pongs, self._pongs = self._pongs, []
        for pong in pongs:
            await self._socket.send_text(json.dumps(pong, allow_nan=False))
        if now - self._status_at >= self._status_interval_s():
            self._status_at, self._status_changed = now, False
            viewer = {id_: feed.as_json(now) for id_, feed in self._feeds.items()}
            await self._socket.send_text(self._status.message(viewer, self._rights))

    def _status_interval_s(self) -> float:
        return self._status.interval_s(self._viewers.present, changed=self._status_changed)

    async def _send_frames(self, now: float) -> bool:
        """Send every picture that is ready, and have the next ones made; return whether any was sent.

        A picture that is still being made holds up no other camera's.
        """
        sent = False
        for feed in list(self._feeds.values()):
            picture = feed.next_picture(now)
            if picture is not None:
                self._have_made(feed, picture)
            if feed.outgoing is not None and feed.outgoing.jpeg.done():
                sent = await self._send(feed, feed.outgoing) or sent
        return sent

    def _have_made(self, feed: CameraFeed, picture: DisplayedPicture) -> None:
        missed = feed.take(picture)
        if picture.frame is None:
            return  # a card with nothing but a notice is not for a page
        plain = picture.plain or picture  # the page writes notices over the picture itself
        scale = nearest_scale(plain.width, feed.width)
        jpeg = self._cameras.scaled(plain, scale)
        feed.outgoing = Outgoing(plain, picture.frame, scale, picture.notice, missed, jpeg)
        if not jpeg.done():
            jpeg.add_done_callback(lambda _: self._event.set())

    async def _send(self, feed: CameraFeed, outgoing: Outgoing) -> bool:
        """Send a picture that was made; return whether it was."""
        feed.outgoing = None
        missed = outgoing.missed
        try:
            jpeg = outgoing.jpeg.result()
        except PictureLate:
            feed.left_out += 0 if missed is None else 1 + missed
            return False
        frame, now = outgoing.frame, time.monotonic()
        feed.pace.sent(now)
        feed.sent_at = now
        feed.unacked = (frame.run, frame.seq)
        header = frame_header(
            frame,
            outgoing.picture,
            outgoing.scale,
            notice=outgoing.notice,
            repeated=missed is None,
            predictions=feed.predictions,
        )
        await self._socket.send_bytes(header + jpeg)
        if missed is not None:
            feed.counts.sent_one(skipped=missed + feed.left_out)
            feed.left_out = 0
        return True

    async def _wait(self, now: float) -> None:
        """Wait for news, at most until the next status is due or the next frame may go out."""
        until_s = self._status_interval_s() - (now - self._status_at)
        for feed in self._feeds.values():
            if feed.unacked is None and feed.outgoing is None and feed.watch.look() is not None:
                until_s = min(until_s, feed.pace.wait_s(now))
        try:
            async with asyncio.timeout(max(0.0, until_s)):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()
