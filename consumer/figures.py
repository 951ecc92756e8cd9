"""The figures of a model over the last seconds: rate, batch, time per frame."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from shared.reports import MODEL_FIGURES_S

MOST_ANSWERS = 10_000  # a thousand requests a second


@dataclass(frozen=True, slots=True)
class Figures:
    """What a model did over the last MODEL_FIGURES_S seconds; None where it did not answer.

    Attributes:
        rate: frames answered a second.
        batch: frames per request.
        ms: milliseconds per frame.
    """

    rate: float | None = None
    batch: float | None = None
    ms: float | None = None


class AnswerTimes:
    """The answers of the last seconds. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._began = clock, clock()
        self._lock = threading.Lock()
        self._answers: deque[tuple[float, int, float]] = deque(maxlen=MOST_ANSWERS)

    def add(self, frames: int, seconds: float) -> None:
        """Note an answer about some frames, and the seconds that it took."""
        with self._lock:
            self._answers.append((self._clock(), frames, seconds))

    def figures(self) -> Figures:
        """Return the figures of now; the first ones are over a shorter time."""
        now = self._clock()
        with self._lock:
            while self._answers and self._answers[0][0] < now - MODEL_FIGURES_S:
                self._answers.popleft()
            answers = list(self._answers)
        if not answers:
            return Figures()
        frames = sum(number for _, number, _ in answers)
        over_s = max(1.0, min(MODEL_FIGURES_S, now - self._began))
        return Figures(
            rate=round(frames / over_s, 2),
            batch=round(frames / len(answers), 2),
            ms=round(sum(seconds for _, _, seconds in answers) / frames * 1e3, 2),
        )
