"""Measures what processes use, second by second, and whether it grows.

Memory: the slope is the median of the slopes between all pairs of points (Theil and Sen), so that a step, as after a
fault, does not count as growth; its interval is Sen's (1968), 95 %. Descriptors: their number in two calm moments.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from tests.soak.parts import BROKER
from tests.suite import Use, use_of

EVERY_S = 1.0
POINT_S = 10.0  # each point of the line is a median over this time
FEWEST_POINTS = 6
MOST_MB_A_MINUTE = 1.0
JUDGED_S = 300.0  # a slope over less time is noise: then a bound on the memory applies
MOST_MORE_MB = 100.0
MOST_MORE_FILES = 4  # connections to a broker open on demand
# The broker has as many files as segments are kept, and fills its heap of 512 MB and what it maps of its indexes.
BROKER_MOST_MB, BROKER_MOST_FILES = 1200.0, 500
NORMAL_95 = 1.96
MB = 1e6


@dataclass(frozen=True)
class Slope:
    """Growth in MB per minute, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def grows(self) -> bool:
        """Whether it is significantly more than noise."""
        return self.low > MOST_MB_A_MINUTE


@dataclass
class Life:
    """What one process used, from its start to its end."""

    name: str
    pid: int
    seconds: list[float] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    calm: list[tuple[float, Use]] = field(default_factory=list)
    """In moments without a fault."""

    @property
    def lasted_s(self) -> float:
        """How long it was measured."""
        return self.seconds[-1] - self.seconds[0] if self.seconds else 0.0

    def warm_mb(self, warm_s: float) -> list[float]:
        """Return the memory, second by second, from so many seconds after the start on."""
        return [use.rss / MB for at, use in zip(self.seconds, self.uses, strict=True) if at - self.seconds[0] >= warm_s]

    def points(self, warm_s: float) -> list[tuple[float, float]]:
        """Return minutes and MB of each point of the line, from so many seconds after the start on."""
        groups: dict[int, list[float]] = {}
        for at, use in zip(self.seconds, self.uses, strict=True):
            if at - self.seconds[0] >= warm_s:
                groups.setdefault(int((at - self.seconds[0]) // POINT_S), []).append(use.rss / MB)
        return [(number * POINT_S / 60, float(np.median(values))) for number, values in groups.items()]

    def slope(self, warm_s: float) -> Slope | None:
        """Return the growth of the memory from so many seconds after the start on; None: it ended before."""
        points = self.points(warm_s)
        return theil_sen(*map(np.array, zip(*points, strict=True))) if len(points) >= FEWEST_POINTS else None

    def files(self, warm_s: float) -> tuple[int, int] | None:
        """Return the descriptors of the first calm moment after so many seconds, and of the last; None: no two."""
        calm = [use.files for at, use in self.calm if at - self.seconds[0] >= warm_s]
        return (calm[0], calm[-1]) if len(calm) > 1 else None

    def broken(self, warm_s: float) -> list[str]:
        """Return what it has taken too much of, a line each; it had so many seconds to warm up."""
        broken = []
        warm, slope, files = self.warm_mb(warm_s), self.slope(warm_s), self.files(warm_s)
        if self.name == BROKER:
            if max(warm) > BROKER_MOST_MB:
                broken.append(f"it takes {max(warm):.0f} MB, more than {BROKER_MOST_MB:.0f}")
        elif self.lasted_s - warm_s >= JUDGED_S:
            if slope is not None and slope.grows:
                broken.append(f"it grows by {slope.value:.2f} MB a minute (surely {slope.low:.2f})")
        elif warm[-1] - warm[0] > MOST_MORE_MB:
            broken.append(f"it has grown by {warm[-1] - warm[0]:.0f} MB in {self.lasted_s:.0f} s")
        if files is not None and files[1] > (BROKER_MOST_FILES if self.name == BROKER else files[0] + MOST_MORE_FILES):
            broken.append(f"it has {files[1]} descriptors, and had {files[0]}")
        return broken


class Watch:
    """Measures every process each second, in a thread."""

    def __init__(self, processes: Callable[[], Mapping[str, int]]) -> None:
        """Prepare; `processes` returns the ids of what runs now, by name."""
        self.lives: dict[tuple[str, int], Life] = {}
        self._processes = processes
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="growth", daemon=True)

    def calm(self) -> None:
        """Record that there is no fault at the moment."""
        self._look(calm=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._look(calm=False)

    def _look(self, *, calm: bool) -> None:
        with self._lock:
            for name, pid in self._processes().items():
                use = use_of(pid)
                if use is None or not use.rss:  # gone, or about to be
                    continue
                life = self.lives.setdefault((name, pid), Life(name, pid))
                at = time.monotonic()
                life.seconds.append(at)
                life.uses.append(use)
                if calm:
                    life.calm.append((at, use))


def theil_sen(x: np.ndarray, y: np.ndarray) -> Slope:
    """Return the median slope between all pairs of points, and its 95 % interval."""
    first, second = np.triu_indices(len(x), k=1)
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    # How far from the middle the ranks of the interval are: the spread of Kendall's score of as many points.
    spread = NORMAL_95 * np.sqrt(len(x) * (len(x) - 1) * (2 * len(x) + 5) / 18)
    low = max(0, int((len(slopes) - spread) / 2))
    return Slope(float(np.median(slopes)), float(slopes[low]), float(slopes[-1 - low]))
