"""Asks one model about the newest frame of each camera in turn, with at most one request in flight."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from consumer.adaptive_timeout import AdaptiveTimeout
from consumer.labels import LabelsUnavailable, is_remote, read_labels
from consumer.metrics import PredictionMetrics
from consumer.models import Handler
from consumer.prediction import Finding, Newest, Prediction
from consumer.servers.errors import ServingNonsense, ServingRefusal, ServingTimeout, ServingUnreachable
from consumer.serving import Serving
from consumer.shares import Shares
from shared.backoff import Backoff
from shared.clock import now_us
from shared.errors import ServingError
from shared.frames.frame import Frame
from shared.reports import ModelReport
from shared.states import ModelState

log = logging.getLogger(__name__)

REST_CAP_S = 1.0  # longest rest after a failure: a server that is back is found within it
LONGEST_SHARE_REST_S = 1.0  # of a camera whose answer took long: once may have been the server's fault
IDLE_S = 0.5  # longest wait for a frame before the loop beats again
BAD_REQUESTS = 3  # that many HTTP 400 in a row are the model's fault, not a picture's
OUTCOMES = {
    ServingTimeout: "timeout",
    ServingUnreachable: "unreachable",
    ServingRefusal: "refused",
    ServingNonsense: "nonsense",
}

MakeHandler: TypeAlias = Callable[[dict[int, str]], Handler]
OnResult: TypeAlias = Callable[[Prediction], None]
Answer: TypeAlias = "Future[Prediction | None]"


@dataclass(frozen=True, slots=True)
class _Offer:
    frame: Frame
    answer: Answer = field(default_factory=Future)


def _findings(handler: Handler, answer: list[Any]) -> tuple[Finding, ...]:
    """Read an answer; whatever is wrong with it, it is nonsense and does not end the loop."""
    try:
        return handler.findings(answer)
    except ServingError:
        raise
    except Exception as exc:
        raise ServingNonsense(f"the answer cannot be read: {type(exc).__name__}") from exc


class Predictor:
    """The loop of one model, and the state of that model; `offer` and the properties are safe for any thread."""

    def __init__(
        self,
        name: str,
        *,
        serving: Serving,
        handler: MakeHandler,
        labels: str,
        metrics: PredictionMetrics,
        on_result: OnResult,
        changed: Callable[[], None],
    ) -> None:
        """Prepare; the loop is `run`.

        Args:
            name: of the model, as in MODELURLS.
            serving: the client of its server.
            handler: makes the handler of the model's kind from the labels.
            labels: path or URL of the labels.
            metrics: counts the requests.
            on_result: called in the loop's thread with each prediction.
            changed: called when the state has changed.

        Raises:
            LabelsUnavailable: a label file cannot be read (one on the network may be available later).
        """
        self.name = name
        self.newest = Newest()
        self._serving, self._make_handler, self._labels = serving, handler, labels
        self._metrics, self._on_result, self._changed = metrics, on_result, changed
        self._handler = None if is_remote(labels) else handler(read_labels(labels))
        self._wake = threading.Condition()
        self._offers: dict[str, _Offer] = {}
        self._shares = Shares(longest_rest_s=LONGEST_SHARE_REST_S)
        self._busy = False
        self._rest_until = 0.0
        self._state = ModelReport(ModelState.WAITING, now_us())
        self._backoff = Backoff(first_s=0.1, cap_s=REST_CAP_S)
        self._timeout = AdaptiveTimeout(serving.timeout_s)
        self._bad_requests = 0

    @property
    def state(self) -> ModelReport:
        """State of the model, as its answers show it."""
        return self._state

    def offer(self, frame: Frame) -> Answer:
        """Offer a camera's newest frame in place of the one before.

        A model that is down is not asked while a request hangs, or during the rest after a failure.

        Returns:
            The prediction; None if the model was not asked or gave none. Cancelled when a newer frame of the camera
            takes the place of this one.
        """
        offer = _Offer(frame)
        with self._wake:
            resting = self._busy or time.monotonic() < self._rest_until
            refused = self._state.state is ModelState.DOWN and resting
            replaced = None
            if not refused:
                replaced = self._offers.get(frame.camera)
                self._offers[frame.camera] = offer  # a camera that is waiting keeps its place in the turn
                self._wake.notify()
        if refused:
            offer.answer.set_result(None)
        if replaced is not None:
            replaced.answer.cancel()
        return offer.answer

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Ask until `stop`."""
        while not stop.is_set():
            beat()
            offer = self._next()
            if offer is None or not offer.answer.set_running_or_notify_cancel():
                self._set_free()
                continue
            prediction, began = None, time.monotonic()
            try:
                prediction = self._ask(offer.frame)
            finally:
                self._set_free(offer.frame.camera, time.monotonic() - began)
                if prediction is not None:
                    self._on_result(prediction)
                offer.answer.set_result(prediction)
        self._serving.close()

    def learned_version(self, version: str | None) -> None:
        """Record the version that the model server says it serves; None if it is unknown."""
        if version != self._state.version:
            self._set(version=version)
            log.info("model version", extra={"model": self.name, "version": version})
            self._changed()

    def _next(self) -> _Offer | None:
        with self._wake:
            if (chosen := self._choose()) is None:
                now = time.monotonic()
                ready_at = min(map(self._shares.ready_at, self._offers), default=now + IDLE_S)
                self._wake.wait(min(IDLE_S, max(0.0, ready_at - now)))
                chosen = self._choose()
            self._busy = chosen is not None
            return chosen

    def _choose(self) -> _Offer | None:
        now = time.monotonic()
        for camera in self._offers:
            if self._shares.ready_at(camera) <= now:
                return self._offers.pop(camera)
        return None

    def _set_free(self, camera: str | None = None, took_s: float = 0.0) -> None:
        with self._wake:
            self._busy = False
            if camera is not None:
                self._shares.took(camera, took_s)

    def _ask(self, frame: Frame) -> Prediction | None:
        version, down = self._state.version, self._state.state is ModelState.DOWN
        limit_s = self._timeout.limit_s(down=down)
        try:
            handler = self._ready_handler()
            if down:  # a server that hangs must not find a queue of pictures when it continues
                self._serving.probe(timeout_s=limit_s)
            requested_at, began = now_us(), time.monotonic()
            answer = self._serving.predict(handler.request(frame.jpeg), timeout_s=limit_s)
            answered_at = now_us()
            findings = _findings(handler, answer)
        except (ServingError, LabelsUnavailable) as exc:
            self._failed(exc)
            return None
        took_s = time.monotonic() - began
        self._metrics.seconds.labels(self.name).observe(took_s)
        self._timeout.answered(took_s)
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
            self._set(reason=str(exc))  # goes into the next status, and is not logged again

    def _become(self, state: ModelState, reason: str | None) -> None:
        self._set(state=state, since=now_us(), reason=reason)
        level = logging.WARNING if state is ModelState.DOWN else logging.INFO
        log.log(level, "model is %s", state, extra={"model": self.name} | ({"reason": reason} if reason else {}))
        self._changed()

    def _set(self, **changes: Any) -> None:
        with self._wake:  # another thread learns the version
            self._state = replace(self._state, **changes)
