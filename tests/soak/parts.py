"""The whole suite as processes on a real Kafka: what the soak runs."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from local import plan
from local.kafka.node import LISTENERS, Node, Ports
from local.kafka.parts import FOLDER, jars
from local.ports import free_port
from shared.bus import Bus
from shared.errors import BusError
from shared.topics import apply_list, read_list
from tests.models import efficientnet_lite0
from tests.processes import freeze, thaw
from tests.producer.cameras import BIKES, HttpCamera, listens
from tests.suite import LOOPBACK, Program, Service, children_of, get, get_json
from tests.waiting import wait_until

STREET, YARD = "street", "yard"  # RTSP and MJPEG
CAMERAS = (STREET, YARD)
CONSUMERS = ("consumer-a", "consumer-b")
VIDEOS = ("video-a", "video-b")
PRODUCER, BROKER = "producer", "kafka"
TOPIC = "videocam"
CUT_OFF = "the group was lost"  # as a consumer says
STARTED_WITHIN_S = 180.0  # a part needs a tenth of it on an idle machine


P = TypeVar("P", bound=Program)


class OnLeash(Program):
    """A program that ends with the soak, however that ends."""

    via: ClassVar[tuple[str, ...]] = ("shared.child",)


class ServiceOnLeash(Service, OnLeash):
    """A service that ends when the soak does."""


class ModelServer(OnLeash):
    """The local stand-in of TensorFlow Serving with the real model; after the picture, as in `make run`."""

    via = ("shared.child", "--nice", str(plan.SERVING_NICENESS))


class Parts:
    """Every process of the suite by name, and how to start it."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.node = Node(jars(), folder / "kafka", Ports.free())
        self.services: dict[str, Service] = {}
        self.yard = HttpCamera()
        self.ports = {name: free_port() for name in VIDEOS}
        self.killed: list[Program] = []
        self._programs: list[Program] = []
        self._say = say
        self._rtsp_port, self._rtsp_control = free_port(), free_port()
        self._serving_port = free_port()
        self.street: Program
        self.serving: Program
        self._stack = contextlib.ExitStack()

    @property
    def bus(self) -> Bus:
        """The broker's address for the soak itself."""
        return Bus(self.node.servers[0])

    def processes(self) -> dict[str, int]:
        """Return the ids of all long-lived processes, by name."""
        found = {name: service.process.pid for name, service in dict(self.services).items()}
        for number, pid in enumerate(children_of(found[PRODUCER]) if PRODUCER in found else ()):
            found[f"capture-{number + 1}"] = pid
        return {BROKER: self.node.pid, "tfserving": self.serving.process.pid, **found}

    def start_street(self) -> None:
        """Start the RTSP camera."""
        options = ["-d", str(BIKES.parent), "-H", LOOPBACK, "-p", str(self._rtsp_port), "-cp", str(self._rtsp_control)]
        self.street = self._started(OnLeash("server_demo", *options))
        wait_until(lambda: listens(self._rtsp_port), "the RTSP camera listens", within_s=STARTED_WITHIN_S)

    def start_serving(self) -> None:
        """Start the model server, and wait until the model can be asked."""
        base = efficientnet_lite0()
        options = [f"--rest_api_port={self._serving_port}", f"--rest_api_host={LOOPBACK}"]
        options += [f"--model_name={plan.MODEL_NAME}", f"--model_base_path={base}"]
        self.serving = self._started(ModelServer("tfserving", *options))
        self.wait_for_model()

    def wait_for_broker(self) -> None:
        """Wait until the broker answers."""
        self.node.wait_until_ready(STARTED_WITHIN_S)

    def wait_for_model(self) -> None:
        """Wait until the model server answers."""
        path = f"http://{LOOPBACK}:{self._serving_port}/v1/models/{plan.MODEL_NAME}"
        wait_until(lambda: get(f"{path}/metadata")[0] == 200, "the model is served", within_s=STARTED_WITHIN_S)

    def start_service(self, name: str) -> None:
        """Start a service, or a replica of one, and wait until it answers."""
        kind = name.partition("-")[0]
        service = self.services[name] = self._started(ServiceOnLeash(kind, **self._settings(name)))
        wait_until(lambda: get(f"{service.probes}/readyz")[0] == 200, f"{name} is ready", within_s=STARTED_WITHIN_S)
        if name in CONSUMERS:
            service.says("partitions assigned")
        elif name in VIDEOS:
            wait_until(lambda: service.log.count("partitions taken") == 3, f"{name} reads", within_s=STARTED_WITHIN_S)

    def make_topics(self) -> None:
        """Create the topics as declared."""
        topics = read_list(FOLDER / "topics.toml")

        def made() -> bool:
            with contextlib.suppress(BusError):  # ask a busy broker again that has not answered in time
                return bool(apply_list(topics, self.bus, wait_s=STARTED_WITHIN_S, say=self._say))
            return False

        wait_until(made, "the topics are made", within_s=STARTED_WITHIN_S)

    def kill(self, program: Program) -> None:
        """Kill a part, and remember that the soak did it."""
        self.killed.append(program)
        program.process.kill()
        program.process.wait()

    def who_has(self, camera: str) -> str:
        """Return the consumer that serves a camera."""
        before = {name: self.services[name].books(camera).out for name in CONSUMERS}
        found: list[str] = []

        def serves() -> bool:
            found[:] = [name for name in CONSUMERS if self.services[name].books(camera).out > before[name]]
            return len(found) == 1

        wait_until(serves, f"one consumer serves {camera}", within_s=STARTED_WITHIN_S)
        return found[0]

    def cut_offs(self) -> int:
        """Return how often consumers lost their session in the group: a starved one does so without a fault."""
        return sum(CUT_OFF in line for program in self._programs for line in list(program.lines))

    def exited(self) -> list[str]:
        """Return what has ended or lost a loop, other than by the soak."""
        programs = {"RTSP camera": self.street, "tfserving": self.serving, **self.services}
        found = [
            f"{name} ended with {program.process.poll()}"
            for name, program in programs.items()
            if program.process.poll() is not None and program not in self.killed
        ]
        if self.node.status() is not None:
            found.append(f"kafka ended with {self.node.status()}")
        return found + [
            f"a loop of {name} crashed" for name, one in self.services.items() if one.said("a loop crashed")
        ]

    @contextlib.contextmanager
    def hush(self) -> Iterator[None]:
        """Pause the cameras for less time than it takes to count as frozen."""
        self.yard.frozen.set()
        freeze(self.street.process.pid)
        try:
            yield
        finally:
            thaw(self.street.process.pid)
            self.yard.frozen.clear()

    def end(self) -> dict[str, int]:
        """Ask every service to end, in the order in which data flows; return their exit statuses."""
        return {name: self.services[name].ends() for name in (PRODUCER, *CONSUMERS, *VIDEOS)}

    def __enter__(self) -> Self:
        """Start everything; readers before writers, so that every frame is accounted for."""
        with contextlib.ExitStack() as starting:
            starting.push(self.__exit__)
            self._stack.callback(self.yard.close)
            began = time.monotonic()
            self._stack.callback(self.node.kill)
            self.node.start()
            self.start_street()
            self.start_serving()
            self.wait_for_broker()
            self.make_topics()
            for name in (*CONSUMERS, *VIDEOS):
                self.start_service(name)
            self.start_service(PRODUCER)
            wait_until(lambda: all(map(_shows_all, self.ports.values())), "all is shown", within_s=STARTED_WITHIN_S)
            self._say(f"started in {time.monotonic() - began:.0f} s")
            starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill everything."""
        self._stack.close()

    def write_logs(self, folder: Path) -> None:
        """Write what each part said into a file of its own, and what the services say of themselves now."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for program in self._programs:
            (folder / f"{program.name}-{program.process.pid}.log").write_text(program.log + "\n", encoding="utf-8")
        probes = [
            (name, get(f"{one.probes}/{p}")[1]) for name, one in self.services.items() for p in ("healthz", "readyz")
        ]
        (folder / "probes.txt").write_text(
            "".join(f"{name} {body.decode()}\n" for name, body in probes), encoding="utf-8"
        )

    def _started(self, program: P) -> P:
        self._stack.callback(program.close)
        self._programs.append(program)
        return program

    def _settings(self, name: str) -> dict[str, str]:
        """Return the settings of a service; each at its own of the original's listeners."""
        servers = dict(zip(LISTENERS, self.node.servers, strict=True))
        if name == PRODUCER:
            street = f"rtsp://{LOOPBACK}:{self._rtsp_port}/{BIKES.name}?play_count=0"  # without end
            cameras = {STREET: street, YARD: self.yard.link()}
            return {"KAFKAPORT": servers["PROD1"], "FRAMEINTERVAL": "0", "CAMERAS": json.dumps(cameras)}
        if name in CONSUMERS:
            url = f"http://{LOOPBACK}:{self._serving_port}/v1/models/{plan.MODEL_NAME}:predict"
            return {
                "KAFKAPORTIN": servers["CONS1"],
                "KAFKAPORTOUT": servers["PROD2"],
                "MODELURLS": json.dumps({"imagenet_1": url}),
            }
        return {"KAFKAPORT": servers["CONS2"], "DISPLAYPORT": f"{LOOPBACK}:{self.ports[name]}"}


def _shows_all(port: int) -> bool:
    """Return whether a replica of `video` has pictures of every camera."""
    shown = {camera["id"] for camera in get_json(f"http://{LOOPBACK}:{port}/cameras") or () if camera["width"]}
    return shown == set(CAMERAS)
