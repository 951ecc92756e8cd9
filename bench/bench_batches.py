"""Compare requests about several cameras with requests about one, on real models in a local model server.

    python -m bench.bench_batches [MODEL …] [--cameras 8] [--batch 8] [--seconds 6] [--rounds 6]

Cameras of 25 frames per second at 1280×720 offer their frames to the consumer's worker of one model. Both ways
alternate in one run, round by round, so that a busy machine slows both; the rates are those of the median round. CPU
time is user + system of the server and of this process together, per picture, over all rounds: where the processor is
what limits, its ratio is the gain, whatever else runs on the machine.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

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
    """What one way of asking did: a rate for each round, and sums over all of them."""

    rates: list[float] = field(default_factory=list)
    predictions: int = 0
    requests: float = 0.0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        """Predictions a second in the median round."""
        return statistics.median(self.rates)

    @property
    def cpu_ms(self) -> float:
        """CPU time per prediction in milliseconds."""
        return self.cpu_s / max(1, self.predictions) * 1e3

    def __str__(self) -> str:
        """Return the cells of the table."""
        return f"{self.rate:.1f} | {self.predictions / max(1.0, self.requests):.1f} | {self.cpu_ms:.1f} ms"


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("models", nargs="*", default=[*KINDS], metavar="MODEL", help=f"of {', '.join(KINDS)}")
    arguments.add_argument("--cameras", type=int, default=8)
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--seconds", type=float, default=6.0, help="of each round (default: 6)")
    arguments.add_argument("--rounds", type=int, default=6, help="of each way (default: 6)")
    options = arguments.parse_args()
    print(f"{options.cameras} cameras of {WIDTH}x{HEIGHT} at 25 frames per second, batches of {options.batch}")
    print("| model | one by one: a second | frames | CPU | together: a second | frames | CPU | rate | CPU |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.models:
        alone, together = compare(name, options.cameras, options.batch, options.seconds, options.rounds)
        ratios = f"{together.rate / alone.rate:.2f}x | {alone.cpu_ms / together.cpu_ms:.2f}x"
        print(f"| `{name}` | {alone} | {together} | {ratios} |", flush=True)


def compare(name: str, cameras: int, batch: int, seconds: float, rounds: int) -> tuple[Figures, Figures]:
    """Return the figures of asking one by one, and of asking together."""
    found = {1: Figures(), batch: Figures()}
    with server([f"--model_base_path={exported(name)}", f"--model_name={name}"]) as (url, pid):
        wait_for(f"{url}/v1/models/{name}/metadata")
        for size in (1, batch):
            measure(Figures(), name, f"{url}/v1/models/{name}:predict", pid, cameras, size, WARM_UP_S)
        for turn in range(rounds):
            for size in (1, batch) if turn % 2 else (batch, 1):
                measure(found[size], name, f"{url}/v1/models/{name}:predict", pid, cameras, size, seconds)
    return found[1], found[batch]


def measure(figures: Figures, name: str, url: str, pid: int, cameras: int, batch: int, seconds: float) -> None:
    """Ask about the cameras for so long, and add what was seen to the figures."""
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
    before, began = cpu_of(pid) + time.process_time(), time.monotonic()
    with running(predictor):
        play(predictor, cameras, until=began + seconds)
    # The last request counts as a whole, with its time and its answers.
    figures.rates.append(len(answered) / (time.monotonic() - began))
    figures.cpu_s += cpu_of(pid) + time.process_time() - before
    figures.predictions += len(answered)
    figures.requests += registry.get_sample_value("consumer_batch_size_count", {"model": name}) or 0.0


@cache
def coded() -> bytes:
    """Return the picture of every frame."""
    return pixels.encode(scene(WIDTH, HEIGHT), 80)


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
    picture = coded()
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
