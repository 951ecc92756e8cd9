"""What all readers of events share: the log, the feed that fills it, and the access to older events."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from shared.bus import Replay
from video.events.feed import EventFeed
from video.events.log import EventLog
from video.events.replay import Replays
from video.events.stream import EventStream
from video.events.wanted import Wanted
from video.metrics import EventMetrics
from video.viewers import Viewers


@dataclass(frozen=True, slots=True)
class EventSource:
    """Where events come from.

    Attributes:
        feed: of the new ones.
        replay: returns a reader of older ones.
        metrics: of what readers get.
    """

    feed: EventFeed
    replay: Callable[[], Replay]
    metrics: EventMetrics


class Events:
    """The events of one application. For the event loop only."""

    def __init__(self, source: EventSource, viewers: Viewers) -> None:
        self._source, self._viewers = source, viewers
        self._log, self._replays = EventLog(), Replays(source.replay)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take new events in this loop from now on."""
        self._source.feed.open(loop, self._log.append)

    def end(self) -> None:
        """End every reader."""
        self._log.close()

    def close(self) -> None:
        """Take no more events, and end every reader."""
        self._source.feed.close()
        self._replays.close()
        self.end()

    def stream(self, wanted: Wanted, last_event_id: str) -> EventStream:
        """Return the endless answer to a reader."""
        return EventStream(
            self._log, self._replays, self._viewers, self._source.metrics, wanted=wanted, last_event_id=last_event_id
        )
