"""The suite's load on a broker without its pictures' work: the same clients, topics, records and rates.

One camera of 720p25: a producer writes frames, a consumer of a group reads them and writes them to the next topic with
predictions, `video` reads everything, and each of the three writes a status a second. All of it goes through
`shared.bus`, so that a setting of its readers and writers counts here as it does in the services.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from shared.bus import Bus, Properties, Reader, Writer

JPEG_BYTES = 137_000  # of 1280×720 at quality 80
PREDICTION_BYTES, STATUS_BYTES = 400, 1_500
READ_S = 0.2  # as long as the services' loops wait
FRAMES, DISPLAY, PREDICTIONS, STATUS = "videocam", "videodisplay", "videopredictions", "videostatus"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the load is like.

    Attributes:
        rate: frames a second of each camera.
        cameras: their number.
        frame_bytes: size of a frame.
        predictions: a second.
        statuses: services that write one a second.
        events: `video` reads the predictions too.
        properties: of all clients, over those of `shared.bus`.
        compression: of the frames.
        suffix: of the topics' names.
    """

    rate: float = 25.0
    cameras: int = 1
    frame_bytes: int = JPEG_BYTES
    predictions: float = 10.0
    statuses: int = 3
    events: bool = True
    properties: Properties = field(default_factory=dict)
    compression: str = "none"
    suffix: str = ""


class SuiteLoad:
    """Clients of a broker that behave as the services do, from `with` to its end.

    Attributes:
        shown: frames that arrived at the end of the chain.
        took_ms: how long each took from the first writer to the last reader.
    """

    def __init__(self, listeners: Mapping[str, str], shape: Shape) -> None:
        """Prepare.

        Args:
            listeners: name to address of the broker's five.
            shape: of the load.
        """
        self._shape, self._suffix = shape, shape.suffix
        self._buses = {name: Bus(server, shape.properties) for name, server in listeners.items()}
        self.shown = 0
        self.took_ms: list[float] = []
        self._stop = threading.Event()
        self._clients = ExitStack()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Create the clients and start."""
        shape, keep = self._shape, self._clients.enter_context
        producer, consumer_in, consumer_out, video = (
            self._buses[name] for name in ("PROD1", "CONS1", "PROD2", "CONS2")
        )
        frames = keep(Writer(producer, compression=shape.compression))
        small = [keep(Writer(bus)) for bus in (producer, consumer_out, video)]
        labelled = keep(Writer(consumer_out, compression=shape.compression))
        reader = keep(Reader.in_group(consumer_in, self._topic(FRAMES), group=f"consumer{self._suffix}"))
        shows = keep(Reader.of_all_partitions(video, self._topic(DISPLAY), group=f"video{self._suffix}"))
        statuses = keep(Reader.of_all_partitions(video, self._topic(STATUS), group=f"video{self._suffix}"))
        self._loop(lambda: self._relay(reader, labelled))
        self._loop(lambda: self._show(shows))
        self._loop(lambda: statuses.read(READ_S))
        if shape.events:
            events = keep(Reader.of_all_partitions(video, self._topic(PREDICTIONS), group=f"video{self._suffix}"))
            self._loop(lambda: events.read(READ_S))
        if shape.rate:
            self._pace(shape.rate, lambda: self._capture(frames))
        if shape.predictions:
            self._pace(shape.predictions, lambda: self._send(small[1], PREDICTIONS, bytes(PREDICTION_BYTES)))
        for writer in small[: shape.statuses]:
            self._pace(1.0, partial(self._send, writer, STATUS, bytes(STATUS_BYTES)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and close the clients."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._clients.close()

    def _topic(self, name: str) -> str:
        return name + self._suffix

    def _loop(self, turn: Callable[[], object]) -> None:
        def run() -> None:
            while not self._stop.is_set():
                turn()

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def _pace(self, rate: float, turn: Callable[[], object]) -> None:
        def run() -> None:
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                turn()
                due += 1 / rate

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def _send(self, writer: Writer, topic: str, value: bytes, *, key: str = "camera-0", sent: str = "0") -> None:
        writer.send(
            self._topic(topic), key=key, value=value, headers=[("sent", sent.encode())], on_delivery=lambda _: None
        )

    def _capture(self, writer: Writer) -> None:
        value = bytes(self._shape.frame_bytes)
        for number in range(self._shape.cameras):
            self._send(writer, FRAMES, value, key=f"camera-{number}", sent=str(time.perf_counter_ns()))

    def _relay(self, reader: Reader, writer: Writer) -> None:
        for record in reader.read(READ_S):
            self._send(
                writer,
                DISPLAY,
                record.value or b"",
                key=(record.key or b"").decode(),
                sent=record.headers["sent"].decode(),
            )

    def _show(self, reader: Reader) -> None:
        for record in reader.read(READ_S):
            self.shown += 1
            self.took_ms.append((time.perf_counter_ns() - int(record.headers["sent"])) / 1e6)
