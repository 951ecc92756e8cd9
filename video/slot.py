"""What viewers of a camera are to see now, and how they hear of it; for the event loop only."""

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from shared.frames.frame import Frame


@dataclass(slots=True, eq=False)
class DisplayedPicture:
    """One picture to be shown.

    Attributes:
        jpeg: the picture; with a notice on it, if there is one.
        width, height: of the picture, pixels.
        frame: what it shows; None: there was none yet.
        count: frames that the slot had been given by then.
        number: pictures that the slot had shown by then.
        clock_suspect: the frame's age cannot be told.
        notice: whom the notice on it names, if it names one.
        plain: the same frame with nothing drawn on it, for who shows notices by other means; None: it is this, or
            there is no frame.
        heads: for each scale, what does not change between two viewers in the head of a part.
        scaled: for each scale, the picture being made.
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
    heads: dict[int, bytes] = field(default_factory=dict, repr=False)
    scaled: dict[int, asyncio.Future[bytes]] = field(default_factory=dict, repr=False)

    def age_ms(self, now_us: int) -> float | None:
        """Return the age of the frame in milliseconds; None: clocks disagree, or there is no frame."""
        if self.frame is None or self.clock_suspect:
            return None
        return max(0, now_us - self.frame.captured_at) / 1000


class Slot:
    """Holds the newest picture of one camera; each viewer takes it when it can, and older ones are gone."""

    def __init__(self) -> None:
        self.picture: DisplayedPicture | None = None
        self.newest: Frame | None = None
        self.clock_suspect = False
        self.frames = 0
        self.shown_at = float("-inf")
        self.drawing = False  # a notice is being drawn
        self._watchers: set[asyncio.Event] = set()

    @property
    def viewers(self) -> int:
        """The number of those who watch."""
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
        """Show a picture that was made of the newest frame, or of none, by drawing on it."""
        last = self.picture
        plain = (last.plain or last) if last is not None and last.frame is not None else None
        self._show(
            DisplayedPicture(jpeg, width, height, self.newest, self.frames, 0, self.clock_suspect, notice, plain)
        )

    def watch(self, event: asyncio.Event) -> None:
        """Set the event whenever there is something new to see."""
        self._watchers.add(event)

    def unwatch(self, event: asyncio.Event) -> None:
        """Set the event no more."""
        self._watchers.discard(event)

    def wake(self) -> None:
        """Set the events of all who watch."""
        for event in self._watchers:
            event.set()

    def _show(self, picture: DisplayedPicture) -> None:
        picture.number = self.picture.number + 1 if self.picture else 1
        self.picture = picture
        self.shown_at = time.monotonic()
        self.wake()


def predictions_of(frame: Frame) -> list[Any]:
    """Return what was drawn on a frame, as the consumer wrote it; empty if that is no JSON list."""
    try:
        predictions = json.loads(frame.predictions or b"[]")
    except (ValueError, RecursionError):
        return []
    return predictions if isinstance(predictions, list) else []
