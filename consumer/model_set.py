"""The models that are asked: each has a worker; one that is added, changed or removed leaves the others alone."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from consumer.agreement import Agreement
from consumer.crops import regions
from consumer.metrics import PredictionMetrics
from consumer.model_spec import ModelSpec
from consumer.models_document import in_order
from consumer.offers import Answer, NotAsked, Offer
from consumer.pictures.picture import Picture
from consumer.prediction import Prediction
from consumer.predictor import OnAsked, OnResult, Predictor
from shared.frames.frame import Frame
from shared.reports import ModelReport
from shared.states import ModelState

log = logging.getLogger(__name__)

Labels: TypeAlias = Mapping[int, str] | None


class MakePredictor(Protocol):
    """Makes the predictor of a model."""

    def __call__(self, model: "Model", *, on_result: OnResult, on_asked: OnAsked) -> Predictor:
        """Return the predictor of a model, whose loop does not run yet."""
        ...


Spawn: TypeAlias = Callable[[Predictor], object]
Publish: TypeAlias = Callable[[Prediction], None]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and the labels that were read from files for it; None: they are read when it is first asked."""

    spec: ModelSpec
    labels: Labels = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """Who is asked about a frame, and what follows from it; replaced as a whole when the models change.

    Attributes:
        predictors: by name, in the order of the document.
        first: models that are asked about every frame of their cameras.
        crops: for each model, those that look at its boxes.
        followers: for each model, the shadows that are asked about the same frames.
        agreements: for each model, the comparisons that it is part of.
    """

    predictors: Mapping[str, Predictor] = field(default_factory=dict)
    first: tuple[Predictor, ...] = ()
    crops: Mapping[str, tuple[Predictor, ...]] = field(default_factory=dict)
    followers: Mapping[str, tuple[Predictor, ...]] = field(default_factory=dict)
    agreements: Mapping[str, tuple[Agreement, ...]] = field(default_factory=dict)


class ModelSet:
    """The models by name. Thread-safe, but for `apply`: call it from one thread at a time."""

    def __init__(self, make: MakePredictor, *, spawn: Spawn, publish: Publish, metrics: PredictionMetrics) -> None:
        """Start without models.

        Args:
            make: makes the predictor of a model.
            spawn: starts its loop.
            publish: called with each prediction, in the thread of its model.
            metrics: of the models.
        """
        self._make, self._spawn, self._publish, self._metrics = make, spawn, publish, metrics
        self._models: dict[str, Model] = {}
        self._plan = _Plan()
        self._agreements: dict[tuple[str, str], Agreement] = {}

    @property
    def predictors(self) -> Mapping[str, Predictor]:
        """The predictors by name, in the order of the document."""
        return self._plan.predictors

    def apply(self, models: Sequence[Model]) -> None:
        """Let these models be asked from now on; those that are the same as before are left alone."""
        before = self._plan.predictors
        wanted = {model.spec.name: model for model in models}
        predictors: dict[str, Predictor] = {}
        started: list[Predictor] = []
        for name, model in wanted.items():
            if name in before and self._models[name] == model:
                predictors[name] = before[name]
                continue
            predictors[name] = self._make(model, on_result=self._on_result, on_asked=self._asker(name))
            started.append(predictors[name])
        self._agreements = self._agreements_of(predictors)
        self._models, self._plan = wanted, _plan(predictors, self._agreements.values())
        for predictor in started:
            self._spawn(predictor)
        for name, predictor in before.items():
            if predictors.get(name) is not predictor:
                predictor.end()
                log.info("model %s", "changed" if name in predictors else "removed", extra={"model": name})
            if name not in predictors:
                self._metrics.forget(name)

    def offer(self, frame: Frame) -> dict[str, Answer]:
        """Offer a camera's newest frame to the models that are to see it; return what becomes of it, by model."""
        plan, picture = self._plan, Picture(frame.jpeg, frame.header)
        answers: dict[str, Answer] = {}
        for predictor in plan.first:
            if predictor.spec.sees(frame.camera):
                self._offer(plan, predictor, frame, picture, answers)
        for reference, followers in plan.followers.items():
            if not _works(plan.predictors[reference], frame):  # nothing to follow: they go on by themselves
                for follower in followers:
                    if follower.spec.sees(frame.camera):
                        self._offer(plan, follower, frame, picture, answers)
        return answers

    def drawn(self, frame: Frame) -> list[Predictor]:
        """Return the models that are drawn on a frame, in the order of the document."""
        return [one for one in self._plan.predictors.values() if one.spec.draw and one.spec.sees(frame.camera)]

    def reports(self) -> dict[str, ModelReport]:
        """Return the state and the figures of each model."""
        reports = {name: predictor.report() for name, predictor in self._plan.predictors.items()}
        for (shadow, _), agreement in self._agreements.items():
            if shadow in reports:
                compared, share = agreement.last()
                reports[shadow] = replace(reports[shadow], compared=compared, agreement=share)
        return reports

    def close(self) -> None:
        """Ask no more."""
        for predictor in self._plan.predictors.values():
            predictor.end()

    def _offer(
        self, plan: _Plan, predictor: Predictor, frame: Frame, picture: Picture, answers: dict[str, Answer]
    ) -> None:
        answer = answers[predictor.name] = predictor.offer(frame, picture)
        self._offer_crops(plan, predictor, answer, frame, picture, answers)

    def _offer_crops(
        self,
        plan: _Plan,
        of: Predictor,
        found: Answer,
        frame: Frame,
        picture: Picture,
        answers: dict[str, Answer],
    ) -> None:
        """Let the models that look at the boxes of a model be asked when it has found some in the frame."""
        for predictor in plan.crops.get(of.name, ()):
            if predictor.spec.sees(frame.camera):
                answer = answers[predictor.name] = Future()
                found.add_done_callback(_Crops(predictor, frame, picture, answer))
                self._offer_crops(plan, predictor, answer, frame, picture, answers)

    def _asker(self, name: str) -> OnAsked:
        def on_asked(offers: Sequence[Offer]) -> None:
            plan = self._plan
            for follower in plan.followers.get(name, ()):
                for offer in offers:
                    if follower.spec.sees(offer.frame.camera):
                        self._offer(plan, follower, offer.frame, offer.picture, {})

        return on_asked

    def _on_result(self, prediction: Prediction, shown: Prediction) -> None:
        for agreement in self._plan.agreements.get(prediction.model, ()):
            agreement.add(shown)
        self._publish(prediction)

    def _agreements_of(self, predictors: Mapping[str, Predictor]) -> dict[tuple[str, str], Agreement]:
        """Return the comparisons of these models; those that were there before continue."""
        wanted = [(one.name, one.spec.compare_with) for one in predictors.values() if one.spec.compare_with]
        for pair, agreement in self._agreements.items():
            if pair not in wanted:
                agreement.close()
        return {pair: self._agreements.get(pair) or Agreement(*pair, self._metrics) for pair in wanted}


class _Crops:
    """Offers a model the boxes that another one has found, in the other one's thread."""

    def __init__(self, predictor: Predictor, frame: Frame, picture: Picture, answer: Answer) -> None:
        self._predictor, self._frame, self._picture, self._answer = predictor, frame, picture, answer

    def __call__(self, found: Answer) -> None:
        prediction = None if found.cancelled() else found.result()
        if not isinstance(prediction, Prediction):
            self._answer.set_result(NotAsked.RATE if isinstance(prediction, NotAsked) else None)
            return
        crops = self._predictor.spec.crops
        boxes = regions(prediction, crops, self._frame) if crops else ()
        if not boxes:
            self._answer.set_result(self._predictor.nothing(self._frame))
            return
        self._predictor.offer(self._frame, self._picture, boxes).add_done_callback(self._pass_on)

    def _pass_on(self, answer: Answer) -> None:
        self._answer.set_result(None if answer.cancelled() else answer.result())


def _plan(predictors: Mapping[str, Predictor], agreements: Iterable[Agreement]) -> _Plan:
    crops: dict[str, tuple[Predictor, ...]] = {}
    followers: dict[str, tuple[Predictor, ...]] = {}
    first: list[Predictor] = []
    for name in in_order({name: predictor.spec for name, predictor in predictors.items()}):
        predictor = predictors[name]
        spec = predictor.spec
        reference = spec.compare_with
        if spec.crops is not None:
            crops[spec.crops.of] = (*crops.get(spec.crops.of, ()), predictor)
        elif reference is not None and predictors[reference].spec.compare_with is None:
            followers[reference] = (*followers.get(reference, ()), predictor)
        else:
            first.append(predictor)
    of_model: dict[str, tuple[Agreement, ...]] = {}
    for agreement in agreements:
        for name in (agreement.shadow, agreement.reference):
            of_model[name] = (*of_model.get(name, ()), agreement)
    return _Plan(dict(predictors), tuple(first), crops, followers, of_model)


def _works(reference: Predictor, frame: Frame) -> bool:
    return reference.state.state is not ModelState.DOWN and reference.spec.sees(frame.camera)
