"""Asks one model about the newest frame of each camera in turn; at most one request is ever on its way."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from consumer.adaptive_timeout import AdaptiveTimeout
from consumer.labels import LabelsUnavailable, is_remote, read_labels
from consumer.metrics import PredictionMetrics
from consumer.models import Handler
from consumer.prediction import Newest, Prediction
from consumer.serving import (
    Serving,
    ServingNonsense,
    ServingRefusal,
    ServingTimeout,
    ServingUnreachable,
)
from shared.backoff import Backoff
from shared.clock import now_us
from shared.errors import ServingError
from shared.frames.frame import Frame
from shared.reports import ModelReport
from shared.states import ModelState

log = logging.getLogger(__name__)

REST_CAP_S = 1.0  # longest rest after a failure; a server that is back is found within it
IDLE_S = 0.5  # longest wait for a frame before the loop turns
BAD_REQUESTS = 3  # HTTP 400 so often in a row is the model's fault, not a picture's
OUTCOMES = {
    ServingTimeout: "timeout",
    ServingUnreachable: "unreachable",
    ServingRefusal: "refused",
    ServingNonsense: "nonsense",
}

MakeHandler: TypeAlias = Callable[[dict[int, str]], Handler]
Done: TypeAlias = Callable[[str, Frame, Prediction | None], None]


class Predictor:
    """The loop of one model, and what is known of it; `offer` and the properties are safe for any thread."""

    def __init__(
        self,
        name: str,
        *,
        serving: Serving,
        handler: MakeHandler,
        labels: str,
        metrics: PredictionMetrics,
        done: Done,
        changed: Callable[[], None],
    ) -> None:
        """Prepare; the loop is `run`.

        Args:
            name: of the model, as in MODELURLS.
            serving: where it is.
            handler: makes the kind of model out of its labels.
            labels: where these are.
            metrics: counted into.
            done: called in the loop's thread with each frame asked about, and its prediction or None.
            changed: called when the state has changed.

        Raises:
            LabelsUnavailable: a labels file cannot be read (one on the network may come later).
        """
        self.name = name
        self.newest = Newest()
        self._serving, self._make_handler, self._labels = serving, handler, labels
        self._metrics, self._done, self._changed = metrics, done, changed
        self._handler = None if is_remote(labels) else handler(read_labels(labels))
        self._wake = threading.Condition()
        self._offered: dict[str, Frame] = {}
        self._busy = False
        self._rest_until = 0.0
        self._state = ModelReport(ModelState.WAITING, now_us())
        self._backoff = Backoff(first_s=0.1, cap_s=REST_CAP_S)
        self._patience = AdaptiveTimeout(serving.timeout_s)
        self._bad_requests = 0

    @property
    def state(self) -> ModelReport:
        """State of the model as its answers show it."""
        return self._state

    def offer(self, frame: Frame) -> bool:
        """Offer a camera's newest frame in place of its last; tell whether the model will be asked about it.

        A model that is down is not asked while a request hangs or the rest after a failure lasts.
        """
        with self._wake:
            if self._state.state is ModelState.DOWN and (self._busy or time.monotonic() < self._rest_until):
                return False
            self._offered[frame.camera] = frame  # a camera that waits already keeps its place in the turn
            self._wake.notify()
            return True

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Ask until `stop`."""
        while not stop.is_set():
            beat()
            frame = self._next()
            if frame is None:
                continue
            try:
                prediction = self._ask(frame)
            finally:
                with self._wake:
                    self._busy = False
            self._done(self.name, frame, prediction)
        self._serving.close()

    def learned_version(self, version: str | None) -> None:
        """Take in the version that the model server says it serves; None: unknown."""
        if version != self._state.version:
            self._set(version=version)
            log.info("model version", extra={"model": self.name, "version": version})
            self._changed()

    def _next(self) -> Frame | None:
        with self._wake:
            if not self._offered:
                self._wake.wait(IDLE_S)
            if not self._offered:
                return None
            self._busy = True
            return self._offered.pop(next(iter(self._offered)))

    def _ask(self, frame: Frame) -> Prediction | None:
        version, down = self._state.version, self._state.state is ModelState.DOWN
        limit_s = self._patience.limit_s(down=down)
        try:
            handler = self._ready_handler()
            if down:  # a server that hangs must not find a heap of pictures to look at when it goes on
                self._serving.probe(timeout_s=limit_s)
            requested_at, began = now_us(), time.monotonic()
            answer = self._serving.predict(handler.request(frame.jpeg), timeout_s=limit_s)
            answered_at = now_us()
            findings = handler.findings(answer)
        except (ServingError, LabelsUnavailable) as exc:
            self._failed(exc)
            return None
        took_s = time.monotonic() - began
        self._metrics.seconds.labels(self.name).observe(took_s)
        self._patience.answered(took_s)
        self._succeeded()
        prediction = Prediction(
            model=self.name,
            version=version,
            camera=frame.camera,
            run=frame.run,
            seq=frame.seq,
            captured_at=frame.captured_at,
            requested_at=requested_at,
            answered_at=answered_at,
            findings=findings,
        )
        self.newest.put(prediction)
        return prediction

    def _ready_handler(self) -> Handler:
        if self._handler is None:
            self._handler = self._make_handler(read_labels(self._labels))
        return self._handler

    def _succeeded(self) -> None:
        self._metrics.outcomes.labels(self.name, "ok").inc()
        self._backoff.reset()
        self._bad_requests = 0
        if self._state.state is not ModelState.UP:
            self._become(ModelState.UP, None)

    def _failed(self, exc: Exception) -> None:
        self._metrics.outcomes.labels(self.name, OUTCOMES.get(type(exc), "labels")).inc()
        if isinstance(exc, ServingRefusal) and exc.status == 400:
            self._bad_requests += 1
            if self._bad_requests < BAD_REQUESTS:
                return
        self._rest_until = time.monotonic() + self._backoff.next_s()
        if self._state.state is not ModelState.DOWN:
            self._become(ModelState.DOWN, str(exc))
        else:
            self._set(reason=str(exc))  # told with the next status, and not logged again

    def _become(self, state: ModelState, reason: str | None) -> None:
        self._set(state=state, since=now_us(), reason=reason)
        level = logging.WARNING if state is ModelState.DOWN else logging.INFO
        log.log(level, "model is %s", state, extra={"model": self.name} | ({"reason": reason} if reason else {}))
        self._changed()

    def _set(self, **changes: Any) -> None:
        with self._wake:  # the version is learned in another thread
            self._state = replace(self._state, **changes)
