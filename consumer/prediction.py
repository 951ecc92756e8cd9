"""A model's answer about a frame, and the newest prediction for each camera."""

import threading
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from shared.frames.frame import Frame
from shared.frames.ledger import MAX_CAMERAS

STALE_AFTER_S = 1.0  # the picture shows the age of an older label
FORGOTTEN_AFTER_S = 10.0  # an older label is not shown

Box: TypeAlias = tuple[int, int, int, int]
"""x, y of the upper left corner, width, height; in pixels of the published frame."""
Point: TypeAlias = tuple[int, int]
"""x, y; in pixels of the published frame."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        class_: as numbered by the labels.
        label: text of the class.
        probability: 0 to 1; None if the model gives none.
        box: where it is; None if it is about the whole picture.
        points: key points of it, such as those of a pose.
    """

    class_: int
    label: str
    probability: float | None
    box: Box | None = None
    points: tuple[Point, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the form on `videopredictions`."""
        finding: dict[str, Any] = {"class": self.class_, "label": self.label, "probability": self.probability}
        if self.box is not None:
            finding["box"] = list(self.box)
        if self.points:
            finding["points"] = [list(point) for point in self.points]
        return finding


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer of a model about one frame.

    Times are in microseconds since the epoch, findings best first; `shadow`: the model is not drawn.
    """

    model: str
    version: str | None
    camera: str
    run: int
    seq: int
    captured_at: int
    requested_at: int
    answered_at: int
    findings: tuple[Finding, ...]
    kind: str = "classification"
    shadow: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the record of `videopredictions` (docs/reference.md)."""
        return {
            "camera": self.camera,
            "run": self.run,
            "seq": self.seq,
            "captured_at": self.captured_at,
            "model": self.model,
            "kind": self.kind,
            "version": self.version,
            "shadow": self.shadow,
            "requested_at": self.requested_at,
            "answered_at": self.answered_at,
            "predictions": [finding.as_json() for finding in self.findings],
        }

    def is_of(self, frame: Frame) -> bool:
        """Return whether the model was asked about this very frame."""
        return (self.camera, self.run, self.seq) == (frame.camera, frame.run, frame.seq)

    def age_s(self, frame: Frame) -> float:
        """Return how much older the picture of this prediction is than a frame, in seconds of the camera's clock."""
        return (frame.captured_at - self.captured_at) / 1e6


@dataclass(slots=True)
class Newest:
    """The newest prediction of one model for each camera. Thread-safe."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _predictions: dict[str, Prediction] = field(default_factory=dict)

    def put(self, prediction: Prediction) -> None:
        """Keep a prediction unless there is one of a newer frame of the same run."""
        with self._lock:
            last = self._predictions.get(prediction.camera)
            if last is None or last.run != prediction.run or last.seq < prediction.seq:
                self._predictions.pop(prediction.camera, None)
                self._predictions[prediction.camera] = prediction
            if len(self._predictions) > MAX_CAMERAS:  # a camera without a prediction for longest is gone
                del self._predictions[next(iter(self._predictions))]

    def get(self, frame: Frame) -> Prediction | None:
        """Return the newest prediction that may still be shown on a frame."""
        with self._lock:
            prediction = self._predictions.get(frame.camera)
        if prediction is None or abs(prediction.age_s(frame)) > FORGOTTEN_AFTER_S:
            return None
        return prediction
