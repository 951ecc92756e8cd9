"""The two ways in which a frame gets its predictions: PREDICTIONMODE.

`Latest` sends every frame on at once with the newest predictions. In `Sync` a frame waits for its own.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from consumer import caption
from consumer.caption import Caption
from consumer.imprinter import Imprinter
from consumer.offers import Answer, NotAsked
from consumer.prediction import Newest, Prediction
from shared.clock import now_us
from shared.frames.frame import Frame
from shared.frames.ledger import Ledger, Reason
from shared.frames.reader import ReceivedFrame
from shared.reports import ModelReport
from shared.states import ModelState


class Mode(Protocol):
    """What happens to a frame that has arrived."""

    def take(self, received: ReceivedFrame) -> None:
        """Take a camera's newest frame."""
        ...

    def turn(self) -> None:
        """Do what is due by now."""
        ...


class AskedModel(Protocol):
    """One of the models (`consumer.predictor.Predictor`)."""

    name: str
    newest: Newest

    @property
    def state(self) -> ModelReport:
        """State of the model, as its answers show it."""
        ...


class Models(Protocol):
    """The models that are asked (`consumer.model_set.ModelSet`)."""

    def offer(self, frame: Frame) -> dict[str, Answer]:
        """Offer a frame to the models that are to see it; return what becomes of it, by model."""
        ...

    def drawn(self, frame: Frame) -> Sequence[AskedModel]:
        """Return the models that are drawn on a frame, in the order in which they are shown."""
        ...


class Latest:
    """Sends every frame at once with the newest predictions."""

    def __init__(self, models: Models, imprinter: Imprinter) -> None:
        self._models, self._imprinter = models, imprinter

    def take(self, received: ReceivedFrame) -> None:
        """Offer the frame to every model, and send it on without waiting for them."""
        frame = received.frame
        self._models.offer(frame)
        self._imprinter.send(received, [_newest_of(model, frame) for model in self._models.drawn(frame)])

    def turn(self) -> None:
        """Do nothing: no frame waits."""


@dataclass(slots=True)
class _InFlight:
    received: ReceivedFrame
    deadline: float
    asked: frozenset[str]
    unanswered: set[str]
    said: dict[str, Prediction | NotAsked] = field(default_factory=dict)


class Sync:
    """Lets a frame wait for its own predictions; those of shadow models are not waited for.

    One frame of each camera is in flight. The newest one that arrives meanwhile waits; those before it are dropped.
    """

    def __init__(self, models: Models, imprinter: Imprinter, ledger: Ledger, *, timeout_s: float) -> None:
        self._models, self._imprinter, self._ledger, self._timeout_s = models, imprinter, ledger, timeout_s
        self._lock = threading.RLock()
        self._in_flight: dict[str, _InFlight] = {}
        self._waiting: dict[str, ReceivedFrame] = {}

    def take(self, received: ReceivedFrame) -> None:
        """Ask about the frame, or let it wait its turn."""
        camera = received.frame.camera
        with self._lock:
            if camera not in self._in_flight:
                self._start(received)
                return
            if self._waiting.pop(camera, None) is not None:
                self._ledger.dropped(camera, Reason.MODEL_BUSY)
            self._waiting[camera] = received

    def turn(self) -> None:
        """Send the frames whose time is over."""
        now = time.monotonic()
        with self._lock:
            for flight in [flight for flight in self._in_flight.values() if now >= flight.deadline]:
                self._finish(flight)

    def _start(self, received: ReceivedFrame) -> None:
        frame = received.frame
        answers = self._models.offer(frame)
        asked = answers.keys() & {model.name for model in self._models.drawn(frame)}
        flight = _InFlight(received, time.monotonic() + self._timeout_s, frozenset(asked), asked)
        self._in_flight[frame.camera] = flight
        if not flight.unanswered:
            self._finish(flight)
            return
        for name in tuple(flight.unanswered):
            answers[name].add_done_callback(partial(self._answered, flight, name))

    def _answered(self, flight: _InFlight, model: str, answer: Answer) -> None:
        """Take in the answer of a model, in its thread; the last one for a frame sends the frame on."""
        said = None if answer.cancelled() else answer.result()
        with self._lock:
            if self._in_flight.get(flight.received.frame.camera) is not flight:
                return  # too late: the frame has gone without it
            flight.unanswered.discard(model)
            if said is not None:
                flight.said[model] = said
            if not flight.unanswered:
                self._finish(flight)

    def _finish(self, flight: _InFlight) -> None:
        frame = flight.received.frame
        del self._in_flight[frame.camera]
        self._imprinter.send(flight.received, [_own(model, flight) for model in self._models.drawn(frame)])
        waiting = self._waiting.pop(frame.camera, None)
        if waiting is not None:
            self._start(waiting)


def _newest_of(model: AskedModel, frame: Frame) -> Caption:
    """Return the newest that a model has said about a frame's camera."""
    return caption.caption(model.name, model.state, model.newest.get(frame), frame)


def _own(model: AskedModel, flight: _InFlight) -> Caption:
    """Return what a model has said about the frame itself; the newest if it was not to be asked about it."""
    frame, said, state = flight.received.frame, flight.said.get(model.name), model.state
    if isinstance(said, NotAsked) or model.name not in flight.asked:
        return _newest_of(model, frame)
    if said is not None:
        # The frame's own answer counts, whatever has happened to the model since.
        state = ModelReport(ModelState.UP, state.since, state.version)
    elif state.state is not ModelState.DOWN:
        state = ModelReport(ModelState.DOWN, now_us(), state.version, "no answer in time")
    return caption.caption(model.name, state, said, frame)
