"""Compare the age of the picture without and with a slow second model: `python -m bench.bench_neighbours`.

Starts producer, consumer and video as processes on an embedded broker, with a camera of 25 frames per second, and reads
its stream as one viewer does, from the start to the end. The first model takes 40 ms. The second takes 10 s, or
`--takes` seconds, or never answers. It is added to the models document and removed from it while they run, so that
short turns without and with it alternate, every other pair the other way round: a busy machine slows both. A turn
begins half a second after the change has been applied and the second model has been asked. The age is the time from the
capture to the arrival of the whole picture, on one machine.

    python -m bench.bench_neighbours [--seconds 4] [--rounds 16] [--second slow|hangs] [--takes 10]

The p99 is that of all frames of a way. The interval beside a ratio is where 90 % of the ratios lie if rounds, pairs of
turns, are drawn again with replacement (percentile bootstrap).
"""

import argparse
import json
import random
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.bench_suite import parts
from bench.latency import percentile
from bench.usage import cpu_of
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.numbered import write_video
from tests.suite import Service
from tests.waiting import wait_until

FIRST_TAKES_S = 0.04
SETTLED_S = 0.5
CAMERA = "film"
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Turn:
    """What was seen in a turn: ages in ms, labels of the first model, CPU time of the consumer in s."""

    ages: list[float]
    labels: float
    cpu_s: float


class Viewer:
    """Reads a stream in a thread of its own; `seen` has (received at, age in ms) of each picture."""

    def __init__(self, port: int) -> None:
        """Start reading."""
        self.seen: list[tuple[float, float]] = []
        threading.Thread(target=self._read, args=(port,), daemon=True).start()

    def _read(self, port: int) -> None:
        for received, captured, _, _ in parts(port, CAMERA):
            self.seen.append((received, (received - captured) * 1e3))


def main() -> None:
    """Print ages and labels of both ways."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each turn (default: 4)")
    arguments.add_argument("--rounds", type=int, default=16, help="turns of each way (default: 16)")
    arguments.add_argument("--second", choices=("slow", "hangs"), default="slow")
    arguments.add_argument("--takes", type=float, default=10.0, help="seconds, of a slow second model (default: 10)")
    options = arguments.parse_args()
    behaviour = rest.hang if options.second == "hangs" else rest.predicting(rest.after(options.takes))
    turns = compare(behaviour, options.seconds, options.rounds)
    print("| second model | frames | age p50 | p90 | p99 | labels of the first | CPU of the consumer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for with_second, name in ((False, "none"), (True, options.second)):
        ages = _together(turns[with_second])
        labels = sum(turn.labels for turn in turns[with_second]) / options.rounds / options.seconds
        cpu_ms = sum(turn.cpu_s for turn in turns[with_second]) * 1e3 / len(ages)
        p50, p90, p99 = (percentile(ages, share) for share in (0.5, 0.9, 0.99))
        print(
            f"| {name} | {len(ages)} | {p50:.1f} ms | {p90:.1f} ms | {p99:.1f} ms | {labels:.1f} a second "
            f"| {cpu_ms:.1f} ms a frame |"
        )
    for share, what in ((0.5, "p50"), (0.99, "p99")):
        low, high = interval(turns, share)
        print(
            f"{what} with the second model / without: {ratio(turns, share):.3f}, 90 % of draws {low:.3f} to {high:.3f}"
        )


def compare(second: rest.Behaviour, seconds: float, rounds: int) -> dict[bool, list[Turn]]:
    """Return the turns without and with a second model that behaves so; turns of one index are neighbours in time."""
    turns: dict[bool, list[Turn]] = {False: [], True: []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        slow = stack.enter_context(Rest(second))
        only = {"first": _entry(stack.enter_context(Rest(rest.predicting(rest.after(FIRST_TAKES_S)))))}
        document = folder / "models.json"
        document.write_text(json.dumps({"models": only}))
        _, bus = stack.enter_context(embedded_broker())
        chain = stack.enter_context(Chain(bus, MODELSFILE=str(document), MODELTIMEOUT="15s"))
        chain.produce(VIDEOLINK=str(write_video(folder / "numbers.mkv", 100)), CAMERA=CAMERA)
        wait_until(lambda: chain.predictions(CAMERA), "a first frame")
        viewer = Viewer(chain.port)
        for turn in range(rounds):
            for with_second in (False, True) if turn % 2 else (True, False):
                models = {**only, "second": _entry(slow)} if with_second else only
                asked = len(slow.asked)
                document.write_text(json.dumps({"models": models}))
                wait_until(partial(_applied, chain, set(models)), "the change is applied")
                if with_second:
                    wait_until(partial(_asked, slow, asked), "the second model is asked")
                turns[with_second].append(_turn(viewer, chain.consumer, seconds))
    return turns


def ratio(turns: Mapping[bool, Sequence[Turn]], share: float) -> float:
    """Return a percentile of the ages with the second model, divided by the one without."""
    return percentile(_together(turns[True]), share) / percentile(_together(turns[False]), share)


def interval(turns: Mapping[bool, Sequence[Turn]], share: float) -> tuple[float, float]:
    """Return within which bounds 90 % of the ratios lie, where rounds are drawn with replacement."""
    choose, rounds = random.Random(1), range(len(turns[True]))
    found = []
    for _ in range(DRAWS):
        drawn = choose.choices(rounds, k=len(rounds))
        found.append(ratio({way: [turns[way][i] for i in drawn] for way in (False, True)}, share))
    return percentile(found, 0.05), percentile(found, 0.95)


def _applied(chain: Chain, models: set[str]) -> bool:
    return chain.predictions(CAMERA).keys() == models


def _asked(server: Rest, before: int) -> bool:
    return len(server.asked) > before


def _together(turns: Sequence[Turn]) -> list[float]:
    return [age for turn in turns for age in turn.ages]


def _entry(server: Rest) -> Mapping[str, Any]:
    return {"kind": "classification", "url": server.predict_url}


def _turn(viewer: Viewer, consumer: Service, seconds: float) -> Turn:
    time.sleep(SETTLED_S)
    pid = consumer.process.pid
    before, cpu_before, begins = _answered(consumer), cpu_of(pid), time.time()
    time.sleep(seconds)
    labels, used, ends = _answered(consumer) - before, cpu_of(pid) - cpu_before, time.time()
    return Turn([age for received, age in list(viewer.seen) if begins <= received <= ends], labels, used)


def _answered(consumer: Service) -> float:
    return consumer.metrics().get(("consumer_predictions_total", "model=first", "outcome=ok"), 0)


if __name__ == "__main__":
    main()
