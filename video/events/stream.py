"""The endless answer: events from the log, or first from the bus, into a connection."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.bus import OffsetsUnknown
from shared.errors import BusError
from video.access.audit import What
from video.access.scope import viewer_of
from video.events.event import Event, id_line, named
from video.events.log import RECREATED, Cursor, EventLog
from video.events.position import Position, PositionWriter, read_position
from video.events.replay import ReplayedEvents, Replays
from video.events.wanted import Wanted
from video.metrics import EventMetrics
from video.mjpeg_response import full_response
from video.viewer_connection import ViewerConnection
from video.viewers import ViewerLimitReached, Viewers

log = logging.getLogger(__name__)

RETRY_MS = 2000  # after which a browser connects again
HEARTBEAT_S = 15.0  # as the HTML standard advises, for proxies that close what is silent
LOOK_FOR_TOPIC_EVERY_S = 0.2
LOOK_EVERY_S = 1.0  # for a reader that has gone, or for the end of the service
INTERVAL_S = 0.05  # shortest time between two writes to one reader: what comes in between goes together
MOST_EVENTS = 500  # of one write
MOST_BYTES = 64 * 1024  # about, of one write
REPLAY_S = 60.0  # longest time that one reader reads from the bus; then it connects again, and others have their turn
FOREIGN_ID = "the id is none of this topic's"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "Connection": "close",
}


class EventStream(Response):
    """Streams events to one reader until it goes, or the service ends."""

    def __init__(
        self,
        events: EventLog,
        replays: Replays,
        viewers: Viewers,
        metrics: EventMetrics,
        *,
        wanted: Wanted,
        last_event_id: str,
    ) -> None:
        """Prepare an answer.

        Args:
            events: the newest of them.
            replays: gives access to older ones.
            viewers: admits the reader.
            metrics: counts what is sent and missed.
            wanted: which events the reader gets.
            last_event_id: where it stopped; empty to begin with the next event.
        """
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._log, self._replays, self._viewers, self._metrics = events, replays, viewers, metrics
        self._wanted, self._last_id = wanted, last_event_id
        self._note_sent: Callable[[str, int], None] = lambda *_: None  # of the audit, once it is being answered
        self._first: int | None = None  # number of the first event it gets, if that was decided
        self._sent_id = b""  # the last id that the reader was sent, as its line
        self._wrote_at = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a HEAD ends at once."""
        if scope["method"] == "HEAD":
            await self._start(send)
            await send({"type": "http.response.body", "body": b""})
            return
        pipe = ViewerConnection(scope)

        def is_idle() -> bool:
            return pipe.pending > 0 and pipe.activity.is_idle()  # one that has read everything is not idle

        try:
            with self._viewers.admitted(scope, is_idle=is_idle, give_up=pipe.abort):
                pipe.begin()
                await self._start(send)
                with self._viewers.audit.reading(viewer_of(scope), What.EVENTS) as self._note_sent:
                    await self._stream(pipe)
                if pipe.open and not pipe.pending:
                    await send({"type": "http.response.body", "body": b""})  # uvicorn closes the connection
                else:
                    pipe.abort()
        except ViewerLimitReached:
            await full_response(self._viewers)(scope, receive, send)

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _stream(self, pipe: ViewerConnection) -> None:
        # No empty line behind it: that would be an event without data to some parsers (httpx-sse).
        self._write(pipe, b"retry: %d\n" % RETRY_MS)
        behind: Position | None = None
        if self._last_id:
            behind = await self._find(pipe, self._last_id)
            if behind is None and not await self._goes_on(pipe):
                return
        if behind is not None and not self._log.covers(behind):
            behind = await self._replay(pipe, behind)
            if behind is not None and not self._log.covers(behind):
                return
        with self._log.cursor(self._wanted, behind, first=self._first) as cursor:
            await self._follow(pipe, cursor)

    async def _find(self, pipe: ViewerConnection, last_id: str) -> Position | None:
        """Return the position that an id names, as soon as the topic is known; None, and say so, if it is another's."""
        while self._log.position is None:
            if not await self._goes_on(pipe):
                return None
            await asyncio.sleep(LOOK_FOR_TOPIC_EVERY_S)
        position = read_position(last_id)
        if position is None:
            self._reset(pipe, FOREIGN_ID)
        elif position.log != self._log.position.log:
            self._reset(pipe, RECREATED)
        else:
            return position
        return None

    async def _replay(self, pipe: ViewerConnection, behind: Position) -> Position | None:
        """Send what the bus has behind a position; return where that ends, None to begin with the next event.

        The log covers the returned position, unless the reader has gone or has used up its time.
        """
        events: ReplayedEvents | None = None
        while events is None:
            if not await self._goes_on(pipe):
                return behind
            events = await self._replays.acquire(behind, LOOK_EVERY_S)
        try:
            await events.start(self._log.partitions)
            if events.expired:
                self._tell_missed(pipe, events.expired, "the bus keeps them no longer")
            deadline = time.monotonic() + REPLAY_S
            while not self._log.covers(events.position) and await self._goes_on(pipe):
                began = time.monotonic()
                self._send(pipe, [event for event in await events.read() if self._wanted(event)])
                if time.monotonic() > deadline:
                    break
                await asyncio.sleep(min(INTERVAL_S, time.monotonic() - began))  # others need the processor, too
        except OffsetsUnknown:
            self._reset(pipe, FOREIGN_ID)
            return None
        except BusError as exc:
            log.info("a reader of events could not resume", extra={"error": str(exc)})
            return behind  # it connects again
        else:
            return events.position
        finally:
            await self._replays.release(events)

    async def _follow(self, pipe: ViewerConnection, cursor: Cursor) -> None:
        """Send each event as it comes."""
        while await self._goes_on(pipe, cursor):
            cursor.wake.clear()
            if cursor.reset:
                self._write(pipe, named("reset", reason=cursor.reset))
                cursor.reset = None
            if cursor.missed:
                self._tell_missed(pipe, cursor.missed, "the reader was too slow")
                cursor.missed = 0
            if cursor.lost:
                self._tell_missed(pipe, cursor.lost, "this service did not read them in time")
                cursor.lost = 0
            events = self._log.take(cursor, most=MOST_EVENTS, most_bytes=MOST_BYTES)
            self._send(pipe, events)
            if events:
                await asyncio.sleep(INTERVAL_S)
            elif self._log.has_more(cursor):
                await asyncio.sleep(0)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await cursor.wake.wait()

    async def _goes_on(self, pipe: ViewerConnection, cursor: Cursor | None = None) -> bool:
        """Wait until the reader has taken everything; return whether it is there, may read, and the service goes on."""
        if not await pipe.ready() or self._log.closing or not self._wanted.allowed:
            return False
        if time.monotonic() - self._wrote_at > HEARTBEAT_S:
            self._write(pipe, self._heartbeat(cursor))
        return True

    def _heartbeat(self, cursor: Cursor | None) -> bytes:
        """Return a comment; or where the reader is, if that has changed: an id without data is no event, but is kept.

        A reader that wants few of the events would otherwise resume far behind.
        """
        position = self._log.position_of(cursor) if cursor is not None else None
        line = id_line(PositionWriter(position).text()) if position is not None else b""
        if not line or line == self._sent_id:
            return b":\n"
        self._sent_id = line
        return line + b"\n"

    def _send(self, pipe: ViewerConnection, events: Sequence[Event]) -> None:
        if events:
            self._sent_id = events[-1].id_line
            self._metrics.sent.inc(len(events))
            for camera, count in Counter(event.camera for event in events).items():
                self._note_sent(camera, count)
            self._write(pipe, *(event.text for event in events))

    def _reset(self, pipe: ViewerConnection, reason: str) -> None:
        """Tell the reader that it begins with the next event; that is the next one from now on."""
        self._first = self._log.end
        self._write(pipe, named("reset", reason=reason))

    def _tell_missed(self, pipe: ViewerConnection, count: int, reason: str) -> None:
        self._metrics.missed.inc(count)
        self._write(pipe, named("missed", missed=count, reason=reason))

    def _write(self, pipe: ViewerConnection, *pieces: bytes) -> None:
        self._wrote_at = time.monotonic()
        pipe.write(*pieces)
