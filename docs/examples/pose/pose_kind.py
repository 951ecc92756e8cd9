"""A kind of model that another package adds: people with their key points.

It reads the outputs of `python -m tfserving.export pose` (MoveNet): `detection_boxes` [n, k, 4] and `detection_scores`
[n, k] as TensorFlow's detectors have them, and `detection_keypoints` [n, k, p, 2], y and x as shares of the model's
input.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from consumer.kinds import InputDefaults, Place, Request, make_request, per_picture, picture_input
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.servers.errors import Contradiction, ServingNonsense
from consumer.tensors import Signature, Tensors

BOXES, SCORES, POINTS = "detection_boxes", "detection_scores", "detection_keypoints"
PERSON = 1


class Pose:
    """Asks about whole pictures, or about boxes that another model found."""

    default_labels: ClassVar[dict[int, str]] = {PERSON: "person"}

    def __init__(self, spec: ModelSpec, signature: Signature, labels: Mapping[int, str]) -> None:
        """Prepare; what does not fit is one line that /readyz, the page and the log show."""
        missing = {BOXES, SCORES, POINTS} - signature.outputs.keys()
        if signature.outputs and missing:
            raise Contradiction(f"a pose needs the outputs {', '.join(sorted(missing))}; the server's model has none")
        self._input = picture_input(spec, signature, InputDefaults())
        self._label = labels.get(PERSON, "person")
        self._lowest = 0.25 if spec.threshold is None else spec.threshold

    def request(self, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None]) -> Request:
        """Return a row for each picture, or for each of its regions."""
        return make_request(self._input, pictures, regions)

    def findings(self, outputs: Tensors, request: Request) -> list[tuple[Finding, ...]]:
        """Return the people in each picture."""
        rows = len(request.places)
        try:
            boxes, scores, points = (np.asarray(outputs[name], np.float64) for name in (BOXES, SCORES, POINTS))
        except (KeyError, TypeError, ValueError) as exc:
            raise ServingNonsense(f"the answer has no numbers in {BOXES}, {SCORES} and {POINTS}") from exc
        k = scores.shape[-1]
        fits = scores.shape == (rows, k) and boxes.shape == (rows, k, 4) and points.shape[:2] == (rows, k)
        if not fits or points.ndim != 4 or points.shape[3] != 2:
            shapes = ", ".join(str(list(values.shape)) for values in (boxes, scores, points))
            raise ServingNonsense(f"{BOXES}, {SCORES} and {POINTS} have the shapes {shapes}")
        people = zip(boxes, scores, points, request.places, strict=True)
        return per_picture((self._people(*of_row) for of_row in people), request)

    def _people(self, boxes: np.ndarray, scores: np.ndarray, points: np.ndarray, place: Place) -> list[Finding]:
        size = np.array(place.placement.input_size)
        edge = np.array(place.frame_size) - 1
        found = []
        for person in np.argsort(-scores, kind="stable"):
            corners = place.placement.to_frame(boxes[person].reshape(2, 2)[:, ::-1] * size)
            spots = place.placement.to_frame(points[person][:, ::-1] * size)
            # NaN is not above the threshold either.
            if not scores[person] >= self._lowest or not (np.isfinite(corners).all() and np.isfinite(spots).all()):
                continue
            (left, top), (right, bottom) = np.rint(corners).clip(0, edge).astype(int).tolist()
            if right <= left or bottom <= top:
                continue
            where = tuple((x, y) for x, y in np.rint(spots).clip(0, edge).astype(int).tolist())
            probability = round(min(1.0, float(scores[person])), 6)
            found.append(Finding(PERSON, self._label, probability, (left, top, right - left, bottom - top), where))
        return found
