"""The way of a frame through the consumer: bus, models, imprint, bus.

`Latest` sends every frame on at once, with the newest predictions there are. `Sync` lets a frame wait for its own.
Both send the same way, by `Imprinter`.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from consumer import caption
from consumer.caption import Caption
from consumer.imprint import imprint
from consumer.prediction import Prediction
from consumer.predictor import Predictor
from shared.clock import now_us
from shared.errors import BadPicture
from shared.frames.frame import Frame, Headers, to_headers
from shared.frames.ledger import Ledger, Reason
from shared.frames.reader import FrameReader, ReceivedFrame
from shared.frames.writer import FrameWriter
from shared.reports import ModelReport
from shared.states import ModelState

log = logging.getLogger(__name__)

READ_S = 0.05  # longest wait for a frame; deadlines of `Sync` are looked at as often
QUALITY = 80  # of what must be encoded whole, as the original's raw pixels; strips take over the picture's own


class Mode(Protocol):
    """What is done with a frame that has come."""

    def take(self, arrival: ReceivedFrame) -> None:
        """Take a camera's newest frame."""
        ...

    def done(self, model: str, frame: Frame, prediction: Prediction | None) -> None:
        """Note that a model was asked about a frame; None: it failed."""
        ...

    def turn(self) -> None:
        """Do what time asks for."""
        ...


class Imprinter:
    """Draws captions on a frame and sends it on."""

    def __init__(self, outlet: FrameWriter, ledger: Ledger, *, run: int) -> None:
        self._outlet, self._ledger, self._run = outlet, ledger, run

    def send(self, arrival: ReceivedFrame, captions: Sequence[Caption]) -> None:
        """Send a frame with these captions; a picture that cannot be decoded is dropped."""
        frame, at = arrival.frame, now_us()
        try:
            picture = imprint(frame.jpeg, caption.as_overlay(captions, at), quality=QUALITY)
        except BadPicture as exc:
            log.debug("not imprinted", extra={"camera": frame.camera, "error": str(exc)})
            self._ledger.dropped(frame.camera, Reason.UNDECODABLE)
            return
        imprinted = replace(frame, jpeg=picture, imprinted_at=at, predictions=caption.as_json(captions))

        def encode(number: int) -> tuple[bytes, Headers]:
            return picture, to_headers(replace(imprinted, numbering=(self._run, number)))

        self._outlet.send(frame.camera, frame.captured_at, encode, clock_suspect=arrival.clock_suspect)


class Latest:
    """Every frame goes out at once with the newest predictions."""

    def __init__(self, askers: Mapping[str, Predictor], imprinter: Imprinter) -> None:
        self._askers, self._imprinter = askers, imprinter

    def take(self, arrival: ReceivedFrame) -> None:
        """Offer the frame to every model, and send it on without waiting for them."""
        frame = arrival.frame
        for asker in self._askers.values():
            asker.offer(frame)
        captions = [
            caption.caption(name, asker.state, asker.newest.get(frame), frame) for name, asker in self._askers.items()
        ]
        self._imprinter.send(arrival, captions)

    def done(self, model: str, frame: Frame, prediction: Prediction | None) -> None:
        """Nothing: the asker keeps its newest prediction itself."""

    def turn(self) -> None:
        """Nothing waits."""


@dataclass(slots=True)
class _InFlight:
    arrival: ReceivedFrame
    deadline: float
    unanswered: set[str]
    predictions: dict[str, Prediction]


class Sync:
    """A frame waits for its own predictions, one frame of each camera at a time; a newer one replaces who waits."""

    def __init__(
        self, askers: Mapping[str, Predictor], imprinter: Imprinter, ledger: Ledger, *, timeout_s: float
    ) -> None:
        self._askers, self._imprinter, self._ledger, self._timeout_s = askers, imprinter, ledger, timeout_s
        self._lock = threading.RLock()
        self._in_flight: dict[str, _InFlight] = {}
        self._waiting: dict[str, ReceivedFrame] = {}

    def take(self, arrival: ReceivedFrame) -> None:
        """Ask about the frame, or let it wait its turn."""
        camera = arrival.frame.camera
        with self._lock:
            if camera not in self._in_flight:
                self._start(arrival)
                return
            if self._waiting.pop(camera, None) is not None:
                self._ledger.dropped(camera, Reason.MODEL_BUSY)
            self._waiting[camera] = arrival

    def done(self, model: str, frame: Frame, prediction: Prediction | None) -> None:
        """Take in an answer or a failure; the last one for a frame sends it on."""
        with self._lock:
            flight = self._in_flight.get(frame.camera)
            if flight is None or flight.arrival.frame is not frame:
                return  # too late: it went out without
            flight.unanswered.discard(model)
            if prediction is not None:
                flight.predictions[model] = prediction
            if not flight.unanswered:
                self._finish(flight)

    def turn(self) -> None:
        """Send on what has waited too long."""
        now = time.monotonic()
        with self._lock:
            for flight in [flight for flight in self._in_flight.values() if now >= flight.deadline]:
                self._finish(flight)

    def _start(self, arrival: ReceivedFrame) -> None:
        frame = arrival.frame
        flight = _InFlight(arrival, time.monotonic() + self._timeout_s, set(self._askers), {})
        self._in_flight[frame.camera] = flight
        # Offered under the lock, so that no answer comes before all have been asked.
        flight.unanswered = {name for name, asker in self._askers.items() if asker.offer(frame)}
        if not flight.unanswered:
            self._finish(flight)

    def _finish(self, flight: _InFlight) -> None:
        frame = flight.arrival.frame
        del self._in_flight[frame.camera]
        self._imprinter.send(
            flight.arrival, [self._caption(name, asker, flight) for name, asker in self._askers.items()]
        )
        waiting = self._waiting.pop(frame.camera, None)
        if waiting is not None:
            self._start(waiting)

    def _caption(self, name: str, asker: Predictor, flight: _InFlight) -> Caption:
        frame, prediction, state = flight.arrival.frame, flight.predictions.get(name), asker.state
        if prediction is not None:
            # The very frame's own answer counts, whatever happened to the model since.
            state = ModelReport(ModelState.UP, state.since, state.version)
        elif state.state is not ModelState.DOWN:
            state = ModelReport(ModelState.DOWN, now_us(), state.version, "no answer in time")
        return caption.caption(name, state, prediction, frame)


def run(inlet: FrameReader, mode: Mode, ledger: Ledger, stop: threading.Event, beat: Callable[[], None]) -> None:
    """Take frames from the bus until `stop`."""
    while not stop.is_set():
        beat()
        for arrival in inlet.read(READ_S):
            if arrival.frame.imprinted_at is not None:
                ledger.dropped(arrival.frame.camera, Reason.ALREADY_IMPRINTED)
            else:
                mode.take(arrival)
        mode.turn()
