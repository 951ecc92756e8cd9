"""The two ways in which a frame gets its predictions: PREDICTIONMODE.

`Latest` sends every frame on at once with the newest predictions. In `Sync` a frame waits for its own.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from consumer import caption
from consumer.caption import Caption
from consumer.imprinter import Imprinter
from consumer.prediction import Prediction
from consumer.predictor import Predictor
from shared.clock import now_us
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


class Latest:
    """Sends every frame at once with the newest predictions."""

    def __init__(self, predictors: Mapping[str, Predictor], imprinter: Imprinter) -> None:
        self._predictors, self._imprinter = predictors, imprinter

    def take(self, received: ReceivedFrame) -> None:
        """Offer the frame to every model, and send it on without waiting for them."""
        frame = received.frame
        for predictor in self._predictors.values():
            predictor.offer(frame)
        captions = [
            caption.caption(name, predictor.state, predictor.newest.get(frame), frame)
            for name, predictor in self._predictors.items()
        ]
        self._imprinter.send(received, captions)

    def turn(self) -> None:
        """Do nothing: no frame waits."""


@dataclass(slots=True)
class _InFlight:
    received: ReceivedFrame
    deadline: float
    unanswered: set[str]
    predictions: dict[str, Prediction]


class Sync:
    """Lets a frame wait for its own predictions.

    One frame of each camera is in flight. The newest one that arrives meanwhile waits; those before it are dropped.
    """

    def __init__(
        self, predictors: Mapping[str, Predictor], imprinter: Imprinter, ledger: Ledger, *, timeout_s: float
    ) -> None:
        self._predictors, self._imprinter, self._ledger, self._timeout_s = predictors, imprinter, ledger, timeout_s
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
        flight = _InFlight(received, time.monotonic() + self._timeout_s, set(self._predictors), {})
        self._in_flight[frame.camera] = flight
        for name, predictor in self._predictors.items():
            predictor.offer(frame).add_done_callback(partial(self._answered, flight, name))
        if not self._predictors:
            self._finish(flight)

    def _answered(self, flight: _InFlight, model: str, answer: "Future[Prediction | None]") -> None:
        """Take in the answer of a model, in its thread; the last one for a frame sends the frame on."""
        prediction = None if answer.cancelled() else answer.result()
        with self._lock:
            if self._in_flight.get(flight.received.frame.camera) is not flight:
                return  # too late: the frame has gone without it
            flight.unanswered.discard(model)
            if prediction is not None:
                flight.predictions[model] = prediction
            if not flight.unanswered:
                self._finish(flight)

    def _finish(self, flight: _InFlight) -> None:
        frame = flight.received.frame
        del self._in_flight[frame.camera]
        self._imprinter.send(
            flight.received,
            [self._caption(name, predictor, flight) for name, predictor in self._predictors.items()],
        )
        waiting = self._waiting.pop(frame.camera, None)
        if waiting is not None:
            self._start(waiting)

    def _caption(self, name: str, predictor: Predictor, flight: _InFlight) -> Caption:
        frame, prediction, state = flight.received.frame, flight.predictions.get(name), predictor.state
        if prediction is not None:
            # The frame's own answer counts, whatever has happened to the model since.
            state = ModelReport(ModelState.UP, state.since, state.version)
        elif state.state is not ModelState.DOWN:
            state = ModelReport(ModelState.DOWN, now_us(), state.version, "no answer in time")
        return caption.caption(name, state, prediction, frame)
