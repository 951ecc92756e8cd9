"""Reads `videopredictions` in a thread of its own, and hands the events to the event loop."""

import asyncio
import threading
from collections.abc import Callable, Mapping

from prometheus_client import Counter

from shared.bus import Reader, Record
from shared.errors import BadRecord
from video.events.event import Event, EventEncoder
from video.events.log import MAX_BYTES, Batch
from video.events.position import Position, token_of
from video.loop_call import LoopCall

POLL_S = 0.2
MOST_WAITING = 100  # batches; more are joined to one


class EventFeed:
    """Hands over what was read; at most MAX_BYTES of events wait, however long the loop is busy. Thread-safe."""

    def __init__(self, reader: Reader, ignored: Counter) -> None:
        """Take the topic's reader, and the counter of records that are not predictions."""
        self._reader, self._ignored = reader, ignored
        self._encoder = EventEncoder(None)
        self._log_id: str | None = None
        self._lock = threading.Lock()
        self._waiting: list[Batch] = []
        self._waiting_bytes = 0
        self._deliver: Callable[[Batch], None] = lambda _: None
        self._taking = LoopCall(self._take)

    def open(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Batch], None]) -> None:
        """Deliver in this loop from now on."""
        self._deliver = deliver
        self._taking.open(loop)

    def close(self) -> None:
        """Stop delivering."""
        self._taking.close()

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Read until `stop`."""
        while not stop.is_set():
            beat()
            self._put(self._batch(self._reader.read(POLL_S)))

    def _batch(self, records: list[Record]) -> Batch:
        after = self._reader.positions()
        before, gaps = dict(after), dict[int, int]()
        for record in reversed(records):
            before[record.partition] = record.offset
            if record.left_out:
                gaps.setdefault(record.partition, record.offset)
        self._begin_log(before)
        events = [event for record in records if (event := self._event(record)) is not None]
        position = Position(token_of(self._log_id), after) if self._log_id else None
        return Batch(events, before, position, gaps, sum(record.left_out for record in records))

    def _begin_log(self, before: Mapping[int, int]) -> None:
        """Start with another encoder when the topic or its partitions have changed."""
        log_id, known = self._reader.log_id(), self._encoder.position
        if log_id is None or (log_id == self._log_id and known is not None and known.offsets.keys() >= before.keys()):
            return
        self._log_id = log_id
        self._encoder = EventEncoder(Position(token_of(log_id), before))

    def _event(self, record: Record) -> Event | None:
        try:
            return self._encoder.encode(record)
        except BadRecord:
            self._ignored.inc()
            return None

    def _put(self, batch: Batch) -> None:
        with self._lock:
            self._waiting.append(batch)
            self._waiting_bytes += sum(len(event.text) for event in batch.events)
            if len(self._waiting) > MOST_WAITING or self._waiting_bytes > MAX_BYTES:
                self._waiting = [_joined(self._waiting)]
                self._waiting_bytes = sum(len(event.text) for event in self._waiting[0].events)
        self._taking.request()

    def _take(self) -> None:
        with self._lock:
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for batch in waiting:
            self._deliver(batch)


def _joined(batches: list[Batch]) -> Batch:
    """Return one batch in place of several of the newest topic, without the oldest events if they are too many."""
    after = batches[-1].after
    same = [batch for batch in batches if (batch.after and batch.after.log) == (after and after.log)]
    events = [event for batch in same for event in batch.events]
    size, keep = 0, len(events)
    while keep > 0 and size + len(events[keep - 1].text) <= MAX_BYTES:
        keep -= 1
        size += len(events[keep].text)
    before: dict[int, int] = {}
    for batch in reversed(same):
        before.update(batch.before)
    gaps = {event.partition: event.offset + 1 for event in events[:keep]}
    for batch in same:
        for partition, offset in batch.gaps.items():
            gaps[partition] = max(offset, gaps.get(partition, 0))
    return Batch(events[keep:], before, after, gaps, keep + sum(batch.left_out for batch in same))
