"""One event, as the bytes that are sent, and the encoder that makes it from a record of the bus."""

import json
from dataclasses import dataclass, field

from shared.bus import Record
from video.events.position import Position, PositionWriter
from video.events.record import read_prediction


@dataclass(frozen=True, slots=True)
class Event:
    """A prediction as an event.

    Attributes:
        partition, offset: of its record.
        camera, model: whose prediction it is.
        best: the highest probability in it; None if there is none.
        text: the whole event, the same bytes for every reader.
    """

    partition: int
    offset: int
    camera: str
    model: str
    best: float | None
    text: bytes = field(repr=False)

    @property
    def id_line(self) -> bytes:
        """The line with its id; empty if it has none."""
        return self.text[: self.text.index(b"\n") + 1] if self.text.startswith(b"id: ") else b""


class EventEncoder:
    """Makes events of the records of a topic that follow a position. Not thread-safe."""

    def __init__(self, position: Position | None) -> None:
        """Start at a position; without one, events have no id."""
        self._writer = None if position is None else PositionWriter(position)

    @property
    def position(self) -> Position | None:
        """The position behind the last record."""
        return self._writer.position if self._writer else None

    def encode(self, record: Record) -> Event:
        """Return the event of a record.

        Raises:
            BadRecord: the record is not a prediction; the next event's id is behind it.
        """
        if self._writer:
            self._writer.advance(record.partition, record.offset + 1)
        prediction = read_prediction(record)
        text = b"%bdata: %b\n\n" % (id_line(self._writer.text() if self._writer else ""), prediction.json)
        return Event(record.partition, record.offset, prediction.camera, prediction.model, prediction.best, text)


def id_line(id_: str) -> bytes:
    """Return the line with an id; nothing without one."""
    return f"id: {id_}\n".encode() if id_ else b""


def named(name: str, **data: object) -> bytes:
    """Return an event that is not a prediction: its name, and its data as JSON."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
