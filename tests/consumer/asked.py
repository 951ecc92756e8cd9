"""Models that run on servers of the test, without a bus."""

import threading
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry

from consumer.asking import predictor_of
from consumer.configured_models import labels_of
from consumer.metrics import PredictionMetrics
from consumer.model_set import Model, ModelSet
from consumer.models_document import ModelsDocument
from consumer.offers import Answer, NotAsked
from consumer.prediction import Prediction
from consumer.predictor import Predictor
from shared.frames.frame import Frame


def models_of(**entries: Any) -> list[Model]:
    """Return the models of a document; each is a classification unless it says otherwise."""
    entries = {name: {"kind": "classification", **entry} for name, entry in entries.items()}
    specs = ModelsDocument.model_validate({"models": entries}).specs().values()
    return [Model(spec, labels_of(spec)) for spec in specs]


class AskedModels:
    """A set of models whose loops run until the block ends; keeps what is published."""

    def __init__(self, *, timeout_s: float = 20.0, **entries: Any) -> None:
        self.registry = CollectorRegistry()
        self.published: list[Prediction] = []
        self.stop = threading.Event()
        self.threads: dict[Predictor, threading.Thread] = {}
        metrics = PredictionMetrics(self.registry)
        self.models = ModelSet(
            lambda model, **hooks: predictor_of(
                model, timeout_s=timeout_s, metrics=metrics, changed=lambda: None, **hooks
            ),
            spawn=self._spawn,
            publish=self.published.append,
            metrics=metrics,
        )
        self.apply(**entries)

    def apply(self, **entries: Any) -> None:
        self.models.apply(models_of(**entries))

    def offer(self, of: Frame) -> dict[str, Answer]:
        return self.models.offer(of)

    def ask(self, of: Frame, model: str) -> Prediction | NotAsked | None:
        """Offer a frame, and wait for what a model says about it."""
        return self.offer(of)[model].result(60)

    def outcome(self, model: str, outcome: str) -> float:
        labels = {"model": model, "outcome": outcome}
        return self.registry.get_sample_value("consumer_predictions_total", labels) or 0.0

    def batches(self, model: str) -> float:
        return self.registry.get_sample_value("consumer_batch_size_count", {"model": model}) or 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop.set()
        self.models.close()
        for thread in self.threads.values():
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads.values())

    def _spawn(self, predictor: Predictor) -> None:
        thread = threading.Thread(target=predictor.run, args=(self.stop, lambda: None))
        self.threads[predictor] = thread
        thread.start()
