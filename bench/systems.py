"""The systems that are compared: this suite, and the references. Each runs as whole processes."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from bench import kafka
from bench.client import LOOPBACK, request
from bench.program import FIRST_PICTURE_S, Program, Running, module, wait_for_picture
from bench.references import gstreamer, motion, roboflow
from local.kafka.configuration import LISTENERS
from local.kafka.node import Node
from local.ports import free_port
from tests.suite import Service, get_json
from tests.waiting import wait_until

REQUESTS_PER_S = 10  # to the model
OLD_REQUEST = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"  # 1.0: the answer is not cut into chunks
# FFmpeg's reader asks for UDP first, which the camera does not offer; there is nothing but video.
_FFMPEG = {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "rtsp_transport;tcp"}


class System(Protocol):
    """A system that shows one camera."""

    name: str

    def missing(self) -> str:
        """Return what this machine lacks for it, empty if nothing."""

    def running(self, link: str) -> AbstractContextManager[Running]:
        """Run it on a camera while the block runs."""


class Suite:
    """This suite on a real Kafka: producer, consumer and video."""

    def __init__(self, broker: Node, model: str, *, name: str = "this suite") -> None:
        """Prepare.

        Args:
            broker: a Kafka that runs.
            model: address of the model server.
            name: in the table.
        """
        self.name, self._broker, self._model = name, broker, model

    def missing(self) -> str:
        """Return nothing: it is here."""
        return ""

    @contextmanager
    def running(self, link: str) -> Iterator[Running]:
        """Run it on a camera, on topics of its own."""
        with self.on({"camera": link}, REQUESTS_PER_S) as (running, _):
            yield running

    @contextmanager
    def on(self, cameras: Mapping[str, str], rate: float) -> Iterator[tuple[Running, Path]]:
        """Run it on some cameras; yield what runs, and the document of the cameras, which may be changed.

        Args:
            cameras: id to link.
            rate: requests to the model a second and camera.
        """
        with (
            kafka.topics_of_its_own(self._broker) as (suffix, topics),
            self._on(cameras, rate, suffix, topics) as running,
        ):
            yield running

    @contextmanager
    def _on(
        self, cameras: Mapping[str, str], rate: float, suffix: str, topics: Sequence[str]
    ) -> Iterator[tuple[Running, Path]]:
        listeners = dict(zip(LISTENERS, self._broker.servers, strict=True))
        port = free_port()
        own = {
            "producer": {"TOPICNAME": f"videocam{suffix}", "KAFKAPORT": listeners["PROD1"], "FRAMEINTERVAL": "0"},
            "consumer": {
                "TOPICNAMEIN": f"videocam{suffix}",
                "TOPICNAMEOUT": f"videodisplay{suffix}",
                "TOPICNAMEPREDICTIONS": f"videopredictions{suffix}",
                "KAFKAPORTIN": listeners["CONS1"],
                "KAFKAPORTOUT": listeners["PROD2"],
                "GROUPNAME": f"goconsumer{suffix}",
            },
            "video": {
                "TOPICNAME": f"videodisplay{suffix}",
                "TOPICNAMEPREDICTIONS": f"videopredictions{suffix}",
                "TOPICNAMEAUDIT": f"videoaudit{suffix}",
                "KAFKAPORT": listeners["CONS2"],
                "DISPLAYPORT": f"{LOOPBACK}:{port}",
            },
        }
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            models, document = folder / "models.json", folder / "cameras.json"
            model = {"kind": "classification", "url": f"{self._model}/v1/models/tfModel:predict", "rate": rate}
            models.write_text(json.dumps({"models": {"things": model}}))
            document.write_text(cameras_document(cameras))
            own["consumer"]["MODELSFILE"] = str(models)
            own["producer"] |= {"CAMERASFILE": str(document), "GROUPNAME": f"goproducer{suffix}"}
            services = {
                name: stack.enter_context(Service(name, TOPICNAMESTATUS=f"videostatus{suffix}", **settings))
                for name, settings in own.items()
            }
            wait_until(lambda: shown(port) >= set(cameras), "every camera is shown", within_s=FIRST_PICTURE_S)
            parts = {name: service.process.pid for name, service in services.items()}
            running = Running(
                port,
                request(f"/cameras/{next(iter(cameras))}/stream"),
                {**parts, "broker": self._broker.pid},
                {topic.removesuffix(suffix): topic for topic in topics},
            )
            yield running, document


def cameras_document(cameras: Mapping[str, str]) -> str:
    """Return a document of cameras."""
    return json.dumps({"cameras": {camera: {"source": link} for camera, link in cameras.items()}})


def shown(port: int) -> set[str]:
    """Return the cameras that have given a picture."""
    listed = get_json(f"http://{LOOPBACK}:{port}/cameras") or []
    return {one["id"] for one in listed if one.get("state") in {None, "up"} and one.get("age_ms") is not None}


class Original:
    """The original's way on the same Kafka (bench/references/original.py)."""

    def __init__(self, broker: Node, model: str, *, compression: str) -> None:
        """Prepare.

        Args:
            broker: a Kafka that runs.
            model: address of the model server.
            compression: of the records: `gzip`, as in the original's manifests, or `none`.
        """
        self.name = "the original's way, " + ("gzip as deployed" if compression == "gzip" else "not compressed")
        self._broker, self._model, self._compression = broker, model, compression

    def missing(self) -> str:
        """Return nothing: it needs what the suite needs."""
        return ""

    @contextmanager
    def running(self, link: str) -> Iterator[Running]:
        """Run it on a camera, on topics of its own."""
        with kafka.topics_of_its_own(self._broker) as (suffix, _), self._on(link, suffix) as running:
            yield running

    @contextmanager
    def _on(self, link: str, suffix: str) -> Iterator[Running]:
        port = free_port()
        environment = {
            **os.environ,
            **_FFMPEG,
            "KAFKAPORT": self._broker.servers[0],
            "COMPRESSIONTYPE": self._compression,
            "VIDEOLINK": link,
            "MODELURL": f"{self._model}/v1/models/tfModel:predict",
            "DISPLAYPORT": f"{LOOPBACK}:{port}",
        }
        own = {
            "video": {"TOPICNAMEIN": f"videodisplay{suffix}", "GROUPNAME": f"govideo{suffix}"},
            "consumer": {
                "TOPICNAMEIN": f"videocam{suffix}",
                "TOPICNAMEOUT": f"videodisplay{suffix}",
                "GROUPNAME": f"goconsumer{suffix}",
            },
            "producer": {"TOPICNAMEOUT": f"videocam{suffix}"},
        }
        with ExitStack() as stack:
            parts = {}
            for name, settings in own.items():
                command = (sys.executable, "-m", "bench.references.original", name)
                process = stack.enter_context(Program(*command, environment={**environment, **settings}))
                parts[name] = process.pid
            wait_for_picture(port, OLD_REQUEST)
            yield Running(
                port,
                OLD_REQUEST,
                {**parts, "broker": self._broker.pid},
                {name: f"{name}{suffix}" for name in ("videocam", "videodisplay")},
            )


class OpenCv:
    """`VideoCapture` → `imencode` → MJPEG in one process (bench/references/opencv.py)."""

    name = "OpenCV → MJPEG, one process"

    def missing(self) -> str:
        """Return nothing: OpenCV is a dependency."""
        return ""

    @contextmanager
    def running(self, link: str) -> Iterator[Running]:
        """Run it on a camera."""
        command = (sys.executable, "-m", "bench.references.opencv", link)
        with Program(*command, environment={**os.environ, **_FFMPEG}) as process:
            yield Running(int(process.line()), OLD_REQUEST, {"server": process.pid})


class GStreamer:
    """`rtspsrc … jpegenc` in one process (bench/references/gstreamer.py)."""

    name = "GStreamer → MJPEG, one process"

    def missing(self) -> str:
        """Return what this machine lacks."""
        return gstreamer.missing()

    @contextmanager
    def running(self, link: str) -> Iterator[Running]:
        """Run it on a camera."""
        port = free_port()
        with Program(*gstreamer.command(link, port)) as process:
            wait_for_picture(port, b"")
            yield Running(port, b"", {"server": process.pid})


class Motion:
    """`motion` (bench/references/motion.py)."""

    name = "motion"

    def __init__(self, fps: int = 25) -> None:
        """Prepare; the camera sends so many pictures a second."""
        self._fps = fps

    def missing(self) -> str:
        """Return what this machine lacks."""
        return motion.missing()

    @contextmanager
    def running(self, link: str) -> Iterator[Running]:
        """Run it on a camera."""
        port = free_port()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            process = stack.enter_context(Program(*motion.command(folder, link, port, fps=self._fps)))
            wait_for_picture(port, OLD_REQUEST)
            yield Running(port, OLD_REQUEST, {"server": process.pid})


class Roboflow:
    """roboflow's `inference` with the same model server (bench/references/roboflow.py)."""

    name = "roboflow's inference → MJPEG, one process"

    def __init__(self, model: str) -> None:
        """Prepare; `model` is the address of the model server."""
        self._model = model

    def missing(self) -> str:
        """Return what this machine lacks."""
        return roboflow.missing()

    @contextmanager
    def running(self, link: str) -> Iterator[Running]:
        """Run it on a camera."""
        program = (str(roboflow.ENVIRONMENT / "bin" / "python"), "-m", "bench.references.roboflow")
        environment = {**os.environ, **_FFMPEG, "METRICS_ENABLED": "False", "TELEMETRY_OPT_OUT": "True"}
        with Program(*program, link, f"{self._model}/v1/models/tfModel:predict", environment=environment) as process:
            port = int(process.line())
            wait_for_picture(port, OLD_REQUEST)
            yield Running(port, OLD_REQUEST, {"server": process.pid})


@contextmanager
def model_stub() -> Iterator[str]:
    """Run a model server that answers at once; yield its address."""
    with module("bench.model_stub") as process:
        yield f"http://{LOOPBACK}:{process.line()}"
