"""Compare the age of the picture without and with a slow second model: `python -m bench.bench_neighbours`.

Starts producer, consumer and video as processes on an embedded broker, with a camera of 25 frames per second, and reads
the stream as a viewer does. The first model takes 40 ms. The second, which takes 10 s or never answers, is added to the
models document and removed from it while they run: turns without and with it alternate, so that a busy machine slows
both. The age is the time from the capture to the arrival of the whole picture, on one machine.

    python -m bench.bench_neighbours [--seconds 4] [--rounds 16] [--second slow|hangs]

Besides the figures over all frames, the p99 of the median turn is printed: a moment in which the machine was busy with
something else is in one turn only.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.bench_suite import parts, percentile
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.numbered import write_video
from tests.suite import Service
from tests.waiting import wait_until

FIRST_TAKES_S, SECOND_TAKES_S = 0.04, 10.0
SECOND = {"slow": rest.predicting(rest.after(SECOND_TAKES_S)), "hangs": rest.hang}
CAMERA = "film"
APPLIED_S = 1.5  # a changed document is read twice, a quarter of a second apart


def main() -> None:
    """Print ages and labels of both ways."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each turn (default: 4)")
    arguments.add_argument("--rounds", type=int, default=16, help="turns of each way (default: 16)")
    arguments.add_argument("--second", choices=SECOND, default="slow")
    options = arguments.parse_args()
    ages, labels = compare(options.second, options.seconds, options.rounds)
    print("| second model | frames | age p50 | p99 | p99 of the median turn | labels of the first |")
    print("| --- | --- | --- | --- | --- | --- |")
    typical = {}
    for with_second, name in ((False, "none"), (True, options.second)):
        values = [age for turn in ages[with_second] for age in turn]
        typical[with_second] = statistics.median(percentile(turn, 0.99) for turn in ages[with_second])
        rate = labels[with_second] / options.rounds / options.seconds
        print(
            f"| {name} | {len(values)} | {statistics.median(values):.1f} ms | {percentile(values, 0.99):.1f} ms "
            f"| {typical[with_second]:.1f} ms | {rate:.1f} a second |"
        )
    print(f"p99 of the median turn with the second model: {(typical[True] / typical[False] - 1) * 100:+.1f} %")


def compare(second: str, seconds: float, rounds: int) -> tuple[dict[bool, list[list[float]]], dict[bool, float]]:
    """Return ages in ms by turn, and labels of the first model, without and with the second one."""
    ages: dict[bool, list[list[float]]] = {False: [], True: []}
    labels = {False: 0.0, True: 0.0}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        only = {"first": _entry(stack.enter_context(Rest(rest.predicting(rest.after(FIRST_TAKES_S)))))}
        both = {**only, "second": _entry(stack.enter_context(Rest(SECOND[second])))}
        document = folder / "models.json"
        document.write_text(json.dumps({"models": only}))
        _, bus = stack.enter_context(embedded_broker())
        chain = stack.enter_context(Chain(bus, MODELSFILE=str(document), MODELTIMEOUT="15s"))
        chain.produce(VIDEOLINK=str(write_video(folder / "numbers.mkv", 100)), CAMERA=CAMERA)
        wait_until(lambda: chain.predictions(CAMERA), "a first frame")
        for turn in range(2 * rounds):
            with_second = turn % 2 == 1
            _apply(document, both if with_second else only)
            before = _answered(chain.consumer)
            ages[with_second].append(_ages(chain.port, seconds))
            labels[with_second] += _answered(chain.consumer) - before
    return ages, labels


def _entry(server: Rest) -> Mapping[str, Any]:
    return {"kind": "classification", "url": server.predict_url}


def _apply(document: Path, models: Mapping[str, Any]) -> None:
    document.write_text(json.dumps({"models": models}))
    time.sleep(APPLIED_S)


def _ages(port: int, seconds: float) -> list[float]:
    ages, until = [], time.monotonic() + seconds
    for received, captured, _, _ in parts(port, CAMERA):
        ages.append((received - captured) * 1e3)
        if time.monotonic() >= until:
            break
    return ages


def _answered(consumer: Service) -> float:
    return consumer.metrics().get(("consumer_predictions_total", "model=first", "outcome=ok"), 0)


if __name__ == "__main__":
    main()
