"""Whether a shadow model says the same as another one about the same frames."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from consumer.metrics import PredictionMetrics
from consumer.prediction import Box, Finding, Prediction
from shared.expiring import ExpiringNames
from shared.frames.ledger import FORGOTTEN_AFTER_S, MAX_CAMERAS
from shared.reports import MODEL_FIGURES_S

SAME_BOX_IOU = 0.5  # intersection over union from which on two boxes are the same
REMEMBERED = 512  # predictions that wait for the other model's
MOST_COMPARED = 10_000  # in MODEL_FIGURES_S


def agree(findings: Sequence[Finding], others: Sequence[Finding]) -> bool:
    """Return whether two models say the same: the same boxes with the same labels, or the same top label.

    Two lists of boxes are the same if each box has a partner of its own in the other list, with the same label and an
    intersection over union of at least SAME_BOX_IOU.
    """
    if not findings or not others:
        return not findings and not others
    if findings[0].box is None or others[0].box is None:
        return findings[0].label == others[0].label
    return len(findings) == len(others) and _pairs(findings, others) == len(findings)


def iou(one: Box, other: Box) -> float:
    """Return the intersection of two boxes as a share of their union, 0 to 1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def _pairs(findings: Sequence[Finding], others: Sequence[Finding]) -> int:
    """Return how many boxes find a partner, the most probable ones first, each the one that overlaps it most."""
    free = list(others)
    pairs = 0
    for one in findings:
        best = max(free, key=lambda other: _overlap(one, other), default=None)
        if best is not None and _overlap(one, best) >= SAME_BOX_IOU:
            free.remove(best)
            pairs += 1
    return pairs


def _overlap(one: Finding, other: Finding) -> float:
    if one.label != other.label or one.box is None or other.box is None:
        return 0.0
    return iou(one.box, other.box)


class Agreement:
    """Compares a shadow model with a reference, frame by frame. Thread-safe."""

    def __init__(
        self,
        shadow: str,
        reference: str,
        metrics: PredictionMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without a prediction.

        Args:
            shadow: name of the model that is compared.
            reference: name of the model that it is compared with.
            metrics: counts the comparisons.
            clock: monotonic seconds.
        """
        self.shadow, self.reference = shadow, reference
        self._metrics, self._clock = metrics, clock
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str, int, int], Prediction] = {}
        self._compared: deque[tuple[float, bool]] = deque(maxlen=MOST_COMPARED)
        self._cameras = ExpiringNames(MAX_CAMERAS, after_s=FORGOTTEN_AFTER_S, forget=self._forget, now_s=clock)

    def add(self, prediction: Prediction) -> None:
        """Take in a prediction of either model, as it is shown; compare it if the other's is there."""
        model = prediction.model
        other = self.reference if model == self.shadow else self.shadow
        frame = (prediction.camera, prediction.run, prediction.seq)
        with self._lock:
            partner = self._waiting.pop((other, *frame), None)
            if partner is None:
                self._waiting[(model, *frame)] = prediction
                if len(self._waiting) > REMEMBERED:
                    del self._waiting[next(iter(self._waiting))]
                return
            agrees = agree(prediction.findings, partner.findings)
            self._compared.append((self._clock(), agrees))
            if self._cameras.admit(prediction.camera):
                self._count(prediction.camera, agrees=agrees)

    def last(self) -> tuple[int, float | None]:
        """Return how many answers were compared in the last MODEL_FIGURES_S, and the share of them that agree."""
        since = self._clock() - MODEL_FIGURES_S
        with self._lock:
            while self._compared and self._compared[0][0] < since:
                self._compared.popleft()
            compared = len(self._compared)
            agreed = sum(agrees for _, agrees in self._compared)
        return compared, round(agreed / compared, 4) if compared else None

    def close(self) -> None:
        """Remove the counts: one of the models is no longer there."""
        self._cameras.clear()

    def _count(self, camera: str, *, agrees: bool) -> None:
        for said in (True, False):  # both exist from the start, so that a share can be computed
            count = self._metrics.agreement.labels(self.shadow, self.reference, camera, str(said).lower())
            count.inc(said is agrees)

    def _forget(self, camera: str) -> None:
        for said in ("true", "false"):
            with suppress(KeyError):
                self._metrics.agreement.remove(self.shadow, self.reference, camera, said)
