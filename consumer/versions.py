"""Asks each model's server every few seconds which version it serves."""

import threading
from collections.abc import Callable, Mapping

from consumer.predictor import Predictor
from consumer.serving import Serving
from shared.errors import ServingError

EVERY_S = 5.0


def watch_versions(
    servings: Mapping[Predictor, Serving], stop: threading.Event, beat: Callable[[], None], *, every_s: float = EVERY_S
) -> None:
    """Report each model's version to its predictor until `stop`; None if the version is unknown."""
    while not stop.is_set():
        for predictor, serving in servings.items():
            beat()
            try:
                predictor.learned_version(serving.version())
            except ServingError:
                predictor.learned_version(None)
            if stop.is_set():
                break
        stop.wait(every_s)
    for serving in servings.values():
        serving.close()
