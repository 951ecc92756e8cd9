"""The newest events, once for all readers, and the cursors of the readers in it. For the event loop only.

The log is bounded in events and in bytes, and nothing else holds events: a reader that is slow costs a number. When an
event leaves the log before a reader has come to it, the reader's cursor counts it as missed, if the reader wanted it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from video.events.event import Event
from video.events.position import Position
from video.events.wanted import Wanted

MAX_EVENTS = 10_000
MAX_BYTES = 8_000_000
MAX_SCANNED = 1000  # events that one reader looks at before others have their turn
RECREATED = "the topic was created again"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read of the topic gave.

    Attributes:
        events: the new ones, oldest first.
        before: offset by partition of the first record that was read.
        after: the position behind them; None while the topic's id is unknown.
        gaps: offset by partition before which records were not read: the bus did not keep them long enough.
        left_out: the number of these records.
    """

    events: list[Event]
    before: Mapping[int, int]
    after: Position | None
    gaps: Mapping[int, int] = field(default_factory=dict)
    left_out: int = 0


@dataclass(slots=True, eq=False)
class Cursor:
    """The place of one reader.

    Attributes:
        wanted: which events it gets.
        next: number of the first event that it has not seen.
        passed: offsets before which it has seen everything by other means.
        missed: wanted events that have left the log unseen, since the reader was last told.
        lost: records that this service did not get to read, since then; the reader may not have wanted them.
        reset: why it starts with another topic; None unless that happened.
    """

    wanted: Wanted
    next: int
    passed: Mapping[int, int]
    missed: int = 0
    lost: int = 0
    reset: str | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, event: Event) -> bool:
        """Return whether the reader gets an event."""
        return event.offset >= self.passed.get(event.partition, 0) and self.wanted(event)


class EventLog:
    """Keeps the newest events, and wakes the readers that wait for more."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.position: Position | None = None  # behind the newest event
        self.closing = False
        self._ring: list[Event | None] = [None] * max_events
        self._first = self._end = 0  # numbers of the oldest event, and of the next
        self._bytes, self._max_bytes = 0, max_bytes
        self._base: dict[int, int] = {}  # offset by partition from which on the log has everything
        self._cursors: set[Cursor] = set()

    def append(self, batch: Batch) -> None:
        """Take what was read, and wake the readers."""
        self._follow(batch)
        for event in batch.events:
            if self._end - self._first == len(self._ring):
                self._drop_oldest()
            self._ring[self._end % len(self._ring)] = event
            self._end += 1
            self._bytes += len(event.text)
            while self._bytes > self._max_bytes:
                self._drop_oldest()
        for cursor in self._cursors:
            cursor.lost += batch.left_out
            if batch.events or batch.left_out:
                cursor.wake.set()

    def close(self) -> None:
        """End every reader."""
        self.closing = True
        for cursor in self._cursors:
            cursor.wake.set()

    def covers(self, position: Position) -> bool:
        """Return whether the log holds everything behind a position, so that a reader may go on from there in it."""
        return (
            self.position is not None
            and position.log == self.position.log
            and all(position.offsets.get(partition, 0) >= offset for partition, offset in self._base.items())
            and all(offset <= self.position.offsets.get(at, 0) for at, offset in position.offsets.items())
        )

    @property
    def end(self) -> int:
        """The number of the next event."""
        return self._end

    @contextmanager
    def cursor(self, wanted: Wanted, behind: Position | None = None, *, first: int | None = None) -> Iterator[Cursor]:
        """Hold a cursor in the log.

        Args:
            wanted: which events its reader gets.
            behind: where it begins, a position that the log covers.
            first: number of the event that it begins with, without such a position; None for the next one.
        """
        if behind is not None:
            cursor = Cursor(wanted, self._first, behind.offsets)
        else:
            begin = self._end if first is None else first
            cursor = Cursor(wanted, max(begin, self._first), {}, missed=max(0, self._first - begin))
        self._cursors.add(cursor)
        try:
            yield cursor
        finally:
            self._cursors.discard(cursor)

    def take(self, cursor: Cursor, *, most: int, most_bytes: int) -> list[Event]:
        """Return the next events that a reader gets, up to a number and to about so many bytes; the cursor advances.

        It advances by MAX_SCANNED events at most, so that a reader that wants few of many does not hold up the loop.
        """
        taken: list[Event] = []
        size, stop = 0, min(self._end, cursor.next + MAX_SCANNED)
        while cursor.next < stop and len(taken) < most and size < most_bytes:
            event = self._ring[cursor.next % len(self._ring)]
            cursor.next += 1
            if event is not None and cursor.wants(event):
                taken.append(event)
                size += len(event.text)
        return taken

    @property
    def partitions(self) -> set[int]:
        """The partitions of the topic."""
        return set(self._base)

    def position_of(self, cursor: Cursor) -> Position | None:
        """Return the position behind everything that a reader has seen; None while there is more, or it is unknown."""
        if self.position is None or self.has_more(cursor) or cursor.missed or cursor.lost:
            return None
        offsets = self.position.offsets
        if any(offsets.get(partition, 0) < offset for partition, offset in cursor.passed.items()):
            return None  # it came from a replica that was ahead
        return self.position

    def has_more(self, cursor: Cursor) -> bool:
        """Return whether there are events that the cursor has not come to."""
        return cursor.next < self._end

    def _follow(self, batch: Batch) -> None:
        """Note where the log begins and ends in the topic; start again if the topic is another one."""
        if batch.after is None:
            return
        if self.position is not None and self.position.log != batch.after.log:
            self._restart()
        self.position = batch.after
        for partition, offset in batch.before.items():
            self._base.setdefault(partition, offset)
        self._base.update(batch.gaps)

    def _restart(self) -> None:
        while self._first < self._end:
            self._drop_oldest()
        self._base.clear()
        for cursor in self._cursors:
            cursor.passed, cursor.reset = {}, RECREATED
            cursor.wake.set()

    def _drop_oldest(self) -> None:
        at = self._first % len(self._ring)
        event, self._ring[at] = self._ring[at], None
        if event is None:
            return
        for cursor in self._cursors:
            if cursor.next == self._first:
                cursor.next += 1
                cursor.missed += cursor.wants(event)
        self._first += 1
        self._bytes -= len(event.text)
        self._base[event.partition] = event.offset + 1
