"""Whether a model works, as its answers show it, and how long it rests after a failure."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from consumer.adaptive_timeout import AdaptiveTimeout
from consumer.bad_pictures import BadPictures
from consumer.labels import LabelsUnavailable
from consumer.metrics import Outcome, PredictionMetrics
from consumer.servers.errors import (
    Contradiction,
    ServingRefusal,
    ServingTimeout,
    ServingUnreachable,
)
from shared.backoff import Backoff
from shared.clock import now_us
from shared.reports import ModelReport
from shared.states import ModelState

log = logging.getLogger(__name__)

REST_CAP_S = 1.0  # longest rest after a failure: a server that is back is found within it
BAD_REQUEST = 400
OUTCOMES: dict[type[Exception], Outcome] = {
    ServingTimeout: Outcome.TIMEOUT,
    ServingUnreachable: Outcome.UNREACHABLE,
    ServingRefusal: Outcome.REFUSED,
    Contradiction: Outcome.CONTRADICTION,
    LabelsUnavailable: Outcome.LABELS,
}


def is_bad_request(exc: Exception) -> bool:
    """Return whether an error is about the request, and perhaps about one picture in it."""
    return isinstance(exc, ServingRefusal) and exc.status == BAD_REQUEST


class ModelHealth:
    """State of a model. The properties and `learned_version` are safe for any thread, the rest for the model's own."""

    def __init__(
        self, model: str, *, timeout_s: float, metrics: PredictionMetrics, changed: Callable[[], None]
    ) -> None:
        """Start waiting for an answer.

        Args:
            model: its name.
            timeout_s: longest wait for an answer.
            metrics: counts the outcomes.
            changed: called when the state has changed.
        """
        self._model, self._metrics, self._changed = model, metrics, changed
        self._lock = threading.Lock()
        self._report = ModelReport(ModelState.WAITING, now_us())
        self._backoff = Backoff(first_s=0.1, cap_s=REST_CAP_S)
        self._timeout = AdaptiveTimeout(timeout_s)
        self._rest_until = float("-inf")
        self._bad_pictures = BadPictures()
        self._contradicts = False

    @property
    def report(self) -> ModelReport:
        """The state, without figures."""
        return self._report

    @property
    def down(self) -> bool:
        """Whether the model is down."""
        return self._report.state is ModelState.DOWN

    @property
    def resting(self) -> bool:
        """Whether the model is not asked for a while after a failure."""
        return self.down and time.monotonic() < self._rest_until

    def limit_s(self) -> float:
        """Return how many seconds to wait for the next answer."""
        return self._timeout.limit_s(down=self.down)

    def answered(self, cameras: Sequence[str], seconds: float) -> None:
        """Note an answer about frames of these cameras, and the seconds that it took."""
        self._metrics.outcomes.labels(self._model, Outcome.OK).inc(len(cameras))
        self._timeout.answered(seconds)
        self._backoff.reset()
        self._bad_pictures.answered(cameras)
        self._contradicts = False
        if self._report.state is not ModelState.UP:
            self._become(ModelState.UP, None)

    def failed(self, exc: Exception, cameras: Sequence[str]) -> bool:
        """Note that frames of these cameras have no answer; return whether the model is down."""
        self._metrics.outcomes.labels(self._model, OUTCOMES.get(type(exc), Outcome.NONSENSE)).inc(len(cameras))
        if is_bad_request(exc) and not self._bad_pictures.refused(cameras[0]):
            return self.down
        self._rest_until = time.monotonic() + self._backoff.next_s()
        # A contradiction is for a person to resolve, and may show only when the server is back.
        is_news = isinstance(exc, Contradiction) and not self._contradicts
        self._contradicts = isinstance(exc, Contradiction)
        if not self.down or is_news:
            self._become(ModelState.DOWN, str(exc))
        else:
            self._set(reason=str(exc))  # goes into the next status, and is not logged again
        return True

    def nothing_asked(self, outcome: Outcome) -> None:
        """Count a frame about which the server was not asked."""
        self._metrics.outcomes.labels(self._model, outcome).inc()

    def learned_version(self, version: str | None) -> bool:
        """Record the version that the server says it serves, None if it is unknown; return whether it is another."""
        before = self._report.version
        if version == before:
            return False
        self._set(version=version)
        log.info("model version", extra={"model": self._model, "version": version})
        self._changed()
        return True

    def _become(self, state: ModelState, reason: str | None) -> None:
        since = self._report.since if state is self._report.state else now_us()
        self._set(state=state, since=since, reason=reason)
        level = logging.WARNING if state is ModelState.DOWN else logging.INFO
        log.log(level, "model is %s", state, extra={"model": self._model} | ({"reason": reason} if reason else {}))
        self._changed()

    def _set(self, **changes: Any) -> None:
        with self._lock:  # another thread learns the version
            self._report = replace(self._report, **changes)
