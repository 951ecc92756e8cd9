"""Models on a TensorFlow Serving of the test: they describe themselves, check what they are sent, and answer."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.consumer import rest
from tests.consumer.rest import Request

Sizes = Sequence[int]
Answer = Callable[[list[Any]], list[Any]]
FACE = [0.25, 0.25, 0.75, 0.5]  # ymin, xmin, ymax, xmax in fractions: 80, 48, 80x96 of the frames of tests
EMOTIONS = 7


class TfModel:
    """A behaviour of `Rest`; `asked` has the rows of each request."""

    def __init__(
        self,
        answer: Answer,
        *,
        takes: tuple[str, Sizes] = ("DT_STRING", [-1]),
        gives: dict[str, Sizes],
        version: str = "1",
    ) -> None:
        """Describe the model.

        Args:
            answer: returns `predictions` for `instances`.
            takes: type and sizes of its input `images`.
            gives: sizes of its outputs.
            version: that it serves.
        """
        self.answer, self.takes, self.gives, self.version = answer, takes, gives, version
        self.asked: list[int] = []

    def __call__(self, request: Request) -> None:
        if request.command == "POST":
            self._predict(request)
        elif request.path.endswith("/metadata"):
            request.answer(200, json.dumps(self._metadata()).encode())
        else:
            request.answer(200, rest.versions((self.version, "AVAILABLE")))

    def _predict(self, request: Request) -> None:
        instances = json.loads(request.body)["instances"]
        dtype, sizes = self.takes
        wanted = list(sizes[1:])
        for instance in instances if dtype != "DT_STRING" else ():
            shape = list(np.asarray(instance).shape)
            if shape != wanted:
                request.answer(400, json.dumps({"error": f"shape {shape} instead of {wanted}"}).encode())
                return
        self.asked.append(len(instances))
        request.answer(200, json.dumps({"predictions": self.answer(instances)}).encode())

    def _metadata(self) -> dict[str, Any]:
        inputs = {"images": self._tensor(*self.takes)}
        outputs = {name: self._tensor("DT_FLOAT", sizes) for name, sizes in self.gives.items()}
        signature = {"serving_default": {"inputs": inputs, "outputs": outputs}}
        return {"metadata": {"signature_def": {"signature_def": signature}}}

    @staticmethod
    def _tensor(dtype: str, sizes: Sizes) -> dict[str, Any]:
        return {"dtype": dtype, "tensor_shape": {"dim": [{"size": str(size), "name": ""} for size in sizes]}}


def detector(*boxes: Sequence[float], class_: int = 1, score: float = 0.9) -> TfModel:
    """Return a detector that finds the same boxes in every picture; as fractions, like FACE."""

    def answer(instances: list[Any]) -> list[Any]:
        found = {
            "detection_boxes": [list(box) for box in boxes],
            "detection_scores": [score] * len(boxes),
            "detection_classes": [float(class_)] * len(boxes),
            "num_detections": float(len(boxes)),
        }
        return [found] * len(instances)

    gives: dict[str, Sizes] = {
        "detection_boxes": [-1, len(boxes), 4],
        "detection_scores": [-1, len(boxes)],
        "detection_classes": [-1, len(boxes)],
        "num_detections": [-1],
    }
    return TfModel(answer, gives=gives)


def emotion_model(chosen: int = 3, side: int = 64) -> TfModel:
    """Return a model that sees the same emotion in every face."""
    scores = [0.9 if index == chosen else 0.1 / (EMOTIONS - 1) for index in range(EMOTIONS)]
    return TfModel(
        lambda instances: [scores] * len(instances),
        takes=("DT_FLOAT", [-1, side, side, 1]),
        gives={"scores": [-1, EMOTIONS]},
    )


def classifier(chosen: int = 285, side: int = 8) -> TfModel:
    """Return a classifier that wants pixels of a size."""
    scores = [0.9 if index == chosen else 0.0001 for index in range(1000)]
    return TfModel(
        lambda instances: [scores] * len(instances),
        takes=("DT_UINT8", [-1, side, side, 3]),
        gives={"scores": [-1, 1000]},
    )
