"""What a reader missed while it was away, from the bus: in threads, for a few readers at a time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shared.bus import Replay
from shared.errors import BadRecord
from video.events.event import Event, EventEncoder
from video.events.position import Position

MAX_REPLAYS = 4  # at a time; each holds a client of the bus
MAX_RECORDS = 250  # of one read
READ_TIMEOUT_S = 1.0
_Result = TypeVar("_Result")


class ReplayedEvents:
    """Reads the events behind a position. For the event loop."""

    def __init__(self, position: Position, replay: Replay, pool: ThreadPoolExecutor) -> None:
        self._replay, self._pool = replay, pool
        self._start, self._encoder = position, EventEncoder(position)

    @property
    def position(self) -> Position:
        """The position behind everything that was read."""
        return Position(self._start.log, dict(self._replay.positions))

    @property
    def expired(self) -> int:
        """The number of records behind the position that the bus keeps no longer, of all cameras."""
        return self._replay.expired

    async def start(self, partitions: set[int]) -> None:
        """Go to the position; in partitions that it does not know, to the beginning.

        Raises:
            OffsetsUnknown: it is beyond the end of the topic.
            BusError: the brokers do not answer.
        """
        offsets = dict.fromkeys(partitions, 0) | dict(self._start.offsets)
        await self._run(lambda: self._replay.start(offsets))
        self._encoder = EventEncoder(self.position)

    async def read(self) -> list[Event]:
        """Return the next events; none if none come in time."""
        return await self._run(self._read)

    async def close(self) -> None:
        """Close the client."""
        await self._run(self._replay.close)

    def _read(self) -> list[Event]:
        events = []
        for record in self._replay.read(MAX_RECORDS, READ_TIMEOUT_S):
            try:
                events.append(self._encoder.encode(record))
            except BadRecord:  # it was counted when it came
                continue
        return events

    async def _run(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)


class Replays:
    """Lets a few readers at a time read from the bus. For the event loop."""

    def __init__(self, make: Callable[[], Replay]) -> None:
        """Take what makes a reader of the topic."""
        self._make = make
        self._pool = ThreadPoolExecutor(MAX_REPLAYS, thread_name_prefix="replay")
        self._free = asyncio.Semaphore(MAX_REPLAYS)

    async def acquire(self, position: Position, timeout_s: float) -> ReplayedEvents | None:
        """Return a reader of the events behind a position, to be released; None if none is free in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._free.acquire()
        except TimeoutError:
            return None
        try:
            replay = await asyncio.get_running_loop().run_in_executor(self._pool, self._make)
        except BaseException:
            self._free.release()
            raise
        return ReplayedEvents(position, replay, self._pool)

    async def release(self, events: ReplayedEvents) -> None:
        """Close a reader, and let another one begin."""
        try:
            await asyncio.shield(events.close())
        finally:
            self._free.release()

    def close(self) -> None:
        """Start no further read."""
        self._pool.shutdown(wait=False, cancel_futures=True)
