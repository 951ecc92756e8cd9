"""The services with everything on them that they count: two cameras, a model that comes and goes, a viewer, garbage."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.bus import Writer
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.model_server import NUMBERS, ModelServer
from tests.end_to_end.numbered import write_video
from tests.monitoring.promql import TARGET, Labels
from tests.suite import Program, Service, mjpeg
from tests.waiting import wait_until

CAMERAS = ("front", "yard")
MODEL = f"imagenet_{NUMBERS}"


@dataclass(frozen=True)
class Running:
    """The suite, with its parts."""

    services: dict[str, Service]
    broker: Program

    def labels(self) -> dict[str, Labels]:
        """Return the labels that each metric has in what the services export, and those of a target."""
        found: dict[str, Labels] = {"up": TARGET}
        for service in self.services.values():
            for name, *labels in service.metrics():
                found[name] = found.get(name, TARGET) | {label.partition("=")[0] for label in labels}
        return found


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Run the suite until every counter of it has counted.

    Args:
        folder: for the cameras' film.
    """
    film = write_video(folder / "numbers.mkv", 100)
    with ExitStack() as stack:
        models = stack.enter_context(ModelServer(takes_s=lambda _: 0.05))
        broker, bus = stack.enter_context(embedded_broker())
        described = folder / "models.json"
        entry = {"kind": "classification", "url": models.url()}
        shadow = {**entry, "draw": False, "compare_with": MODEL}
        described.write_text(json.dumps({"models": {MODEL: entry, "shadow": shadow}}))
        access = folder / "access.json"
        access.write_text(json.dumps({"viewers": {"everyone": {"cameras": ["*"]}}}))
        chain = Chain(bus, MODELSFILE=str(described))
        chain.video_settings["ACCESSFILE"] = str(access)
        stack.enter_context(chain)
        # Slower than the film: some frames are thinned out.
        cameras = folder / "cameras.json"
        cameras.write_text(json.dumps({"cameras": {camera: {"source": str(film)} for camera in CAMERAS}}))
        producer = chain.produce(CAMERASFILE=str(cameras), FRAMEINTERVAL="50ms")
        suite = Running({"producer": producer, "consumer": chain.consumer, "video": chain.video}, broker)
        wait_until(lambda: chain.predictions(CAMERAS[0]), "a labelled frame has come through")

        models.go()
        wait_until(lambda: _asked(chain.consumer, "unreachable"), "the model was asked in vain")
        models.come_back()
        wait_until(lambda: _asked(chain.consumer, "ok") > 5, "the model answers")
        wait_until(lambda: _compared(chain.consumer), "a shadow is compared")
        with Writer(bus) as writer:
            for topic in ("videocam", "videodisplay"):
                for camera in CAMERAS:
                    writer.send(
                        chain.topic(topic), key=camera, value=b"garbage", headers=[], on_delivery=lambda _: None
                    )

        stop = threading.Event()
        viewer = threading.Thread(target=_look, args=(chain.port, stop), daemon=True)
        viewer.start()
        stack.callback(viewer.join, 10)
        stack.callback(stop.set)
        wait_until(lambda: _viewed(chain.video) > 10, "somebody watches")
        for service in (chain.consumer, chain.video):
            wait_until(lambda service=service: "undecodable" in service.books(CAMERAS[0]).dropped, "garbage is counted")  # type: ignore[misc]
        yield suite


def _look(port: int, stop: threading.Event) -> None:
    for _ in mjpeg(port, f"/cameras/{CAMERAS[0]}/stream", stop):
        pass


def _viewed(video: Service) -> float:
    return video.metrics().get(("video_viewer_frames_sent_total", f"camera={CAMERAS[0]}"), 0)


def _compared(consumer: Service) -> bool:
    return any(name == "consumer_model_agreement_total" for name, *_ in consumer.metrics())


def _asked(consumer: Service, outcome: str) -> float:
    return consumer.metrics().get(("consumer_predictions_total", f"model={MODEL}", f"outcome={outcome}"), 0)
