"""All cameras over one WebSocket: a frame goes out only when the previous one of that camera was acknowledged.

Browser to server, text JSON: `watch` (which cameras, how wide), `ack` (a frame was shown), `ping`. Server to browser:
`hello`, `status` once a second and on every change, `pong` as text; frames as binary: 4 bytes big-endian length of
the header, the header in JSON, the JPEG. Times are microseconds since the epoch.
"""

import asyncio
import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from shared import clock
from shared.frames.frame import Frame
from shared.status import instance_name
from video.camera import Camera
from video.cameras import Cameras
from video.pace import Pace
from video.picture import nearest_scale, size_at
from video.slot import DisplayedPicture, predictions_of
from video.suite_status import Json, SuiteStatus
from video.viewers import FrameCounts, Viewers
from video.watch import Watch

STATUS_EVERY_S = 1.0
ACK_TIMEOUT_S = 30.0  # a frame that is not acknowledged for so long was sent to nobody
MAX_MESSAGE_BYTES = 64 * 1024  # bytes, of a browser
GOING_AWAY, NO_ANSWER, BAD_MESSAGE = 1001, 4408, 4400


class BadMessage(Exception):
    """A browser's message is none of ours."""


@dataclass(slots=True)
class _CameraFeed:
    """One camera as one viewer follows it."""

    camera: Camera
    watch: Watch
    counts: FrameCounts
    pace: Pace
    width: int | None
    leave: ExitStack = field(repr=False)
    unacked: tuple[int, int] | None = None  # run, seq
    sent_at: float = 0.0


class WebSocketViewer:
    """One connection and the cameras that it shows."""

    def __init__(
        self,
        socket: WebSocket,
        cameras: Cameras,
        viewers: Viewers,
        status: SuiteStatus,
        *,
        version: str,
        interval_s: float,
    ) -> None:
        """Prepare a connection that was not accepted yet."""
        self._socket, self._cameras, self._viewers, self._status = socket, cameras, viewers, status
        self._version, self._interval_s = version, interval_s
        self._event = asyncio.Event()
        self._feeds: dict[str, _CameraFeed] = {}
        self._wanted: dict[str, int | None] = {}
        self._wants_all = False
        self._all_width: int | None = None
        self._status_at = float("-inf")
        self._texts: list[Json] = []

    def status_changed(self) -> None:
        """Send the status at once."""
        self._status_at = float("-inf")
        self._event.set()

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        await self._socket.accept()
        hello = {"type": "hello", "version": self._version, "now": clock.now_us(), "instance": instance_name()}
        await self._socket.send_text(json.dumps(hello))
        hearing = asyncio.create_task(self._hear())
        try:
            code = await self._show(hearing)
            if code is not None:
                await self._socket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the browser went while something was being sent; Starlette has two ways to say so
        finally:
            hearing.cancel()
            for feed in self._feeds.values():
                feed.leave.close()

    async def _hear(self) -> None:
        """Take in what the browser says until it goes."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                try:
                    self._heard(json.loads(message.get("text") or ""))
                except (ValueError, RecursionError) as exc:
                    raise BadMessage("no JSON") from exc
                self._event.set()
        finally:
            self._event.set()

    def _heard(self, message: Any) -> None:
        """Understand one message.

        Raises:
            BadMessage: it is none of ours.
        """
        if not isinstance(message, dict):
            raise BadMessage("not an object")
        kind = message.get("type")
        if kind == "ack":
            feed = self._feeds.get(str(message.get("camera")))
            if feed is not None and feed.unacked == (message.get("run"), message.get("seq")):
                feed.unacked = None
        elif kind == "watch":
            self._watch(message)
        elif kind == "ping":
            self._texts.append({"type": "pong", "t": message.get("t"), "now": clock.now_us()})
            if len(self._texts) > 100:
                raise BadMessage("more pings than answers can be sent")
        else:
            raise BadMessage(f"unknown type {kind!r}")

    def _watch(self, message: Json) -> None:
        cameras = message.get("cameras")
        self._wants_all = cameras == "all"
        self._all_width = _width(message)
        self._wanted = {}
        if not self._wants_all:
            if not isinstance(cameras, dict):
                raise BadMessage("cameras is neither an object nor all")
            self._wanted = {str(id_): _width(options) for id_, options in cameras.items()}

    async def _show(self, hearing: "asyncio.Task[None]") -> int | None:
        """Send what there is to be sent; return the code to close with, None: the browser has gone."""
        while True:
            now = time.monotonic()
            if hearing.done():
                try:
                    return hearing.result()
                except BadMessage:
                    return BAD_MESSAGE
            if self._cameras.closing:
                return GOING_AWAY
            if any(feed.unacked and now - feed.sent_at > ACK_TIMEOUT_S for feed in self._feeds.values()):
                return NO_ANSWER
            self._follow()
            await self._send_texts(now)
            sent = await self._send_frames(now)
            if not sent:
                await self._wait(now)

    def _follow(self) -> None:
        """Begin and end to watch cameras, as the browser wants."""
        wanted = dict.fromkeys(self._cameras.ids(), self._all_width) if self._wants_all else self._wanted
        for id_ in self._feeds.keys() - wanted.keys():
            self._feeds.pop(id_).leave.close()
        for id_, width in wanted.items():
            feed = self._feeds.get(id_)
            if feed is not None:
                feed.width = width
                continue
            camera = self._cameras.get(id_)
            if camera is None or not self._viewers.may_see(id_, self._socket.scope):
                continue
            leave = ExitStack()
            counts = leave.enter_context(self._viewers.watching(id_))
            watch = leave.enter_context(Watch(camera.slot, self._event))
            self._feeds[id_] = _CameraFeed(camera, watch, counts, Pace(self._interval_s, None), width, leave)

    async def _send_texts(self, now: float) -> None:
        texts, self._texts = self._texts, []
        for text in texts:
            await self._socket.send_text(json.dumps(text))
        if now - self._status_at >= STATUS_EVERY_S:
            self._status_at = now
            viewer = {
                id_: {"sent": feed.counts.sent, "skipped": feed.counts.skipped} for id_, feed in self._feeds.items()
            }
            await self._socket.send_text(self._status.message(viewer))

    async def _send_frames(self, now: float) -> bool:
        """Send the newest picture of every camera that is ready for one; tell whether there was any."""
        ready: list[tuple[_CameraFeed, Frame, DisplayedPicture, str | None, int | None]] = []
        for feed in self._feeds.values():
            picture = feed.watch.look() if feed.unacked is None and feed.pace.wait_s(now) <= 0 else None
            if picture is not None:
                missed = feed.watch.take(picture)
                if picture.frame is not None:  # a card with nothing but a notice is not for a page
                    # The page writes notices over the picture by itself, in letters that fit it.
                    ready.append((feed, picture.frame, picture.plain or picture, picture.notice, missed))
        scales = [nearest_scale(picture.width, feed.width) for feed, _, picture, _, _ in ready]
        jpegs = await asyncio.gather(
            *(self._cameras.scaled_jpeg(entry[2], scale) for entry, scale in zip(ready, scales, strict=True))
        )
        for (feed, frame, picture, notice, missed), scale, jpeg in zip(ready, scales, jpegs, strict=True):
            feed.pace.sent(now)
            feed.sent_at = time.monotonic()
            feed.unacked = (frame.run, frame.seq)
            head = json.dumps(header(frame, picture, scale, notice=notice, repeated=missed is None)).encode()
            await self._socket.send_bytes(len(head).to_bytes(4, "big") + head + jpeg)
            if missed is not None:
                feed.counts.sent_one(skipped=missed)
        return bool(ready)

    async def _wait(self, now: float) -> None:
        """Wait for news, at most until the next status is due or the next frame may go out."""
        until_s = STATUS_EVERY_S - (now - self._status_at)
        for feed in self._feeds.values():
            if feed.unacked is None and feed.watch.look() is not None:
                until_s = min(until_s, feed.pace.wait_s(now))
        try:
            async with asyncio.timeout(max(0.0, until_s)):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


def header(frame: Frame, picture: DisplayedPicture, scale: int, *, notice: str | None, repeated: bool) -> Json:
    """Return the header of a frame on `/ws`, of which a picture is shown at 1/scale."""
    width, height = size_at(picture.width, picture.height, scale)
    return {
        "camera": frame.camera,
        "run": frame.run,
        "seq": frame.seq,
        "captured_at": frame.captured_at,
        "imprinted_at": frame.imprinted_at,
        "sent_at": clock.now_us(),
        "width": width,
        "height": height,
        "clock": "unknown" if picture.clock_suspect else "ok",
        "repeated": repeated,
        "notice": notice,
        "predictions": predictions_of(frame),
    }


def _width(options: object) -> int | None:
    """Return the width that a browser wants, in pixels; None: all there are."""
    width = options.get("width") if isinstance(options, dict) else None
    return max(1, int(width)) if isinstance(width, int | float) and 0 < width < 1e6 else None
