"""Findings of rows, gathered for each picture."""

from collections.abc import Iterable, Sequence

from consumer.kinds.kind import Request
from consumer.model_spec import MOST_BOXES
from consumer.prediction import Finding


def per_picture(rows: Iterable[Sequence[Finding]], request: Request) -> list[tuple[Finding, ...]]:
    """Return the findings of each picture: those of its rows; of several rows the surest first, at most MOST_BOXES.

    Args:
        rows: findings of each row, best first.
        request: which rows are of which picture.
    """
    remaining = iter(rows)
    found: list[tuple[Finding, ...]] = []
    for count in request.rows:
        of_rows = [next(remaining) for _ in range(count)]
        findings = [finding for row in of_rows for finding in row]
        if count > 1:
            findings.sort(key=lambda finding: -(finding.probability or 0.0))
        found.append(tuple(findings[:MOST_BOXES]))
    return found
