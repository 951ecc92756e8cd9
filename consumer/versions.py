"""Asks every model's server now and then which version it serves."""

import threading
from collections.abc import Callable, Mapping

from consumer.predictor import Predictor
from consumer.serving import Serving
from shared.errors import ServingError

EVERY_S = 5.0


def watch_versions(
    servings: Mapping[Predictor, Serving], stop: threading.Event, beat: Callable[[], None], *, every_s: float = EVERY_S
) -> None:
    """Tell each asker its model's version until `stop`; what cannot be learned is unknown."""
    while not stop.is_set():
        for asker, serving in servings.items():
            beat()
            try:
                asker.learned_version(serving.version())
            except ServingError:
                asker.learned_version(None)
            if stop.is_set():
                break
        stop.wait(every_s)
    for serving in servings.values():
        serving.close()
