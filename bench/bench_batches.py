"""Compare requests about several cameras with requests about one, on real models in a local model server.

    python -m bench.bench_batches [MODEL …] [--cameras 8] [--batch 8] [--seconds 4] [--rounds 5]

Cameras of 25 frames per second at 1280×720 offer their frames to the consumer's worker of one model. Both ways
alternate in one run, round by round, so that a busy machine slows both; the figures are those of all rounds together.
CPU time is user + system of the server's process, per picture.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from bench.bench_imprint import scene
from bench.bench_models import server, wait_for
from bench.usage import cpu_of
from consumer.asking import predictor_of
from consumer.configured_models import labels_of
from consumer.metrics import PredictionMetrics
from consumer.model_set import Model
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Prediction
from consumer.predictor import Predictor
from shared.frames import pixels
from shared.frames.frame import Frame
from tests.models import exported

KINDS = {"efficientnet-lite0": "classification", "detector": "detection", "face": "detection", "emotion": "emotion"}
EVERY_S = 0.04
WIDTH, HEIGHT = 1280, 720
FACE: Box = (600, 200, 200, 240)
WARM_UP_S = 2.0


@dataclass(slots=True)
class Figures:
    """What one way of asking did in all its rounds."""

    predictions: int = 0
    requests: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        """Predictions a second."""
        return self.predictions / self.seconds

    def __str__(self) -> str:
        """Return the cells of the table."""
        if not self.predictions:
            return "0 | |"
        mean = self.predictions / max(1.0, self.requests)
        return f"{self.rate:.1f} | {mean:.1f} | {self.cpu_s / self.predictions * 1e3:.1f} ms"


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("models", nargs="*", default=[*KINDS], metavar="MODEL", help=f"of {', '.join(KINDS)}")
    arguments.add_argument("--cameras", type=int, default=8)
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each round (default: 4)")
    arguments.add_argument("--rounds", type=int, default=5, help="of each way (default: 5)")
    options = arguments.parse_args()
    print(f"{options.cameras} cameras of {WIDTH}x{HEIGHT} at 25 frames per second, batches of {options.batch}")
    print("| model | one by one: a second | frames | CPU | together: a second | frames | CPU | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.models:
        alone, together = compare(name, options.cameras, options.batch, options.seconds, options.rounds)
        print(f"| `{name}` | {alone} | {together} | {together.rate / alone.rate:.2f}x |", flush=True)


def compare(name: str, cameras: int, batch: int, seconds: float, rounds: int) -> tuple[Figures, Figures]:
    """Return the figures of asking one by one, and of asking together."""
    found = {1: Figures(), batch: Figures()}
    with server([f"--model_base_path={exported(name)}", f"--model_name={name}"]) as (url, pid):
        wait_for(f"{url}/v1/models/{name}/metadata")
        for size in (1, batch):
            measure(name, f"{url}/v1/models/{name}:predict", pid, cameras, size, WARM_UP_S)
        for _ in range(rounds):
            for size, figures in found.items():
                one = measure(name, f"{url}/v1/models/{name}:predict", pid, cameras, size, seconds)
                figures.predictions += one.predictions
                figures.requests += one.requests
                figures.seconds += one.seconds
                figures.cpu_s += one.cpu_s
    return found[1], found[batch]


def measure(name: str, url: str, pid: int, cameras: int, batch: int, seconds: float) -> Figures:
    """Ask about the cameras for so long."""
    answered: list[Prediction] = []
    registry = CollectorRegistry()
    spec = ModelSpec(name=name, kind=KINDS[name], url=url, batch=batch)
    predictor = predictor_of(
        Model(spec, labels_of(spec)),
        timeout_s=30.0,
        metrics=PredictionMetrics(registry),
        on_result=lambda prediction, _: answered.append(prediction),
        on_asked=lambda _: None,
        changed=lambda: None,
    )
    with running(predictor):
        before, began = cpu_of(pid), time.monotonic()
        play(predictor, cameras, until=began + seconds)
        taken_s, used_s = time.monotonic() - began, cpu_of(pid) - before
        requests = registry.get_sample_value("consumer_batch_size_count", {"model": name}) or 0.0
        return Figures(len(answered), requests, taken_s, used_s)


@contextmanager
def running(predictor: Predictor) -> Iterator[None]:
    """Run the loop of a model until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=predictor.run, args=(stop, lambda: None))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        predictor.end()
        thread.join()


def play(predictor: Predictor, cameras: int, *, until: float) -> None:
    """Offer the frames of the cameras, evenly spread over time."""
    picture = pixels.encode(scene(WIDTH, HEIGHT), 80)
    regions = (FACE,) if predictor.spec.kind == "emotion" else None
    frame, began = 0, time.monotonic()
    while time.monotonic() < until:
        camera, seq = frame % cameras, frame // cameras
        time.sleep(max(0.0, began + (seq + camera / cameras) * EVERY_S - time.monotonic()))
        offered = Frame(f"camera-{camera}", 1, seq, seq, WIDTH, HEIGHT, picture)
        predictor.offer(offered, Picture(picture), regions)
        frame += 1


if __name__ == "__main__":
    main()
