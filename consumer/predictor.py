"""Asks one model about the newest frames of its cameras in turn, with at most one request in flight."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from consumer.figures import AnswerTimes
from consumer.inference import Answered, Inference
from consumer.labels import LabelsUnavailable
from consumer.metrics import Outcome, PredictionMetrics
from consumer.model_spec import MOST_BOXES, ModelSpec
from consumer.model_state import ModelHealth, is_bad_request
from consumer.offers import Answer, Offer, Offers
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding, Newest, Prediction
from shared.clock import now_us
from shared.errors import BadPicture, ServingError
from shared.frames.frame import Frame
from shared.reports import ModelReport

IDLE_S = 0.5  # longest wait for a frame before the loop beats again

OnResult: TypeAlias = Callable[[Prediction, Prediction], None]
"""Called with a prediction, and with what is shown of it: the findings that are not below the threshold."""
OnAsked: TypeAlias = Callable[[Sequence[Offer]], None]


def _ignore(_: Sequence[Offer]) -> None:
    return


@dataclass(slots=True)
class _Round:
    """What became of the frames of one turn.

    Attributes:
        predictions: by camera.
        took: cameras and seconds of each request, the making of it included.
        refused: cameras whose pictures the server could not read.
    """

    predictions: dict[str, Prediction] = field(default_factory=dict)
    took: list[tuple[list[str], float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Predictor:
    """The loop of one model, and the state of that model.

    `offer`, `nothing`, `end` and the properties are safe for any thread.
    """

    def __init__(
        self,
        spec: ModelSpec,
        inference: Inference,
        *,
        timeout_s: float,
        metrics: PredictionMetrics,
        on_result: OnResult,
        changed: Callable[[], None],
        on_asked: OnAsked = _ignore,
    ) -> None:
        """Prepare; the loop is `run`.

        Args:
            spec: of the model.
            inference: asks it.
            timeout_s: longest wait for an answer.
            metrics: counts the requests.
            on_result: called in the loop's thread with each prediction.
            changed: called when the state has changed.
            on_asked: called in the loop's thread with the frames about which the model is being asked, unless it is
                down.
        """
        self.spec, self.name = spec, spec.name
        self.newest = Newest()
        self._inference, self._metrics = inference, metrics
        self._on_result, self._on_asked = on_result, on_asked
        self._offers = Offers(batch=spec.batch, rate=spec.rate)
        self._health = ModelHealth(spec.name, timeout_s=timeout_s, metrics=metrics, changed=changed)
        self._times = AnswerTimes()

    @property
    def state(self) -> ModelReport:
        """State of the model, as its answers show it."""
        return self._health.report

    def report(self) -> ModelReport:
        """Return the state with the figures of the last seconds."""
        spec, figures = self.spec, self._times.figures()
        return replace(
            self._health.report,
            kind=spec.kind,
            shadow=spec.shadow,
            compare_with=spec.compare_with,
            rate=figures.rate,
            batch=figures.batch,
            ms=figures.ms,
        )

    def offer(self, frame: Frame, picture: Picture, regions: tuple[Box, ...] | None = None) -> Answer:
        """Offer a camera's newest frame in place of the one before.

        A model that is down is not asked while a request hangs, or during the rest after a failure.

        Args:
            frame: of a camera.
            picture: of the frame.
            regions: boxes to look at; None: the whole picture.
        """
        offer = Offer(frame, picture, regions)
        if self._health.resting:
            offer.answer.set_result(None)
        else:
            self._offers.put(offer, unless_busy=self._health.down)
        return offer.answer

    def nothing(self, frame: Frame) -> Prediction:
        """Return what there is to say of a frame that has nothing to ask about, such as no face."""
        now = now_us()
        prediction = self._prediction(frame, (), now, now)
        self.newest.put(prediction)
        return prediction

    def learned_version(self, version: str | None) -> None:
        """Record the version that the server says it serves; None if it is unknown."""
        known = self._health.report.version
        # Another version may take and give something else.
        if self._health.learned_version(version) and (known is not None or not self._inference.signature.inputs):
            self._inference.forget()

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Ask until `stop`, or until `end` was called."""
        while not stop.is_set():
            beat()
            offers = [one for one in self._offers.take(IDLE_S) if one.answer.set_running_or_notify_cancel()]
            if not offers:
                self._offers.done()
                if self._offers.closed:
                    break
                continue
            round_ = _Round()
            try:
                self._ask(offers, round_)
            finally:
                self._offers.done(round_.took, round_.refused)
                for offer in offers:
                    offer.answer.set_result(round_.predictions.get(offer.frame.camera))
        self._offers.close()
        self._inference.close()

    def end(self) -> None:
        """Ask no more; what waits is refused, and the loop ends when its request is over."""
        self._offers.close()

    def _ask(self, offers: Sequence[Offer], round_: _Round) -> None:
        """Ask about the frames of a turn."""
        limit_s = self._health.limit_s()
        try:
            if self._health.down:  # a server that hangs must not find a queue of pictures when it continues
                self._inference.probe(limit_s)
            self._inference.prepare()
        except (ServingError, LabelsUnavailable) as exc:
            self._failed(exc, offers)
            return
        if not self._health.down:  # while it is, its followers are asked by themselves
            self._on_asked(offers)
        most = self._inference.most_pictures
        self._offers.batch = most
        for start in range(0, len(offers), most):
            if not self._ask_together(offers[start : start + most], round_, limit_s):
                return

    def _ask_together(self, offers: Sequence[Offer], round_: _Round, limit_s: float) -> bool:
        """Ask about some frames in one request; return whether to go on.

        If a picture is refused, ask about each on its own: the others keep their answers.
        """
        began = time.monotonic()
        try:
            answered = self._inference.ask(
                [offer.picture for offer in offers], [offer.regions for offer in offers], timeout_s=limit_s
            )
        except (BadPicture, ServingError) as exc:
            if len(offers) > 1 and (isinstance(exc, BadPicture) or is_bad_request(exc)):
                return self._ask_each(offers, round_, limit_s)
            cameras = [offer.frame.camera for offer in offers]
            round_.took.append((cameras, time.monotonic() - began))
            if isinstance(exc, BadPicture):
                self._health.nothing_asked(Outcome.UNREADABLE)
                return True
            if is_bad_request(exc):
                round_.refused += cameras
            return not self._failed(exc, offers)
        self._take(offers, answered, round_)
        # Reading the pictures counts too: a very large one holds the model up as a slow answer does.
        round_.took.append(([offer.frame.camera for offer in offers], time.monotonic() - began))
        return True

    def _ask_each(self, offers: Sequence[Offer], round_: _Round, limit_s: float) -> bool:
        return all(self._ask_together([offer], round_, limit_s) for offer in offers)

    def _take(self, offers: Sequence[Offer], answered: Answered, round_: _Round) -> None:
        asked = [o.frame.camera for o, found in zip(offers, answered.findings, strict=True) if found is not None]
        if asked:
            self._metrics.seconds.labels(self.name).observe(answered.seconds)
            self._metrics.batch_size.labels(self.name).observe(len(asked))
            self._times.add(len(asked), answered.seconds)
            self._health.answered(asked, answered.seconds)
        for offer, found in zip(offers, answered.findings, strict=True):
            prediction = self._prediction(offer.frame, found or (), answered.requested_at, answered.answered_at)
            shown = self._shown(prediction)
            self.newest.put(shown)
            round_.predictions[offer.frame.camera] = shown
            if found is None:
                self._health.nothing_asked(Outcome.NOTHING)
            else:
                self._on_result(prediction, shown)

    def _prediction(
        self, frame: Frame, findings: tuple[Finding, ...], requested_at: int, answered_at: int
    ) -> Prediction:
        return Prediction(
            model=self.name,
            kind=self.spec.kind,
            shadow=self.spec.shadow,
            version=self._health.report.version,
            camera=frame.camera,
            run=frame.run,
            seq=frame.seq,
            captured_at=frame.captured_at,
            requested_at=requested_at,
            answered_at=answered_at,
            findings=findings[:MOST_BOXES],  # a kind of another package may find any number
        )

    def _shown(self, prediction: Prediction) -> Prediction:
        """Return a prediction without the findings that are below the threshold."""
        lowest = self.spec.lowest
        shown = tuple(one for one in prediction.findings if one.probability is None or one.probability >= lowest)
        return replace(prediction, findings=shown)

    def _failed(self, exc: Exception, offers: Sequence[Offer]) -> bool:
        """Note a failure; return whether the model is down."""
        down = self._health.failed(exc, [offer.frame.camera for offer in offers])
        if down:  # it may come back as another
            self._inference.forget()
        return down
