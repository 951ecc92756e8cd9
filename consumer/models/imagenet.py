"""ImageNet classifiers with the original's signature: `image_bytes` in, `classes` and `probabilities` out."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from consumer.prediction import Finding
from consumer.servers.errors import ServingNonsense

CLASSES = 1000
BEST = 5  # findings that are published
ROUNDING = 1e-3  # by which a softmax in half precision may exceed 1
BACKGROUND = "background"
UNKNOWN = "Nothing"  # the original's text for a class that has no label


class Imagenet:
    """Asks about a whole picture.

    A model with 1001 outputs has a background class first: label = classes − 1. One with 1000 has none
    (the original's `imagenet.go` knows only the former).
    """

    labels_file: ClassVar[str] = "imagenetLabels.json"

    def __init__(self, labels: Mapping[int, str]) -> None:
        self._labels = labels

    def request(self, jpeg: bytes) -> bytes:
        """Return {"instances": [{"image_bytes": {"b64": …}}]} with the unchanged JPEG."""
        return b'{"instances":[{"image_bytes":{"b64":"' + base64.b64encode(jpeg) + b'"}}]}'

    def findings(self, predictions: list[Any]) -> tuple[Finding, ...]:
        """Return the best classes, the model's own choice first.

        Raises:
            ServingNonsense: it is not one prediction of `classes` (an integer) and `probabilities` (1000 or 1001
                numbers from 0 to 1).
        """
        if len(predictions) != 1 or not isinstance(predictions[0], dict):
            raise ServingNonsense(f"{len(predictions)} predictions instead of one with classes and probabilities")
        chosen = predictions[0].get("classes")
        probabilities = _numbers(predictions[0].get("probabilities"))
        outputs = len(probabilities)
        if not isinstance(chosen, int) or isinstance(chosen, bool) or not 0 <= chosen < outputs:
            raise ServingNonsense(f"classes is {str(chosen)[:40]} instead of one of 0 to {outputs - 1}")
        others = [int(index) for index in np.argsort(-probabilities, kind="stable")[:BEST] if index != chosen]
        offset = outputs - CLASSES
        return tuple(
            Finding(index - offset, self._label(index - offset), round(float(probabilities[index]), 6))
            for index in [chosen, *others][:BEST]
        )

    def _label(self, class_: int) -> str:
        return BACKGROUND if class_ < 0 else self._labels.get(class_, UNKNOWN)


def _numbers(values: Any) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as exc:
        raise ServingNonsense("probabilities are not numbers") from exc
    if numbers.shape not in {(CLASSES,), (CLASSES + 1,)}:
        raise ServingNonsense(f"probabilities have shape {numbers.shape} instead of (1000,) or (1001,)")
    if not ((numbers >= -ROUNDING) & (numbers <= 1 + ROUNDING)).all():  # NaN is neither
        raise ServingNonsense("probabilities are not all numbers from 0 to 1")
    return numbers.clip(0, 1)
