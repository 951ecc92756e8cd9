"""Classifiers: one label for a whole picture, or for each box that another model found.

Two signatures are understood: the original's (`image_bytes` in, `classes` and `probabilities` out), and that of any
model with one output of scores, [n, classes].
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.kinds.findings import per_picture
from consumer.kinds.kind import Request
from consumer.kinds.labelling import UNKNOWN, label_of
from consumer.kinds.picture_input import InputDefaults, picture_input
from consumer.kinds.regions import Place, make_request
from consumer.kinds.scores import ROUNDING, best, numbers, probabilities, scores_output
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.servers.errors import ServingNonsense
from consumer.tensors import Signature, Tensors

CLASSES = 1000
"""Of ImageNet. A model with 1001 outputs has a background class first: label = class − 1."""
BACKGROUND = "background"
CHOSEN, PROBABILITIES = "classes", "probabilities"
_ORIGINAL = frozenset({CHOSEN, PROBABILITIES})


class Classification:
    """Asks about whole pictures, or about boxes."""

    def __init__(self, spec: ModelSpec, signature: Signature, labels: Mapping[int, str]) -> None:
        """Prepare.

        Raises:
            Contradiction: document and metadata do not fit each other.
        """
        self._input = picture_input(spec, signature, InputDefaults())
        self._topk = spec.topk
        self._margin = spec.crops.margin if spec.crops else 0.0
        self._labels = labels
        self._original = signature.outputs.keys() >= _ORIGINAL
        self._scores = None if self._original else scores_output(signature)
        self._classes = _declared_classes(signature)

    def request(self, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None]) -> Request:
        """Return what to ask; without metadata an unchanged JPEG, as the original sends it."""
        return make_request(self._input, pictures, regions, margin=self._margin)

    def findings(self, outputs: Tensors, request: Request) -> list[tuple[Finding, ...]]:
        """Return the best classes of each picture; for boxes the best class of each.

        The original's signature names a class itself: it comes first.
        """
        rows = len(request.places)
        if self._original or outputs.keys() >= _ORIGINAL:
            values, firsts = self._of_the_original(outputs, rows)
        else:
            values = probabilities(outputs, self._scores, rows)
            firsts = [best(row, 1)[0] for row in values]
        found = (
            self._best(row, first, place) for row, first, place in zip(values, firsts, request.places, strict=True)
        )
        return per_picture(found, request)

    def _of_the_original(self, outputs: Tensors, rows: int) -> tuple[NDArray[np.float64], list[int]]:
        """Return probabilities and chosen classes."""
        missing = sorted(_ORIGINAL - outputs.keys())
        if missing:
            raise ServingNonsense(f"the answer has no {' and no '.join(missing)}")
        values = numbers(outputs[PROBABILITIES], PROBABILITIES)
        classes = values.shape[-1] if values.ndim == 2 else 0
        known = {self._classes} if self._classes else {CLASSES, CLASSES + 1}
        if values.shape != (rows, classes) or classes not in known:
            allowed = " or ".join(str([rows, count]) for count in sorted(known))
            raise ServingNonsense(f"{PROBABILITIES} have the shape {list(values.shape)} instead of {allowed}")
        if not ((values >= -ROUNDING) & (values <= 1 + ROUNDING)).all():  # NaN is neither
            raise ServingNonsense(f"{PROBABILITIES} are not all numbers from 0 to 1")
        return values.clip(0, 1), [_chosen(value, classes) for value in _integers(outputs[CHOSEN], rows)]

    def _best(self, row: NDArray[np.float64], first: int, place: Place) -> list[Finding]:
        count = self._topk if place.box is None else 1
        others = (class_ for class_ in best(row, count) if class_ != first)
        offset = 1 if len(row) == CLASSES + 1 else 0
        return [
            Finding(class_ - offset, self._label(class_ - offset, len(row)), round(float(row[class_]), 6), place.box)
            for class_ in [first, *others][:count]
        ]

    def _label(self, class_: int, outputs: int) -> str:
        if class_ < 0:
            return BACKGROUND
        return (
            self._labels.get(class_, UNKNOWN) if outputs in (CLASSES, CLASSES + 1) else label_of(self._labels, class_)
        )


def _declared_classes(signature: Signature) -> int | None:
    spec = signature.outputs.get(PROBABILITIES)
    return spec.shape[1] if spec is not None and len(spec.shape) == 2 and spec.shape[1] > 0 else None


def _integers(values: NDArray[Any], rows: int) -> list[Any]:
    if values.shape != (rows,) or values.dtype.kind not in "iu":
        raise ServingNonsense(f"{CHOSEN} are {values.dtype} {list(values.shape)} instead of integers [{rows}]")
    return list(values)


def _chosen(value: Any, classes: int) -> int:
    if not 0 <= value < classes:
        raise ServingNonsense(f"{CHOSEN} is {str(value)[:40]} instead of one of 0 to {classes - 1}")
    return int(value)
