"""What models report about a frame; drawn on the picture, and in its header (consumer/predictions_header.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from consumer.overlay import Box, Line, LineState, Overlay
from consumer.prediction import STALE_AFTER_S, Finding, Prediction
from shared.frames.frame import Frame
from shared.reports import ModelReport
from shared.states import ModelState


class CaptionState(StrEnum):
    """How a model's prediction relates to a frame: the value of `state` in the header `predictions`."""

    OK = "ok"
    STALE = "stale"  # the prediction is older than STALE_AFTER_S
    WAITING = "waiting"  # there is no prediction
    DOWN = "down"  # the model is down


@dataclass(frozen=True, slots=True)
class Caption:
    """What one model says about one frame.

    Attributes:
        model: its name.
        state: how the prediction relates to the frame.
        prediction: what is shown; None when waiting or down.
        age_s: how much older than the frame the picture is that the prediction is about, seconds; None without one.
        since: start of the model's state, microseconds since the epoch; None unless down.
        version: of the model; None if unknown.
    """

    model: str
    state: CaptionState
    prediction: Prediction | None
    age_s: float | None
    since: int | None
    version: str | None


def caption(model: str, state: ModelReport, prediction: Prediction | None, frame: Frame) -> Caption:
    """Return what a model says about a frame, by its state and its newest prediction."""
    if state.state is ModelState.DOWN:
        return Caption(model, CaptionState.DOWN, None, None, state.since, state.version)
    if prediction is None:
        return Caption(model, CaptionState.WAITING, None, None, None, state.version)
    age = max(0.0, prediction.age_s(frame))
    relation = CaptionState.STALE if age > STALE_AFTER_S else CaptionState.OK
    return Caption(model, relation, prediction, age, None, prediction.version)


def as_overlay(captions: Sequence[Caption], at_us: int) -> Overlay:
    """Return what is drawn: `label 87%` per model, its age when it is stale, or `MODEL DOWN` with the time since."""
    lines: list[Line] = []
    boxes: list[tuple[float, Box]] = []
    for one in captions:
        if one.state is CaptionState.DOWN:
            name = f" {one.model}" if len(captions) > 1 else ""
            lines.append(Line(f"MODEL DOWN{name}", _seconds((at_us - (one.since or at_us)) / 1e6), LineState.DOWN))
        elif one.prediction is not None:
            state = LineState.STALE if one.state is CaptionState.STALE else LineState.NORMAL
            for finding in one.prediction.findings:
                note = _note(finding.probability, one.age_s if one.state is CaptionState.STALE else None)
                box = _box(finding, Line(finding.label, note, state))
                if box is not None:
                    boxes.append((finding.probability or 0.0, box))
                else:
                    lines.append(Line(finding.label, note, state))
                    break  # of a whole picture only the best finding is shown
    boxes.sort(key=lambda one: -one[0])  # stable; of too many boxes the first ones are drawn
    return Overlay(tuple(lines), tuple(box for _, box in boxes))


def _box(finding: Finding, line: Line) -> Box | None:
    """Return the box of a finding, or the one around its key points; None if it is about the whole picture."""
    if finding.box is not None:
        return Box(*finding.box, line, finding.points)
    if not finding.points:
        return None
    across, down = zip(*finding.points, strict=True)
    left, top = min(across), min(down)
    return Box(left, top, max(across) - left, max(down) - top, line, finding.points, outlined=False)


def _note(probability: float | None, age_s: float | None) -> str:
    parts = [] if probability is None else [f"{probability:.0%}"]
    if age_s is not None:
        parts.append(f"{age_s:.1f} s ago")
    return " ".join(parts)


def _seconds(seconds: float) -> str:
    """Return whole seconds, minutes or hours; the caption is drawn again only when this text changes."""
    if seconds < 60:
        return f"{max(0, seconds):.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
