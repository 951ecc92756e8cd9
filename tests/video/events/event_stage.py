"""The web server with its stream of events, on an embedded broker; and readers of the stream."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry

from shared.bus import Bus, Delivery, Reader, Replay, Writer
from tests.video.events.records import document
from tests.video.stage import Stage
from tests.waiting import PATIENCE_S, wait_until
from video.events.events import EventSource
from video.events.feed import EventFeed
from video.metrics import EventMetrics


@dataclass(frozen=True)
class ReceivedEvent:
    """An event as a parser of the HTML standard dispatches it."""

    name: str
    id: str
    data: str

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.data)
        return value

    @property
    def seq(self) -> int:
        return int(self.json["seq"])


class EventReader:
    """A reader of /predictions/stream on a raw socket, which reads exactly what it is told to.

    It parses as the HTML standard says (9.2.6), so that an id without data changes `last_id` and is no event.
    """

    def __init__(self, port: int, query: str = "", *, last_id: str = "", window: int = 0, extra: str = "") -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        head = f"GET /predictions/stream{query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{extra}"
        head += f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"{head}\r\n".encode())
        self._file = self.socket.makefile("rb")
        self.last_id, self.retry_ms, self.comments = last_id, 0, 0
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value

    def lines(self) -> Iterator[str]:
        """Iterate over the lines of the body until the server ends it."""
        while (line := self._file.readline()) != b"":
            yield line.decode().removesuffix("\n")

    def event(self) -> ReceivedEvent:
        """Return the next event.

        Raises:
            EOFError: the server has ended the stream.
        """
        data: list[str] = []
        name, id_ = "", self.last_id
        for line in self.lines():
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                self.last_id = id_
                if data:
                    return ReceivedEvent(name or "message", id_, "\n".join(data))
                name = ""
            elif not field:
                self.comments += 1
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                id_ = value
            else:
                assert field == "retry", line
                self.retry_ms = int(value)
        raise EOFError

    def events(self, count: int) -> list[ReceivedEvent]:
        return [self.event() for _ in range(count)]

    def seqs(self, count: int) -> list[int]:
        return [event.seq for event in self.events(count)]

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _line(self) -> str:
        return self._file.readline().decode().removesuffix("\r\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Predictions:
    """A topic of predictions: its feed into web servers, and a writer."""

    def __init__(self, bus: Bus, topic: str) -> None:
        self.bus, self.topic = bus, topic
        self.registry = CollectorRegistry()
        self.metrics = EventMetrics(self.registry)
        self.replays = 0  # that were begun
        self.written = 0  # records
        self.reader = Reader.of_all_partitions(bus, topic, group="govideo")
        self.source = EventSource(EventFeed(self.reader, self.metrics.ignored), self._replay, self.metrics)
        self._writer = Writer(bus)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.source.feed.run, args=(self._stop, lambda: None), daemon=True)

    def write(self, *seqs: int, camera: str = "front", **changes: Any) -> None:
        """Write predictions in order, and wait until the broker has them."""
        self.write_raw(*(json.dumps(document(seq, camera, **changes)).encode() for seq in seqs), camera=camera)

    def write_raw(self, *values: bytes, camera: str = "front") -> None:
        outcomes: list[Delivery] = []
        for value in values:
            self._writer.send(self.topic, key=camera, value=value, headers=[], on_delivery=outcomes.append)
        wait_until(lambda: len(outcomes) == len(values), "acknowledgements")
        assert set(outcomes) == {Delivery.ACKNOWLEDGED}
        self.written += len(values)

    def metric(self, name: str) -> float:
        return self.registry.get_sample_value(f"video_events_{name}_total") or 0.0

    def _replay(self) -> Replay:
        self.replays += 1
        return Replay(self.bus, self.topic, group="govideo")

    def __enter__(self) -> Self:
        """Begin to read; the topic exists and is known then."""
        self.write(0)
        self._thread.start()
        wait_until(lambda: self.reader.log_id() and self.reader.positions(), "the topic")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self.reader.close()
        self._writer.close()


@contextmanager
def serving(predictions: Predictions, **options: Any) -> Iterator[Stage]:
    """Run a web server that shows predictions."""
    with Stage(events=predictions.source, **options) as stage:
        yield stage
