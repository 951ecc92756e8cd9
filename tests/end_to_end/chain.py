"""The services as processes, connected through an embedded broker in its own process."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from local.ports import free_port
from shared.bus import Bus, EmbeddedBroker
from tests.suite import LOOPBACK, Program, Service, embedded, get_json, make_topics
from tests.waiting import wait_until

TOPICS = {"videocam": "TOPICNAMEIN", "videodisplay": "TOPICNAMEOUT", "videopredictions": "TOPICNAMEPREDICTIONS"}

VIDEO_READS = 3  # topics: frames, status, predictions


@contextlib.contextmanager
def embedded_broker() -> Iterator[tuple[Program, Bus]]:
    """Run the broker that `make run` uses."""
    with Program("local.broker") as program:
        wait_until(lambda: program.lines or program.process.poll() is not None, "the broker says where it is")
        yield program, embedded(program.lines[0])


class Chain:
    """Consumer and video on their own topics; tests start producers."""

    def __init__(self, bus: Bus, *, suffix: str = "", **consumer: str) -> None:
        """Prepare.

        Args:
            bus: of an embedded broker.
            suffix: of the names of all topics.
            consumer: settings of the consumer.
        """
        self.bus, self._suffix, self._consumer_settings = bus, suffix, consumer
        self.video_settings: dict[str, str] = {}
        """Further ones of the video service, to be set before it starts."""
        self.port = free_port()
        self.commands: dict[str, Sequence[str]] = {}
        """Service -> the command to start instead of it."""
        self._stack = contextlib.ExitStack()

    def topic(self, name: str) -> str:
        """Return the name of a topic of this chain."""
        return name + self._suffix

    def start(self, name: str, **settings: str) -> Service:
        """Start a service, which ends with the chain."""
        common = {
            "KAFKACONFIG": json.dumps(dict(EmbeddedBroker.PROPERTIES)),
            "TOPICNAMESTATUS": self.topic("videostatus"),
            **dict.fromkeys(("KAFKAPORT", "KAFKAPORTIN", "KAFKAPORTOUT"), self.bus.servers),
        }
        command = self.commands.get(name, ())
        return self._stack.enter_context(Service(name, command=command, **{**common, **settings}))

    def produce(self, **settings: str) -> Service:
        """Start a producer."""
        return self.start("producer", **{"TOPICNAME": self.topic("videocam"), "FRAMEINTERVAL": "0", **settings})

    def show(self) -> Service:
        """Start a `video` at the port of this chain."""
        return self.start(
            "video",
            TOPICNAME=self.topic("videodisplay"),
            TOPICNAMEPREDICTIONS=self.topic("videopredictions"),
            DISPLAYPORT=f"{LOOPBACK}:{self.port}",
            **self.video_settings,
        )

    def ask(self, path: str) -> Any:
        """Return the decoded answer of `video`, None if its status is not 200."""
        return get_json(f"http://{LOOPBACK}:{self.port}{path}")

    def predictions(self, camera: str) -> dict[str, Any]:
        """Return what was drawn on the newest frame, by model; empty if there is no frame yet."""
        answer = self.ask(f"/cameras/{camera}/predictions") or {"predictions": []}
        return {said["model"]: said for said in answer["predictions"]}

    def __enter__(self) -> Self:
        """Start consumer and video, and wait until both read from the bus."""
        make_topics(self.bus, *map(self.topic, (*TOPICS, "videostatus")))
        with contextlib.ExitStack() as started:
            started.push(self.__exit__)
            topics = {variable: self.topic(name) for name, variable in TOPICS.items()}
            group = {"GROUPNAME": f"goconsumer{self._suffix}"}
            self.consumer = self.start("consumer", **topics, **group, **self._consumer_settings)
            self.video = self.show()
            self.consumer.says("partitions assigned")
            wait_until(lambda: self.video.log.count("partitions taken") == VIDEO_READS, "video reads from the bus")
            started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill everything."""
        self._stack.close()
