"""Joins the parts of one model: the client of its server, its labels, its kind, and its worker."""

from collections.abc import Callable, Mapping

from consumer.inference import Inference
from consumer.kinds import default_labels, make_kind
from consumer.labels import place_of, read_labels
from consumer.metrics import PredictionMetrics
from consumer.model_set import Model
from consumer.predictor import OnAsked, OnResult, Predictor
from consumer.servers import connect


def predictor_of(
    model: Model,
    *,
    timeout_s: float,
    metrics: PredictionMetrics,
    changed: Callable[[], None],
    on_result: OnResult,
    on_asked: OnAsked,
) -> Predictor:
    """Return the worker of a model; its loop does not run yet. The arguments are those of `Predictor`."""
    return Predictor(
        model.spec,
        inference_of(model, timeout_s=timeout_s),
        timeout_s=timeout_s,
        metrics=metrics,
        on_result=on_result,
        on_asked=on_asked,
        changed=changed,
    )


def inference_of(model: Model, *, timeout_s: float) -> Inference:
    """Return what asks a model; nothing is asked yet.

    Args:
        model: which one.
        timeout_s: longest wait for what its server says about it.
    """

    def labels() -> Mapping[int, str]:
        if model.labels is not None:
            return model.labels
        where = model.spec.labels if model.spec.labels is not None else default_labels(model.spec.kind)
        return read_labels(place_of(where)) if isinstance(where, str) else where

    return Inference(
        model.spec, server=connect(model.spec, timeout_s=timeout_s), make_kind=make_kind, read_labels=labels
    )
