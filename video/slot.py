"""The picture that viewers of a camera see now, and how they learn of a new one. For the event loop only."""

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.frames.frame import Frame
from video.predictions import Json, read_predictions


@dataclass(slots=True, eq=False)
class DisplayedPicture:
    """One picture to be shown.

    Attributes:
        jpeg: the picture, with the notice drawn on it if there is one.
        width, height: of the picture, pixels.
        frame: the frame it shows; None before the camera's first one.
        count: frames that the slot had been given by then.
        number: pictures that the slot had shown by then.
        clock_suspect: the frame's age is unknown, because clocks disagree.
        notice: the part that the notice on it names, if any.
        plain: the same frame with nothing drawn on it, for viewers that show notices by other means; None if this
            picture is plain, or if there is no frame.
        heads: by scale, the last head of a part, and the age that it states, whole milliseconds.
        scaled: by scale, the picture being made.
        predictions: what was drawn on the frame, and as JSON; None until they are requested.
    """

    jpeg: bytes = field(repr=False)
    width: int
    height: int
    frame: Frame | None
    count: int
    number: int
    clock_suspect: bool = False
    notice: str | None = None
    plain: "DisplayedPicture | None" = field(default=None, repr=False)
    heads: dict[int, tuple[int | None, bytes]] = field(default_factory=dict, repr=False)
    scaled: dict[int, asyncio.Future[bytes]] = field(default_factory=dict, repr=False)
    predictions: tuple[list[Json], str] | None = field(default=None, repr=False)

    @property
    def camera(self) -> str:
        """The camera that it shows; empty for a card that shows none."""
        return self.frame.camera if self.frame else ""

    def read_predictions(self) -> tuple[list[Json], str]:
        """Return what was drawn on the frame, and the same as JSON; the header is parsed once."""
        if self.predictions is None:
            predictions = read_predictions(self.frame.predictions if self.frame else b"")
            self.predictions = (predictions, json.dumps(predictions, allow_nan=False))
        return self.predictions

    def predictions_json(self) -> str:
        """Return what was drawn on the frame, as JSON."""
        return (self.plain or self).read_predictions()[1]

    def age_ms(self, now_us: int) -> float | None:
        """Return the age of the frame in milliseconds; None if clocks disagree, or if there is no frame."""
        if self.frame is None or self.clock_suspect:
            return None
        return max(0, now_us - self.frame.captured_at) / 1000


class Signal(Protocol):
    """What learns of a new picture, such as an `asyncio.Event`."""

    def set(self) -> None:
        """Learn that there may be something new to see."""


class Slot:
    """Holds the newest picture of one camera. Each viewer takes it when it can; older ones are gone."""

    def __init__(self) -> None:
        self.picture: DisplayedPicture | None = None
        self.newest: Frame | None = None
        self.clock_suspect = False
        self.frames = 0
        self.shown_at = float("-inf")
        self.drawing = False  # a notice is being drawn
        self._watchers: set[Signal] = set()

    @property
    def viewers(self) -> int:
        """The number of viewers that follow it."""
        return len(self._watchers)

    def put(self, frame: Frame, *, clock_suspect: bool) -> None:
        """Show a new frame."""
        self.frames += 1
        self.newest, self.clock_suspect = frame, clock_suspect
        self._show(DisplayedPicture(frame.jpeg, frame.width, frame.height, frame, self.frames, 0, clock_suspect))

    def repeat(self) -> None:
        """Show the newest frame again, with nothing written on it."""
        last = self.picture
        if last is None or last.frame is None:
            return
        self._show(replace(last.plain or last))

    def show_notice(self, jpeg: bytes, width: int, height: int, *, notice: str | None) -> None:
        """Show a picture made by drawing a notice on the newest frame, or on a card if there is none."""
        last = self.picture
        plain = (last.plain or last) if last is not None and last.frame is not None else None
        self._show(
            DisplayedPicture(jpeg, width, height, self.newest, self.frames, 0, self.clock_suspect, notice, plain)
        )

    def predictions(self) -> list[Json]:
        """Return what was drawn on the newest frame."""
        picture = self.picture
        return (picture.plain or picture).read_predictions()[0] if picture is not None else []

    def watch(self, signal: Signal) -> None:
        """Set the signal whenever there is something new to see."""
        self._watchers.add(signal)

    def unwatch(self, signal: Signal) -> None:
        """Stop setting the signal."""
        self._watchers.discard(signal)

    def wake(self) -> None:
        """Set the signals of all viewers that follow it."""
        for signal in self._watchers:
            signal.set()

    def _show(self, picture: DisplayedPicture) -> None:
        picture.number = self.picture.number + 1 if self.picture else 1
        self.picture = picture
        self.shown_at = time.monotonic()
        self.wake()
