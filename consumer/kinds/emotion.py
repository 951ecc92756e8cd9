"""Emotions of faces, as the original's emonet: faces are found, cut out in grey, and asked about in one request."""

from collections.abc import Mapping, Sequence

from consumer.kinds.faces import FaceFinder
from consumer.kinds.findings import per_picture
from consumer.kinds.kind import Request
from consumer.kinds.labelling import label_of
from consumer.kinds.picture_input import InputDefaults, picture_input
from consumer.kinds.regions import make_request
from consumer.kinds.scores import best, probabilities, scores_output
from consumer.model_spec import ModelSpec
from consumer.pictures.picture import Picture
from consumer.prediction import Box, Finding
from consumer.tensors import Signature, Tensors

DEFAULTS = InputDefaults(name="faces", encoding="tensor", size=(48, 48), dtype="float32", colour="grey", smooth=False)
"""The original's model; it scales a face bilinearly, and divides by 255."""


class Emotion:
    """Asks about faces: those of `crops`, else those that OpenCV's Haar cascade finds."""

    def __init__(self, spec: ModelSpec, signature: Signature, labels: Mapping[int, str]) -> None:
        """Prepare.

        Raises:
            Contradiction: document and metadata do not fit each other.
        """
        self._input = picture_input(spec, signature, DEFAULTS)
        self._scores = scores_output(signature)
        self._labels = labels
        self._margin = spec.crops.margin if spec.crops else 0.0
        self._finder = FaceFinder()

    def request(self, pictures: Sequence[Picture], regions: Sequence[tuple[Box, ...] | None]) -> Request:
        """Return a row for each face, by default float32 [n, h, w, 1] from 0 to 1."""
        faces = [
            self._finder.faces(picture) if boxes is None else boxes
            for picture, boxes in zip(pictures, regions, strict=True)
        ]
        return make_request(self._input, pictures, faces, margin=self._margin)

    def findings(self, outputs: Tensors, request: Request) -> list[tuple[Finding, ...]]:
        """Return the likeliest emotion of each face, with the face as its box."""
        rows = probabilities(outputs, self._scores, len(request.places))
        found: list[list[Finding]] = []
        for row, place in zip(rows, request.places, strict=True):
            (class_,) = best(row, 1)
            probability = round(float(row[class_]), 6)
            found.append([Finding(class_, label_of(self._labels, class_), probability, place.box)])
        return per_picture(found, request)
