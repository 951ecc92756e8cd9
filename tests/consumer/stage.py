"""A mode of the consumer with its models and a bus in memory; models answer when the test says so."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from consumer.imprinter import Imprinter
from consumer.modes import Latest, Mode, Sync
from consumer.offers import Answer, NotAsked
from consumer.prediction import Newest, Prediction
from shared.bus import Delivery
from shared.frames.frame import Frame, read_frame
from shared.frames.reader import ReceivedFrame
from shared.frames.writer import FrameWriter
from shared.reports import ModelReport
from shared.states import ModelState
from tests.consumer.frames import BEGAN, prediction
from tests.ledgers import ledger_of

START = BEGAN + 5
NEVER_S = 3600.0


class Bus:
    """A writer that accepts everything at once."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def send(
        self, topic: str, *, key: str, value: bytes, headers: Any, on_delivery: Callable[[Delivery], None]
    ) -> None:
        self.frames.append(read_frame(key.encode(), value, dict(headers)))
        on_delivery(Delivery.ACKNOWLEDGED)

    def purge_queue(self) -> None:
        """Nothing is queued."""


class Model:
    """A predictor that answers when the test says so."""

    def __init__(self, name: str = "imagenet_1", *, draw: bool = True) -> None:
        self.name, self.draw = name, draw
        self.newest = Newest()
        self.state = ModelReport(ModelState.UP, BEGAN, "1")
        self.takes = True
        self.rate_is_used_up = False
        self.offered: list[Frame] = []
        self._answers: list[Answer] = []

    def offer(self, of: Frame) -> Answer:
        answer: Answer = Future()
        self.offered.append(of)
        self._answers.append(answer)
        if self.rate_is_used_up:
            answer.set_result(NotAsked.RATE)
        elif not self.takes:
            answer.set_result(None)
        return answer

    def says(self, of: Frame) -> None:
        """Answer about a frame, whether it was offered or not."""
        answer = prediction(of, model=self.name)
        self.newest.put(answer)
        self._answer(of, answer)

    def fails(self, of: Frame) -> None:
        """Fail, and be down."""
        self.state = ModelReport(ModelState.DOWN, BEGAN, "1", "gone")
        self._answer(of, None)

    def is_down(self) -> None:
        """Be down and take no frame."""
        self.state, self.takes = ModelReport(ModelState.DOWN, BEGAN, None, "gone"), False

    def replaces(self, of: Frame) -> None:
        """Take a newer frame of the camera instead."""
        for offered, answer in zip(self.offered, self._answers, strict=True):
            if offered is of:
                answer.cancel()

    def _answer(self, of: Frame, result: Prediction | None) -> None:
        for offered, answer in zip(self.offered, self._answers, strict=True):
            if offered is of:
                answer.set_result(result)


class Models:
    """Some models, each of which is asked about every frame and drawn on it."""

    def __init__(self, *models: Model) -> None:
        self.models = list(models)

    def offer(self, of: Frame) -> dict[str, Answer]:
        return {model.name: model.offer(of) for model in self.models}

    def drawn(self, of: Frame) -> list[Model]:
        return [model for model in self.models if model.draw]


class Stage:
    """A mode with its models, and what came out."""

    def __init__(self, *models: Model, sync: bool = False, timeout_s: float = NEVER_S) -> None:
        self.bus = Bus()
        self.ledger = ledger_of("consumer")
        self.models = Models(*models)
        writer = FrameWriter(self.bus, "videodisplay", self.ledger)  # type: ignore[arg-type]
        self.imprinter = Imprinter(writer, self.ledger, run_id=START)
        self.mode: Mode = (
            Sync(self.models, self.imprinter, self.ledger, timeout_s=timeout_s)
            if sync
            else Latest(self.models, self.imprinter)
        )

    def take(self, *frames: Frame) -> None:
        for one in frames:
            self.mode.take(ReceivedFrame(one, clock_suspect=False))

    def out(self, camera: str | None = None) -> list[int]:
        return [one.seq for one in list(self.bus.frames) if camera in (None, one.camera)]

    def said(self, index: int = -1) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = json.loads(self.bus.frames[index].predictions)
        return said

    def books(self, camera: str = "front") -> dict[str, Any]:
        books: dict[str, Any] = self.ledger.as_json()[camera]
        assert books["in"] == books["out"] + sum(books["dropped"].values())
        return books
