"""What became of a camera over the last minutes: rate, age, drops by reason and top findings, in points of ten seconds.

A viewer that arrives later sees what has been. Everything is bounded: points, findings and reasons per point, and the
number of cameras that have a history. For the event loop only.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from shared.reports import LedgerReport

Json: TypeAlias = dict[str, Any]
Accounts: TypeAlias = Mapping[str, LedgerReport]  # by service

INTERVAL_S = 10.0  # of a point
POINTS = 30  # five minutes
MAX_HISTORIES = 200  # cameras with frames; 36 MB if every label and reason is a new one of the greatest length
MAX_FINDINGS = 5  # of a point: those that were seen most often
MAX_LABELS = 50  # of a point while it is being collected
MAX_REASONS = 12  # of a point: those that dropped most
MAX_LABEL = 80  # characters; longer ones are cut


@dataclass(slots=True)
class _Finding:
    """How often a label was seen in samples, one a second, and how sure the model was at most."""

    samples: int = 0
    probability: float = 0.0


@dataclass(slots=True)
class _Point:
    """What is collected in one interval."""

    at: int  # begin, microseconds since the epoch
    began: float  # monotonic
    frames: int = 0
    ages: int = 0
    age_sum_s: float = 0.0
    age_max_s: float = 0.0
    samples: int = 0
    findings: dict[tuple[str, str], _Finding] = field(default_factory=dict)

    def as_json(self, now: float, dropped: Mapping[tuple[str, str], int]) -> Json:
        top = sorted(self.findings.items(), key=lambda item: (-item[1].samples, -item[1].probability, item[0]))
        return {
            "at": self.at,
            "fps": round(self.frames / max(now - self.began, 1.0), 2),
            "age_ms": round(self.age_sum_s / self.ages * 1000, 1) if self.ages else None,
            "age_max_ms": round(self.age_max_s * 1000, 1) if self.ages else None,
            "dropped": _by_service(sorted(dropped.items(), key=lambda item: (-item[1], item[0]))[:MAX_REASONS]),
            "findings": [
                {
                    "model": model,
                    "label": label,
                    "probability": round(finding.probability, 3),
                    "share": round(finding.samples / self.samples, 3),
                }
                for (model, label), finding in top[:MAX_FINDINGS]
            ],
        }


class History:
    """The history of one camera."""

    def __init__(self, at_us: int, now: float) -> None:
        """Begin at a time in microseconds since the epoch, which is a monotonic time in seconds."""
        self._points: deque[Json] = deque(maxlen=POINTS)
        self._point = _Point(at_us, now)
        self._counted: dict[tuple[str, str], int] | None = None  # dropped frames when the point began
        self._dropped: dict[tuple[str, str], int] = {}
        self._sampled_frames = 0

    def note_frame(self, age_s: float | None) -> None:
        """Note a frame and its age in seconds, None if that is unknown."""
        point = self._point
        point.frames += 1
        if age_s is not None:
            point.ages += 1
            point.age_sum_s += age_s
            point.age_max_s = max(point.age_max_s, age_s)

    def sample(self, predictions: Iterable[Json], *, frames: int) -> None:
        """Note what models see, about once a second.

        Args:
            predictions: what was drawn on the newest frame (video/predictions.py).
            frames: of the camera so far; a frame that has been sampled is not sampled again.
        """
        if frames == self._sampled_frames:
            return
        self._sampled_frames = frames
        self._point.samples += 1
        for key, probability in _findings(predictions).items():
            known = self._point.findings.get(key)
            if known is None:
                if len(self._point.findings) >= MAX_LABELS:
                    continue
                known = self._point.findings[key] = _Finding()
            known.samples += 1
            known.probability = max(known.probability, probability)

    def turn(self, accounts: Accounts, at_us: int, now: float) -> None:
        """Take the ledgers' accounts of the camera, and begin the next point if it is time."""
        counted = {
            (service, reason): frames
            for service, account in accounts.items()
            for reason, frames in {**account.dropped, "lost_upstream": account.lost_upstream}.items()
        }
        before = counted if self._counted is None else self._counted
        # A service that has restarted counts from zero: what it has dropped since is not known to be new.
        grown = {key: frames - before.get(key, 0) for key, frames in counted.items()}
        self._dropped = {key: frames for key, frames in grown.items() if frames > 0}
        if self._counted is None:
            self._counted = counted
        if now - self._point.began >= INTERVAL_S:
            self._points.append(self._point.as_json(now, self._dropped))
            self._point, self._counted, self._dropped = _Point(at_us, now), counted, {}

    def as_json(self, now: float) -> list[Json]:
        """Return the points, the newest last; it grows until it is `INTERVAL_S` long."""
        return [*self._points, self._point.as_json(now, self._dropped)]


def _findings(predictions: Iterable[Json]) -> dict[tuple[str, str], float]:
    """Return the labels of a frame by model, each with its highest probability; only answers that are not old count."""
    found: dict[tuple[str, str], float] = {}
    for prediction in predictions:
        if prediction.get("state") != "ok":
            continue
        model = str(prediction.get("model", ""))[:MAX_LABEL]
        boxes = prediction.get("boxes") or ()
        for one in (prediction, *(box for box in boxes if isinstance(box, dict))):
            label, probability = one.get("label"), one.get("probability")
            if isinstance(label, str) and label:
                key = (model, label[:MAX_LABEL])
                sure = float(probability) if isinstance(probability, int | float) else 0.0
                found[key] = max(found.get(key, 0.0), min(1.0, max(0.0, sure)))
    return found


def _by_service(dropped: Iterable[tuple[tuple[str, str], int]]) -> Json:
    services: Json = {}
    for (service, reason), frames in dropped:
        services.setdefault(service, {})[reason] = frames
    return services
