"""What `/ws` says of each model: the newest report, with the figures of all consumers that ask it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.reports import MAX_AMOUNT, ModelReport
from shared.states import ModelState

Json = dict[str, Any]


def model_json(name: str, reports: Sequence[ModelReport]) -> Json:
    """Return what is said of a model.

    Args:
        name: of the model.
        reports: of the consumers, at least one, the newest last.
    """
    return {"name": name, **joined(reports).as_json()}


def unknown(report: ModelReport, reason: str) -> ModelReport:
    """Return the report of a consumer that is gone: the state of its model is not known, and it has no figures."""
    return replace(
        report, state=ModelState.WAITING, reason=reason, rate=None, batch=None, ms=None, compared=0, agreement=None
    )


def joined(reports: Sequence[ModelReport]) -> ModelReport:
    """Return the newest of several reports on a model, with the figures of all.

    Rates and counts are added up. Batches are averaged over requests, times over frames, agreement over what was
    compared.
    """
    if len(reports) == 1:
        return reports[0]
    asked = [(report, report.rate) for report in reports if report.rate]
    rate = sum(rate for _, rate in asked)
    requests = sum(rate / report.batch for report, rate in asked if report.batch)
    timed = [(report.ms, rate) for report, rate in asked if report.ms is not None]
    compared = sum(report.compared for report in reports if report.agreement is not None)
    agreed = sum(report.agreement * report.compared for report in reports if report.agreement is not None)
    return replace(
        reports[-1],
        rate=round(min(rate, MAX_AMOUNT), 2) if asked else None,
        batch=round(rate / requests, 2) if requests else None,
        ms=round(sum(ms * rate for ms, rate in timed) / sum(rate for _, rate in timed), 2) if timed else None,
        compared=compared,
        agreement=round(agreed / compared, 4) if compared else None,
    )
